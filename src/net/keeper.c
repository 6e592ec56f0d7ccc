/*
 * net/keeper.c - the process beside a run: beats, deaths, the end; see net.h.
 *
 * It does nothing else than that and what office.h tells, so a busy host is not taken for a dead one. It is
 * in a session of its own: what the terminal sends is not for it. A process that has told its birth is watched
 * by a pidfd; it tells before it changes anything, so none dies unnoticed. (Between that and the pidfd its
 * number cannot come again: the system hands out all others first.)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pidfd.h"
#include "net/office.h"
#include "net/survey.h"
#include "net/world.h"

enum { FIRST = 2 + OFFICE_FDS }; /* keeper.fds of the first process */
enum { KEYS_AT_ONCE = 400, END_WAIT_MS = 5000, RETRY_MS = 200 };

struct watched {
  uint64_t who;
  int pidfd; /* -1: it is dead, and not buried yet */
};

struct keeper {
  struct net_options o;
  bool owner;
  const struct net_below *below; /* as of net_keeper_start */
  int births, life, ended;
  struct engine *engine;
  struct watched *processes;
  struct office *office; /* owned; NULL: no process of another host can ask */
  struct pollfd *fds;    /* births, life, the office, then the processes */
  uint32_t count, cap;
  int64_t beat_ns; /* when to beat next */
  int64_t tell_ns; /* of a world: when to tell the other programs that this one lives */
  int timely;      /* how often that was in time, in a row */
};

/* -- what it tells the engine -------------------------------------------------------------------- */

/* Keys of the run, for one script or command. */
struct keys {
  char text[KEYS_AT_ONCE][ENGINE_KEY];
  struct engine_arg args[KEYS_AT_ONCE + 4];
  int count;
};

static void add_key(struct keys *k, const struct keeper *w, const char *what, const char *id,
                    size_t len) {
  size_t n = engine_key(k->text[k->count], w->o.run, "%s%.*s", what, (int)len, id);
  k->args[1 + k->count] = engine_bytes(k->text[k->count], n);
  k->count++;
}

/* Let them live on, or remove them. */
static int send_keys(struct keeper *w, struct keys *k, bool remove) {
  struct engine_reply *r;
  char ttl[16];
  int rc = 0;
  if (k->count == 0)
    return 0;
  if (remove) {
    k->args[0] = engine_text("UNLINK");
    rc = engine_ask(w->engine, 1 + k->count, k->args, &r);
  } else {
    k->args[0] = engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S));
    do
      rc = engine_eval(w->engine, &script_renew, 0, 1 + k->count, k->args, &r);
    while (rc == -SBX_EAGAIN);
  }
  if (rc == 0)
    engine_free(r);
  k->count = 0;
  return rc;
}

/* Each member of a set, in hexadecimal or as it is, behind each of two prefixes. */
static int send_members(struct keeper *w, struct keys *k, const char *set,
                        const char *const what[2], bool remove) {
  char key[ENGINE_KEY], hex[24];
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("SMEMBERS"),
                                    engine_bytes(key, engine_key(key, w->o.run, "%s", set))};
  int rc = engine_ask(w->engine, 2, args, &r);
  if (rc)
    return rc;
  for (size_t i = 0; i < engine_count(r) && rc == 0; i++) {
    const struct engine_reply *m = engine_at(r, i);
    const char *id = engine_data(m);
    size_t len = engine_len(m);
    if (what[0][0] == 'u') { /* processes are sets of 8 bytes */
      if (len != 8)
        continue;
      len = (size_t)snprintf(hex, sizeof hex, "%016llx", (unsigned long long)state_get64(id));
      id = hex;
    }
    if (len > 20)
      continue;
    add_key(k, w, what[0], id, len);
    add_key(k, w, what[1], id, len);
    if (k->count + 2 > KEYS_AT_ONCE)
      rc = send_keys(w, k, remove);
  }
  engine_free(r);
  return rc;
}

/* All keys of the run: let them live on, or remove them. */
static int for_all_keys(struct keeper *w, bool remove) {
  static const char *const objects[] = {"o:", "c:"}, *const processes[] = {"u:", "r:"};
  static const char *const others[] = {"ids",     "next",    "dead",    "procs", "names",
                                       "run",     "hosts",   "tag",     "named", "programs",
                                       "numbers", NET_FLEET, NET_PLACES};
  static struct keys k;
  k.count = 0;
  int rc = send_members(w, &k, "ids", objects, remove);
  if (rc == 0)
    rc = send_members(w, &k, "procs", processes, remove);
  for (size_t i = 0; i < sizeof others / sizeof *others && rc == 0; i++) {
    if (k.count == KEYS_AT_ONCE)
      rc = send_keys(w, &k, remove);
    add_key(&k, w, others[i], "", 0);
  }
  return rc ? rc : send_keys(w, &k, remove);
}

/* Of a process that has just been born: its keys shall live on. */
static void note_birth(struct keeper *w, uint64_t who) {
  char key[ENGINE_KEY], ttl[16];
  uint8_t bytes[8];
  struct engine_reply *r;
  state_put64(bytes, who);
  const struct engine_arg add[] = {engine_text("SADD"),
                                   engine_bytes(key, engine_key(key, w->o.run, "procs")),
                                   engine_bytes(bytes, sizeof bytes)};
  const struct engine_arg live[] = {
      engine_text("EXPIRE"), add[1],
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S))};
  if (engine_ask(w->engine, 3, add, &r) == 0)
    engine_free(r);
  if (engine_ask(w->engine, 3, live, &r) == 0)
    engine_free(r);
}

/* -- processes ----------------------------------------------------------------------------------- */

static bool grow(struct keeper *w) {
  uint32_t cap = w->cap ? 2 * w->cap : 16;
  struct watched *p = realloc(w->processes, cap * sizeof *p);
  if (p)
    w->processes = p;
  struct pollfd *fds = realloc(w->fds, (cap + FIRST) * sizeof *fds);
  if (fds)
    w->fds = fds;
  if (!p || !fds)
    return false;
  w->cap = cap;
  return true;
}

static void add_process(struct keeper *w, uint64_t who, pid_t pid) {
  for (uint32_t i = 0; i < w->count; i++)
    if (w->processes[i].who == who)
      return;
  if (w->count == w->cap && !grow(w))
    return;
  w->processes[w->count++] = (struct watched){.who = who, .pidfd = pidfd_open_of(pid)};
  note_birth(w, who);
}

/* For the office. */
static void keep_process(void *keeper, uint64_t who, pid_t pid) { add_process(keeper, who, pid); }

static void hear_births(struct keeper *w) {
  struct net_birth birth;
  while (read(w->births, &birth, sizeof birth) == sizeof birth) {
    if (birth.who)
      add_process(w, birth.who, (pid_t)birth.pid);
    if (birth.process && w->office)
      office_note(w->office, birth.process);
  }
}

/* Bury those that are dead, and forget them. False: the engine is away, try again soon. */
static bool bury_dead(struct keeper *w) {
  for (uint32_t i = w->count; i-- > 0;) {
    if (w->processes[i].pidfd >= 0)
      continue;
    if (net_bury(w->engine, &w->o, w->processes[i].who))
      return false;
    w->processes[i] = w->processes[--w->count];
  }
  return true;
}

static void notice_deaths(struct keeper *w) {
  for (uint32_t i = 0; i < w->count; i++)
    if (w->processes[i].pidfd >= 0 && w->fds[FIRST + i].fd == w->processes[i].pidfd &&
        w->fds[FIRST + i].revents) {
      close(w->processes[i].pidfd);
      w->processes[i].pidfd = -1;
    }
}

/* -- its life ------------------------------------------------------------------------------------ */

/* Of a world: see world.h for who declares others lost. */
static void tell_world(struct keeper *w, int64_t now) {
  const int64_t each_ns = WORLD_BEAT_S * NS_PER_SECOND;
  bool timely = now < w->tell_ns + each_ns;
  w->timely = timely ? w->timely + 1 : 0;
  if (net_world_beat(w->engine, &w->o, w->timely > WORLD_LOST_S))
    w->timely = 0;
  if (clock_now_ns() > now + each_ns) /* the engine was slow, or away */
    w->timely = 0;
  w->tell_ns = clock_now_ns() + each_ns;
}

/* What the office waits for, and for how long at most. */
static int64_t poll_office(struct keeper *w) {
  if (w->office)
    return office_poll(w->office, w->fds + 2);
  for (int i = 0; i < OFFICE_FDS; i++)
    w->fds[2 + i] = (struct pollfd){.fd = -1};
  return INT64_MAX;
}

/* Returns whether the run goes on. */
static bool turn(struct keeper *w) {
  bool buried = bury_dead(w);
  int64_t now = clock_now_ns();
  if (now >= w->beat_ns) {
    for_all_keys(w, false);
    w->beat_ns = clock_now_ns() + NET_BEAT_S * NS_PER_SECOND;
  }
  if (w->o.tag && now >= w->tell_ns)
    tell_world(w, now);
  int64_t next_ns = w->o.tag && w->tell_ns < w->beat_ns ? w->tell_ns : w->beat_ns;
  w->fds[0] = (struct pollfd){.fd = w->births, .events = POLLIN};
  w->fds[1] = (struct pollfd){.fd = w->life, .events = POLLIN};
  uint32_t n = w->count;
  for (uint32_t i = 0; i < n; i++)
    w->fds[FIRST + i] = (struct pollfd){.fd = w->processes[i].pidfd, .events = POLLIN};
  int64_t left_ms = (next_ns - clock_now_ns()) / NS_PER_MS + 1;
  if (left_ms < 0)
    left_ms = 0;
  if (!buried && left_ms > RETRY_MS)
    left_ms = RETRY_MS;
  int64_t office_ms = poll_office(w);
  if (office_ms < left_ms)
    left_ms = office_ms;
  if (poll(w->fds, n + FIRST, (int)left_ms) < 0 && errno != EINTR)
    return false;
  bool ended = w->fds[1].revents;
  notice_deaths(w);
  if (w->fds[0].revents & POLLIN)
    hear_births(w);
  if (w->office)
    office_work(w->office);
  return !ended;
}

static void finish(struct keeper *w) {
  hear_births(w);
  office_close(w->office, !w->owner);
  if (w->owner) {
    for_all_keys(w, true);
    return;
  }
  for (uint32_t i = 0; i < w->count; i++)
    net_bury(w->engine, &w->o, w->processes[i].who);
  if (w->o.tag)
    net_world_leave(w->engine, &w->o);
}

/* What is open here besides is not for the keeper: it would keep others from seeing its end. */
static void close_others(struct keeper *w) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3 && null >= 0; fd++)
    dup2(null, fd);
  int *const kept[] = {&w->births, &w->life, &w->ended};
  for (int i = 0; i < 3; i++)
    *kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, 100);
  long open_max = sysconf(_SC_OPEN_MAX);
  if (open_max > 4096 || open_max < 0)
    open_max = 4096;
  int file = w->below && w->below->outcome ? w->below->file : -1;
  for (int fd = 3; fd < open_max; fd++)
    if (fd != w->births && fd != w->life && fd != w->ended && fd != file)
      close(fd);
}

__attribute__((noreturn)) static void keep(struct keeper *w) {
  static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
  const struct office_owner owner = {.keep = keep_process, .ctx = w};
  sigset_t none;
  setsid();
  if (w->below && w->below->spare)
    w->below->spare(w->below->ctx);
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
    signal(ignored[i], SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  close_others(w);
  if (w->below && w->below->outcome)
    office_open(&w->o, w->below, w->engine, &owner,
                &w->office); /* else those who ask get no answer */
  fcntl(w->births, F_SETFL, O_NONBLOCK);
  w->beat_ns = clock_now_ns() + NET_BEAT_S * NS_PER_SECOND;
  while (turn(w)) {
  }
  finish(w);
  engine_close(w->engine);
  _exit(0);
}

enum { BIRTHS, LIFE, ENDED, PIPES };

static void close_pipes(int fds[PIPES][2], int count) {
  for (int i = 0; i < count; i++) {
    close(fds[i][0]);
    close(fds[i][1]);
  }
}

/* Of births whole messages go, and to a keeper that was killed without a signal to the writer. */
static int open_pipes(int fds[PIPES][2]) {
  for (int i = 0; i < PIPES; i++)
    if (i == BIRTHS ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds[i])
                    : pipe2(fds[i], O_CLOEXEC)) {
      close_pipes(fds, i);
      return -SBX_EMFILE;
    }
  return 0;
}

/* A grandchild: whoever ends the children of this process at the end of the run must not end the keeper,
 * which has work to do then. */
static pid_t fork_keeper(struct keeper *w, int fds[PIPES][2]) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  if (fork() != 0)
    _exit(0);
  w->births = fds[BIRTHS][0];
  w->life = fds[LIFE][0];
  w->ended = fds[ENDED][1];
  close(fds[BIRTHS][1]);
  close(fds[LIFE][1]);
  close(fds[ENDED][0]);
  keep(w);
}

int net_keeper_start(const struct net_options *o, bool owner, const struct net_below *below,
                     struct net_keeper *ret) {
  struct keeper w = {.o = *o, .owner = owner, .below = below};
  int fds[PIPES][2];
  int rc = engine_new(&o->engine, &w.engine);
  if (rc == 0 && !grow(&w))
    rc = -SBX_ENOMEM;
  if (rc == 0 && (rc = open_pipes(fds)) == 0) {
    pid_t pid = fork_keeper(&w, fds);
    if (pid < 0) {
      close_pipes(fds, PIPES);
      rc = -SBX_EAGAIN;
    } else {
      waitpid(pid, NULL, 0);
      close(fds[BIRTHS][0]);
      close(fds[LIFE][0]);
      close(fds[ENDED][1]);
      *ret = (struct net_keeper){
          .births = fds[BIRTHS][1], .life = fds[LIFE][1], .ended = fds[ENDED][0]};
    }
  }
  engine_close(w.engine);
  free(w.processes);
  free(w.fds);
  return rc;
}

void net_keeper_end(struct net_keeper *k) {
  if (k->life <= 0)
    return;
  close(k->births);
  close(k->life);
  struct pollfd fd = {.fd = k->ended, .events = POLLIN};
  int64_t until_ns = clock_now_ns() + END_WAIT_MS * NS_PER_MS;
  while (poll(&fd, 1, END_WAIT_MS) < 0 && errno == EINTR && clock_now_ns() < until_ns) {
  }
  close(k->ended);
  *k = (struct net_keeper){.life = -1};
}
