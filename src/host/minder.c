/* host/minder.c - see minder.h. */
#include "host/minder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

enum { WORDS = 64, LINES_KEPT = 600, END_WAIT_MS = 3000 };

/* A program that was started: an agent's ssh, or the server. */
struct child {
  pid_t pid;        /* 0: it has ended */
  const char *name; /* of the host; NULL: the server */
  int in, out;      /* its stdin, and what it prints; -1: closed */
  bool ready;       /* it has said hello */
  char line[4096];  /* what it prints, up to a newline */
  size_t len;
  char said[LINES_KEPT]; /* the last lines before it was ready, with "; " between them */
};

struct work {
  const struct minder_request *r;
  struct child children[MINDED_MAX + 1];
  int count;
  int life, news;
};

/* -- programs ----------------------------------------------------------------------------------------- */

/* In the child: run it, with pipes as its standard streams. The name is told if it cannot be run. */
static void run_program(char *const argv[], const int in[2], const int out[2])
    __attribute__((noreturn));
static void run_program(char *const argv[], const int in[2], const int out[2]) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(in[0], STDIN_FILENO);
  dup2(out[1], STDOUT_FILENO);
  dup2(out[1], STDERR_FILENO);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  execvp(argv[0], argv);
  dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

/* Start it, and write `first` to its stdin. */
static void start(struct work *w, const char *name, char *const argv[], const char *first) {
  struct child *c = &w->children[w->count++];
  int in[2], out[2];
  *c = (struct child){.name = name, .in = -1, .out = -1};
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
    _exit(1);
  c->pid = fork();
  if (c->pid == 0)
    run_program(argv, in, out);
  close(in[0]);
  close(out[1]);
  c->in = in[1];
  c->out = out[0];
  fcntl(c->out, F_SETFL, O_NONBLOCK);
  if (write(c->in, first, strlen(first)) < 0)
    errno = 0; /* it has ended: that is seen soon */
}

/* The settings come from stdin: arguments can be read by everybody. */
static void start_server(struct work *w) {
  static char *const argv[] = {"redis-server", "-", NULL};
  const struct engine_address *a = &w->r->address;
  char settings[ENGINE_TEXT + 256];
  snprintf(settings, sizeof settings,
           "bind 127.0.0.1\nport %d\nrequirepass %s\nsave \"\"\nappendonly no\ndaemonize no\n"
           "maxmemory-policy noeviction\n",
           a->port, a->password);
  start(w, NULL, argv, settings);
  close(w->children[w->count - 1].in); /* it reads to the end */
  w->children[w->count - 1].in = -1;
}

/* The words of SANDBOX_SSH, or what ssh needs so that it asks nothing. `text` is cut into them. */
static int ssh_words(char *text, size_t size, char **argv) {
  const char *said = getenv("SANDBOX_SSH");
  int n = 0;
  snprintf(text, size, "%s", said && *said ? said : "ssh -o BatchMode=yes -o ConnectTimeout=8");
  for (char *rest, *word = strtok_r(text, " ", &rest); word && n < WORDS - 16;
       word = strtok_r(NULL, " ", &rest))
    argv[n++] = word;
  return n;
}

static bool is_loopback(const char *host) {
  return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
         strcmp(host, "::1") == 0;
}

/* What the shell on the other side leaves as it is. */
static bool is_plain(const char *text) {
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")] ==
         '\0';
}

/* ssh [-R PORT:127.0.0.1:PORT] HOST sandbox --command agent ... An engine of this host alone is reached through a
 * tunnel. */
static void start_agent(struct work *w, const struct minded *h) {
  const struct engine_address *a = &w->r->address;
  char words[1024], tunnel[ENGINE_TEXT + 64], url[2 * ENGINE_TEXT + 64], slots[16],
      first[ENGINE_TEXT + 2];
  char *argv[WORDS];
  int n = ssh_words(words, sizeof words, argv);
  bool near = is_loopback(a->host);
  snprintf(tunnel, sizeof tunnel, "%d:%s:%d", a->port, a->host, a->port);
  snprintf(url, sizeof url, "redis://%s%s%s:%d/%d", is_plain(a->user) ? a->user : "",
           a->user[0] ? ":-@" : "", near ? "127.0.0.1" : a->host, a->port, a->database);
  snprintf(slots, sizeof slots, "%d", h->slots);
  const char *const more[] = {near ? "-R" : NULL,
                              near ? tunnel : NULL,
                              h->at,
                              "sandbox",
                              "--command", /* the login's folder may have a file called agent */
                              "agent",
                              "--password-stdin",
                              "--engine-insecure",
                              "--name",
                              h->name,
                              h->slots ? "--slots" : NULL,
                              h->slots ? slots : NULL,
                              url};
  for (size_t i = 0; i < sizeof more / sizeof *more; i++)
    if (more[i])
      argv[n++] = (char *)(uintptr_t)more[i];
  argv[n] = NULL;
  snprintf(first, sizeof first, "%s\n", a->password);
  start(w, h->name, argv, first);
}

/* -- what they print ------------------------------------------------------------------------------------ */

static void tell(const struct work *w, const char *what, const char *name, const char *why) {
  char line[LINES_KEPT + 256];
  int n = snprintf(line, sizeof line, "%s %s%s%s\n", what, name, *why ? " " : "", why);
  if (write(w->news, line, (size_t)n) < 0)
    errno = 0; /* nobody listens any more */
}

/* Of an agent: it is ready; or a line that is kept, in case that it never is; or one for a person. */
static void take_line(const struct work *w, struct child *c) {
  char ready[NAME_MAX_BYTES + 32];
  if (!c->name)
    return;
  snprintf(ready, sizeof ready, "sandbox agent %s: ready", c->name);
  if (!c->ready && strncmp(c->line, ready, strlen(ready)) == 0) {
    c->ready = true;
    tell(w, "ready", c->name, "");
  } else if (c->ready) {
    dprintf(STDERR_FILENO, "%s\n", c->line);
  } else if (c->line[0]) {
    size_t len = strlen(c->said);
    snprintf(c->said + len, sizeof c->said - len, "%s%s", len ? "; " : "", c->line);
  }
}

static void read_output(const struct work *w, struct child *c) {
  char part[1024];
  ssize_t n;
  while (c->out >= 0 && (n = read(c->out, part, sizeof part)) != -1) {
    if (n == 0) {
      close(c->out);
      c->out = -1;
    }
    for (ssize_t i = 0; i < n; i++) {
      bool ends = part[i] == '\n' || c->len + 1 == sizeof c->line;
      if (!ends && part[i] != '\r')
        c->line[c->len++] = part[i];
      if (!ends)
        continue;
      c->line[c->len] = '\0';
      c->len = 0;
      take_line(w, c);
    }
  }
}

/* -- their ends -------------------------------------------------------------------------------------------- */

static void has_ended(const struct work *w, struct child *c, int status) {
  char why[LINES_KEPT + 128];
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  read_output(w, c);
  c->pid = 0;
  if (c->said[0])
    snprintf(why, sizeof why, "%s", c->said);
  else
    snprintf(why, sizeof why, "it ended with status %d", code);
  if (!c->name)
    tell(w, "failed", "redis-server", why);
  else if (!c->ready)
    tell(w, "gone", c->name, why);
  else
    dprintf(STDERR_FILENO, "sandbox: host %s: its agent has ended (status %d)\n", c->name, code);
}

/* Returns how many live. */
static int reap(const struct work *w, struct work *all, bool quiet) {
  int left = 0;
  for (int i = 0; i < w->count; i++) {
    struct child *c = &all->children[i];
    int status;
    if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid) {
      if (!quiet)
        has_ended(w, c, status);
      c->pid = 0;
    }
    left += c->pid != 0;
  }
  return left;
}

static void send_all(const struct work *w, int signal, bool server) {
  for (int i = 0; i < w->count; i++)
    if (w->children[i].pid && (server || w->children[i].name))
      kill(w->children[i].pid, signal);
}

/* How many agents live. */
static int agents_left(const struct work *w) {
  int n = 0;
  for (int i = 0; i < w->count; i++)
    n += w->children[i].pid && w->children[i].name;
  return n;
}

static void wait_for_agents(struct work *w, int ms) {
  int64_t until_ns = clock_now_ns() + ms * NS_PER_MS;
  while (reap(w, w, true), agents_left(w) > 0 && clock_now_ns() < until_ns) {
    for (int i = 0; i < w->count; i++)
      read_output(w, &w->children[i]);
    poll(NULL, 0, 10);
  }
}

/* The run is over: agents first, since they still say good-bye to the engine. */
static void end_all(struct work *w) __attribute__((noreturn));
static void end_all(struct work *w) {
  for (int i = 0; i < w->count; i++)
    if (w->children[i].in >= 0)
      close(w->children[i].in);
  wait_for_agents(w, END_WAIT_MS);
  send_all(w, SIGTERM, false);
  wait_for_agents(w, END_WAIT_MS / 3);
  send_all(w, SIGKILL, false);
  send_all(w, SIGTERM, true);
  for (int i = 0; i < 100 && reap(w, w, true) > 0; i++)
    poll(NULL, 0, 10);
  send_all(w, SIGKILL, true);
  _exit(0);
}

/* -- the life ------------------------------------------------------------------------------------------------ */

/* Does anybody hold the other end? */
static bool is_over(int life) {
  struct pollfd p = {.fd = life, .events = POLLIN};
  char byte;
  return poll(&p, 1, 0) > 0 && read(life, &byte, 1) == 0;
}

static void wait_for_news(const struct work *w) {
  struct pollfd fds[MINDED_MAX + 2];
  int n = 0;
  fds[n++] = (struct pollfd){.fd = w->life, .events = POLLIN};
  for (int i = 0; i < w->count; i++)
    fds[n++] = (struct pollfd){.fd = w->children[i].out, .events = POLLIN};
  poll(fds, (nfds_t)n, 250);
}

/* Wait until the server listens. */
static void await_server(struct work *w) {
  struct engine *e = NULL;
  const struct engine_options o = {.address = w->r->address};
  char why[ENGINE_WHY];
  for (int i = 0; i < 200 && !is_over(w->life); i++) {
    reap(w, w, false);
    if (w->children[0].pid == 0)
      return;
    if (engine_open(&o, &e, why) == 0) {
      engine_close(e);
      tell(w, "server", "", "");
      return;
    }
    poll(NULL, 0, 10);
  }
  tell(w, "failed", "redis-server", why);
}

static void mind(struct work *w) __attribute__((noreturn));
static void mind(struct work *w) {
  if (w->r->server) {
    start_server(w);
    await_server(w);
  }
  for (int i = 0; i < w->r->count; i++)
    start_agent(w, &w->r->hosts[i]);
  while (!is_over(w->life)) {
    reap(w, w, false);
    for (int i = 0; i < w->count; i++)
      read_output(w, &w->children[i]);
    wait_for_news(w);
  }
  end_all(w);
}

int minder_start(const struct minder_request *r, struct minder *ret) {
  int life[2], news[2];
  if (pipe2(life, O_CLOEXEC))
    return -SBX_EMFILE;
  if (pipe2(news, O_CLOEXEC)) {
    close(life[0]);
    close(life[1]);
    return -SBX_EMFILE;
  }
  fflush(NULL);
  pid_t first = fork();
  if (first == 0) { /* its child is nobody's: the supervisor kills its own */
    if (fork() != 0)
      _exit(0);
    static struct work w;
    w = (struct work){.r = r, .life = life[0], .news = news[1]};
    setsid();
    close(life[1]);
    close(news[0]);
    signal(SIGPIPE, SIG_IGN);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    mind(&w);
  }
  close(life[0]);
  close(news[1]);
  if (first < 0) {
    close(life[1]);
    close(news[0]);
    return -SBX_EAGAIN;
  }
  waitpid(first, NULL, 0);
  *ret = (struct minder){.life = life[1], .news = fdopen(news[0], "r")};
  return ret->news ? 0 : -SBX_ENOMEM;
}

void minder_end(struct minder *m) {
  struct pollfd p = {.fd = fileno(m->news), .events = POLLIN};
  int64_t until_ns = clock_now_ns() + 3 * END_WAIT_MS * NS_PER_MS;
  char rest[256];
  close(m->life);
  while (clock_now_ns() < until_ns && poll(&p, 1, 100) >= 0)
    if (p.revents && read(p.fd, rest, sizeof rest) == 0)
      break;
  fclose(m->news);
}
