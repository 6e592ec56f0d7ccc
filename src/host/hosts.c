/* host/hosts.c - see hosts.h. */
#include "host/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "host/engine.h"
#include "host/far.h"
#include "host/minder.h"
#include "host/options.h"
#include "net/link.h"

enum { SLOTS_MAX = 4096 };
#define START_NS (10 * NS_PER_SECOND) /* agents have so long to say hello; timeout= */

static struct minder minder;
static bool minded; /* there is one */

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("sandbox: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return EXIT_USAGE;
}

/* -- what --hosts says ---------------------------------------------------------------------------------- */

/* One part: "USER@HOST:SLOTS", or "timeout=S". */
static int read_part(char *part, struct minder_request *r, int64_t *timeout_ns) {
  char *end = "";
  if (strncmp(part, "timeout=", 8) == 0) {
    double s = strtod(part + 8, &end);
    *timeout_ns = s > 0 && s <= 3600 ? (int64_t)(s * 1e9) : 0;
    return *timeout_ns && *end == '\0'
               ? 0
               : refuse("option '--hosts': '%s' wants seconds greater than 0", part);
  }
  if (r->count == MINDED_MAX)
    return refuse("option '--hosts' takes at most %d hosts", MINDED_MAX);
  struct minded *h = &r->hosts[r->count++];
  char *colon = strchr(part, ':');
  long slots = colon ? strtol(colon + 1, &end, 10) : 0;
  if (colon && (slots < 1 || slots > SLOTS_MAX || *end || colon[1] == '\0'))
    return refuse("option '--hosts': '%s' wants a number of slots behind the colon, from 1 to %d",
                  part, SLOTS_MAX);
  if (colon)
    *colon = '\0';
  const char *sign = strrchr(part, '@'), *name = sign ? sign + 1 : part;
  if (!host_is_name(name) || part[0] == '-' || strlen(part) >= sizeof h->at)
    return refuse("option '--hosts': '%s' is no name of a host", part);
  h->slots = (int)slots;
  text_copy(h->at, sizeof h->at, part);
  text_copy(h->name, sizeof h->name, name);
  for (int i = 0; i + 1 < r->count; i++)
    if (strcmp(r->hosts[i].name, name) == 0)
      return refuse("option '--hosts' names '%s' twice", name);
  return 0;
}

static int read_hosts(const char *list, struct minder_request *r, int64_t *timeout_ns) {
  char *copy = strdup(list);
  int status = copy ? 0 : EXIT_LUA_ERROR;
  for (char *rest = copy, *part; status == 0 && rest && (part = strsep(&rest, ","));)
    status = read_part(part, r, timeout_ns);
  free(copy);
  if (status == 0 && r->count == 0)
    status = refuse("option '--hosts' names no host");
  return status;
}

/* -- an engine of our own --------------------------------------------------------------------------------- */

/* A port that nobody uses now. */
static int free_port(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool good = fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
              getsockname(fd, (struct sockaddr *)&a, &len) == 0;
  if (fd >= 0)
    close(fd);
  return good ? ntohs(a.sin_port) : 0;
}

static int draw_address(struct engine_address *a) {
  unsigned char drawn[16];
  *a = (struct engine_address){.host = "127.0.0.1", .port = free_port()};
  if (a->port == 0 || getrandom(drawn, sizeof drawn, 0) != sizeof drawn)
    return refuse("cannot start an engine: %s", strerror(errno));
  for (size_t i = 0; i < sizeof drawn; i++)
    snprintf(a->password + 2 * i, 3, "%02x", drawn[i]);
  return 0;
}

/* -- the engine -------------------------------------------------------------------------------------------- */

/* It can be used. */
static int check_engine(void) {
  char why[ENGINE_WHY];
  struct engine *e;
  if (engine_open(&far_setup.engine, &e, why))
    return refuse("%s", why);
  engine_close(e);
  return 0;
}

static int choose_engine(const struct engine_choice *c) {
  char why[ENGINE_WHY];
  int status = 0;
  const char *reason;
  if (!engine_available(&reason))
    return refuse("%s", reason);
  if (!c->url)
    status = draw_address(&far_setup.engine.address);
  else if (engine_parse(c->url, &far_setup.engine.address, why))
    status = refuse("%s", why);
  if (status)
    return status;
  if (c->url)
    engine_hide_password((char *)(uintptr_t)c->url);
  if (c->hosts && far_setup.engine.address.port == 0)
    return refuse("option '--hosts' needs an engine with a port, which other hosts can reach");
  engine_note_name(&far_setup.engine.address);
  far_setup.engine.insecure = c->insecure;
  far_setup.engine.timeout_ns = c->timeout_ns;
  return c->url ? check_engine() : 0;
}

static void name_here(void) {
  char name[NAME_MAX_BYTES + 16] = "";
  if (gethostname(name, sizeof name - 1) == 0)
    name[strcspn(name, ".")] = '\0';
  text_copy(far_setup.here, sizeof far_setup.here, host_is_name(name) ? name : "here");
}

/* -- agents -------------------------------------------------------------------------------------------------- */

/* Read a line of news until then. False: none came, and `line` says "". */
static bool next_news(int64_t until_ns, char *line, size_t size) {
  size_t len = 0;
  char byte;
  int fd = fileno(minder.news);
  while (clock_now_ns() < until_ns) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 50) <= 0)
      continue;
    ssize_t n = read(fd, &byte, 1);
    if (n <= 0)
      break;
    if (byte == '\n') {
      line[len] = '\0';
      return true;
    }
    if (len + 1 < size)
      line[len++] = byte;
  }
  line[0] = '\0';
  return false;
}

/* "WORD REST": is it that word? Then its rest. */
static const char *news_of(const char *line, const char *word) {
  size_t len = strlen(word);
  return strncmp(line, word, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

static int await_server(void) {
  char line[1024];
  while (next_news(clock_now_ns() + START_NS, line, sizeof line)) {
    const char *why = news_of(line, "failed");
    if (why)
      return refuse("cannot start an engine: %s (it needs the package redis-server, or --engine)",
                    why);
    if (news_of(line, "server"))
      return check_engine();
  }
  return refuse("cannot start an engine: redis-server does not answer");
}

/* The agent has said hello: does it understand us? */
static int check_host(const char *name) {
  char why[ENGINE_WHY];
  struct host_info h;
  struct engine *e;
  bool found = false;
  int rc = engine_new(&far_setup.engine, &e);
  if (rc == 0)
    rc = host_look(e, name, &h, &found);
  engine_close(e);
  if (rc)
    return refuse("%s", error_text(rc));
  if (!found)
    return refuse("host %s: its agent has another engine", name);
  return far_understands(&h, why) ? 0 : refuse("%s", why);
}

/* The hosts that have not said hello yet. */
static void name_missing(const struct minder_request *r, const bool *ready, char *ret,
                         size_t size) {
  size_t len = 0;
  ret[0] = '\0';
  for (int i = 0; i < r->count; i++)
    if (!ready[i] && len < size)
      len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? ", " : "", r->hosts[i].name);
}

static int await_agents(const struct minder_request *r, int64_t timeout_ns) {
  bool ready[MINDED_MAX] = {false};
  int64_t until_ns = clock_now_ns() + timeout_ns;
  char line[1024], missing[512];
  int left = r->count, status = 0;
  while (left > 0 && status == 0 && next_news(until_ns, line, sizeof line)) {
    const char *gone = news_of(line, "gone"), *name = news_of(line, "ready");
    if (gone)
      status = refuse("host %.*s: no agent:%s", (int)strcspn(gone, " "), gone,
                      gone + strcspn(gone, " "));
    for (int i = 0; name && i < r->count; i++)
      if (strcmp(r->hosts[i].name, name) == 0 && !ready[i]) {
        ready[i] = true;
        left--;
        status = check_host(name);
      }
  }
  if (status || left == 0)
    return status;
  name_missing(r, ready, missing, sizeof missing);
  return refuse("host %s: no agent has said hello within %.1f s", missing,
                (double)timeout_ns / 1e9);
}

static int start_hosts(const struct engine_choice *c) {
  static struct minder_request r;
  int64_t timeout_ns = START_NS;
  int status = read_hosts(c->hosts, &r, &timeout_ns);
  if (status)
    return status;
  r.address = far_setup.engine.address;
  r.server = !c->url;
  int rc = minder_start(&r, &minder);
  if (rc)
    return refuse("cannot start agents: %s", error_text(rc));
  minded = true;
  if (r.server)
    status = await_server();
  if (status == 0)
    status = await_agents(&r, timeout_ns);
  if (status)
    hosts_end();
  return status;
}

/* -- a run ------------------------------------------------------------------------------------------------------ */

int hosts_begin(const struct engine_choice *c) {
  if (!c->url && !c->hosts)
    return 0;
  int status = choose_engine(c);
  if (status)
    return status;
  name_here();
  engine_draw_run(far_setup.run);
  far_setup.lost_ns = c->lost_ns ? c->lost_ns : HOST_LOST_NS;
  far_setup.spread = c->spread;
  if (c->hosts)
    status = start_hosts(c);
  int rc = status ? 0 : engine_choose(&far_setup.engine, far_setup.run, 0);
  if (rc) {
    status = refuse("%s", error_text(rc));
    hosts_end();
  }
  far_setup.on = status == 0;
  return status;
}

/* The run's processes on this host end. */
static int tell_over(void *ctx, const char *name) {
  char inbox[ENGINE_KEY];
  host_inbox(inbox, name);
  return link_add(ctx, inbox, FAR_OVER, far_setup.run, strlen(far_setup.run));
}

void hosts_end(void) {
  struct engine *e;
  struct engine_options o = far_setup.engine;
  o.timeout_ns = NS_PER_SECOND; /* nobody waits for one that is gone */
  if (far_setup.on && engine_new(&o, &e) == 0) {
    host_names(e, tell_over, e);
    engine_close(e);
  }
  if (minded)
    minder_end(&minder);
  minded = false;
}
