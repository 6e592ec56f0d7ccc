/*
 * host/courier.c - the agent's process beside one far process; see far.h.
 *
 * It forks the supervisor of the far process's run, whose standard output and error are pipes of the
 * courier's. The outcome (results, or a failure) comes in a file in memory, and counts when the page that
 * they share says so. A signal for the far process goes to its main; should the courier be killed, the
 * kernel kills the supervisor, and with it the tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "host/engine.h"
#include "host/far.h"
#include "host/far_trace.h"
#include "host/options.h"
#include "lua/state/report.h"
#include "net/gather.h"
#include "net/link.h"
#include "os/supervisor/supervisor.h"

enum {
  CHUNK = 64 << 10, /* of output, in one message */
  SHIP_NS = 200 * 1000 * 1000,
  STREAMS = 2
};

/* One of the far process's streams. */
struct stream {
  int fd; /* -1: it has ended */
  char kind;
  struct buf rest; /* the beginning of a line */
};

struct courier {
  const struct far_request *request;
  const struct host_info *me;
  struct link link;
  char record[ENGINE_KEY]; /* of the stand-in */
  struct far_page *page;
  int outcome;
  struct far_tracing tracing;
  int64_t ship_ns; /* when the trace is shipped next */
  struct stream streams[STREAMS];
  pid_t supervisor;
  int status; /* of waitpid, when it has ended */
  bool ended;
  uint16_t number;         /* of the far process in its run */
  bool full;               /* the stand-in is behind: no output is read */
  uint32_t wanted;         /* signals to be sent to main, 1 << number */
  struct host_watch watch; /* of the run's beats */
  int64_t look_ns;         /* when beats are looked at next */
  int64_t silent_ns;       /* since when the stand-in has no record; 0: it has one */
  struct far_waits_asked asked;
};

/* The agent ends. A handler sets it. */
static volatile sig_atomic_t told_to_end;

static void on_end(int signal) {
  (void)signal;
  told_to_end = 1;
}

static void on_child(int signal) { (void)signal; }

static void say_line(const struct courier *c, const char *why) {
  fprintf(stderr, "sandbox agent %s: %s (of a run on %s) was ended: %s\n", c->me->name,
          c->request->name, c->request->from, why);
}

/* -- the far process ------------------------------------------------------------------------------ */

static struct far_page *the_page;

/* A message of the far process's supervisor. Of an end that its spawner wanted it tells nobody. */
static void say(void *ctx, const char *line) {
  (void)ctx;
  if (!atomic_load(&the_page->expected))
    report_print(&(struct report){.message = line});
}

static void report(void *ctx, const char *text, size_t len) {
  (void)ctx;
  report_write(text, len);
}

static void join_streams(const int pipes[STREAMS][2]) {
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0)
    dup2(null, STDIN_FILENO);
  dup2(pipes[0][1], STDOUT_FILENO);
  dup2(pipes[1][1], STDERR_FILENO);
}

/* At each turn of the supervisor. Whether its processes are stuck, the lookout of the whole run finds out. */
static enum deadlock answer_lookout(struct control *control, struct buf *told) {
  (void)told;
  far_waits_answer(&the_page->waits, control);
  return DEADLOCK_NONE;
}

/* In the child: the supervisor of the run. `outcome` stays open, all else of the agent's is closed. */
static void run_far(struct courier *c, const int pipes[STREAMS][2], pid_t courier)
    __attribute__((noreturn));
static void run_far(struct courier *c, const int pipes[STREAMS][2], pid_t courier) {
  enum { OUTCOME = 3, TRACE = 4, APART = 10 };
  sigset_t none;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != courier)
    _exit(1);
  signal(SIGCHLD, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  join_streams(pipes);
  int outcome = fcntl(c->outcome, F_DUPFD, APART), trace = fcntl(c->tracing.log, F_DUPFD, APART);
  dup2(outcome, OUTCOME);
  if (trace >= 0)
    c->tracing.log = dup2(trace, TRACE);
  close_range(c->tracing.log >= 0 ? TRACE + 1 : OUTCOME + 1, ~0U, 0);
  if (c->request->cwd[0] && chdir(c->request->cwd))
    errno = 0; /* this host has no such folder: the agent's own, then */
  report_set_color(false);
  int rc = engine_choose(&far_setup.engine, c->request->run, c->number);
  engine_main_is(c->request->stand_in, c->request->spawner);
  const struct supervisor_options o = {.backend = engine_backend,
                                       .speed = c->request->speed,
                                       .seed = c->request->seed,
                                       .seeded = true,
                                       .key = c->request->key,
                                       .record = far_tracing_options(&c->tracing),
                                       .look = answer_lookout,
                                       .say = say,
                                       .report = report};
  struct far_main main = {.request = c->request, .page = c->page, .outcome = OUTCOME};
  int status = rc ? rc : supervisor_run(&o, far_main, &main);
  engine_end();
  if (status < 0)
    fprintf(stderr, "sandbox: cannot start the process: %s\n", error_text(status));
  _exit(status < 0 ? EXIT_LUA_ERROR : status);
}

static int start(struct courier *c) {
  int pipes[STREAMS][2];
  c->page = mmap(NULL, sizeof *c->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (c->page == MAP_FAILED)
    return -SBX_ENOMEM;
  the_page = c->page;
  c->asked.page = &c->page->waits;
  c->outcome = memfd_create("outcome", MFD_CLOEXEC);
  if (c->outcome < 0)
    return error_call("memfd_create", errno);
  int rc = far_tracing_begin(&c->tracing, c->link.say, c->request, c->me->name, c->page);
  if (rc)
    return rc;
  for (int i = 0; i < STREAMS; i++)
    if (pipe2(pipes[i], O_CLOEXEC))
      return error_call("pipe2", errno);
  pid_t courier = getpid();
  c->supervisor = fork();
  if (c->supervisor == 0)
    run_far(c, (const int(*)[2])pipes, courier);
  if (c->supervisor < 0)
    return error_call("fork", errno);
  for (int i = 0; i < STREAMS; i++) {
    close(pipes[i][1]);
    fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
    c->streams[i] = (struct stream){.fd = pipes[i][0], .kind = i ? FAR_ERR : FAR_OUT};
  }
  return 0;
}

static void reap(struct courier *c) {
  if (!c->ended && c->supervisor > 0 &&
      waitpid(c->supervisor, &c->status, WNOHANG) == c->supervisor)
    c->ended = true;
}

/* End the whole tree, at once. */
static void end_tree(struct courier *c) {
  if (c->ended || c->supervisor <= 0)
    return;
  kill(c->supervisor, SIGKILL);
  waitpid(c->supervisor, &c->status, 0);
  c->ended = true;
}

/* Send on what is wanted, as soon as there is a main. */
static void send_signals(struct courier *c) {
  pid_t main_pid = atomic_load(&c->page->main_pid);
  if (main_pid == 0 || c->ended)
    return;
  for (int n = 1; n < 32; n++)
    if (c->wanted & 1U << n) {
      if (n == SIGINT || n == SIGTERM || n == SIGKILL)
        atomic_store(&c->page->expected, 1);
      kill(main_pid, n);
      if (n == SIGINT || n == SIGTERM)
        kill(main_pid, SIGCONT); /* one that is paused must get it, too */
    }
  c->wanted = 0;
}

/* -- output --------------------------------------------------------------------------------------- */

/* How much of the bytes is to be sent now: whole lines; all of them at the end, and of a line that has no
 * end. */
static size_t whole_lines(const struct buf *b, bool all) {
  if (all || b->len >= CHUNK)
    return b->len;
  const uint8_t *newline = b->len ? memrchr(b->data, '\n', b->len) : NULL;
  return newline ? (size_t)(newline - b->data) + 1 : 0;
}

static int send_lines(struct courier *c, struct stream *s, bool all) {
  size_t n = whole_lines(&s->rest, all);
  if (n == 0)
    return 0;
  int rc = link_say(&c->link, s->kind, s->rest.data, n);
  memmove(s->rest.data, s->rest.data + n, s->rest.len - n);
  s->rest.len -= n;
  return rc;
}

/* Read what there is, and send it. */
static int read_stream(struct courier *c, struct stream *s) {
  char part[CHUNK / 2];
  while (s->fd >= 0) {
    ssize_t n = read(s->fd, part, sizeof part);
    if (n < 0)
      return errno == EAGAIN || errno == EINTR ? send_lines(c, s, false) : 0;
    if (n == 0) {
      close(s->fd);
      s->fd = -1;
      return send_lines(c, s, true);
    }
    int rc = buf_append(&s->rest, part, (size_t)n);
    if (rc == 0 && s->rest.len >= CHUNK / 2)
      rc = send_lines(c, s, false);
    if (rc || c->link.said % 64 == 0)
      return rc; /* look at other things, too */
  }
  return 0;
}

static int read_streams(struct courier *c) {
  int64_t unread = 0;
  int rc = c->full || c->link.said % 64 == 0 ? link_unread(&c->link, &unread) : 0;
  c->full = unread > (c->full ? LINK_FULL / 2 : LINK_FULL);
  for (int i = 0; i < STREAMS && rc == 0 && !c->full; i++)
    rc = read_stream(c, &c->streams[i]);
  return rc;
}

/* The tree is gone: what is left in the pipes. A program that it has left behind may hold them open. */
static int read_last(struct courier *c) {
  int rc = 0;
  for (int i = 0; i < STREAMS && rc == 0; i++) {
    struct pollfd p = {.fd = c->streams[i].fd, .events = POLLIN};
    while (rc == 0 && c->streams[i].fd >= 0 && poll(&p, 1, 0) > 0)
      rc = read_stream(c, &c->streams[i]);
    if (rc == 0)
      rc = send_lines(c, &c->streams[i], true);
  }
  return rc;
}

/* -- the end --------------------------------------------------------------------------------------- */

/* The supervisor's status is main's, and 128 + n if signal n ended main. */
static struct far_end how_it_ended(const struct courier *c) {
  enum { SIGNALLED = 128 };
  struct far_end end = {.outcome = atomic_load(&c->page->outcome)};
  int status = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : SIGNALLED + WTERMSIG(c->status);
  if (end.outcome == FAR_RESULTS)
    return end;
  if (status > SIGNALLED && status < SIGNALLED + 32 && end.outcome == FAR_NOTHING)
    end.signal = status - SIGNALLED;
  else
    end.exit_code = status;
  return end;
}

static int tell_end(struct courier *c) {
  struct far_end end = how_it_ended(c);
  struct buf message = {0};
  int rc = buf_append(&message, &end, sizeof end);
  off_t len = end.outcome ? lseek(c->outcome, 0, SEEK_END) : 0;
  if (rc == 0 && len > 0 && (rc = buf_reserve(&message, (size_t)len)) == 0 &&
      pread(c->outcome, message.data + message.len, (size_t)len, 0) == len)
    message.len += (size_t)len;
  if (rc == 0)
    rc = link_say(&c->link, FAR_END, message.data, message.len);
  buf_release(&message);
  return rc;
}

/* The far process is to end, and its spawner to know why. */
static void give_up(struct courier *c, const char *told, const char *line) {
  end_tree(c);
  if (line)
    say_line(c, line);
  if (engine_epoch(c->link.say))
    far_tracing_ship(&c->tracing, c->link.say, true);
  if (told && link_say(&c->link, FAR_LOST, told, strlen(told)) == 0)
    far_renew(c->link.say, c->link.out);
  if (engine_epoch(c->link.say) && c->number)
    net_gather_forget(c->link.say, c->request->run, c->number);
  _exit(0);
}

/* -- beats ----------------------------------------------------------------------------------------- */

static int look_at_beats(struct courier *c, int64_t now_ns) {
  int64_t age_ns;
  char life[ENGINE_RUN], line[96];
  bool fenced;
  int rc = host_age(c->link.say, c->record, &age_ns, life);
  if (rc == 0)
    rc = far_is_fenced(c->link.say, c->request->run, c->request->id, &fenced);
  if (rc == 0)
    rc = far_renew(c->link.say, c->link.out);
  if (rc)
    return rc;
  bool overdue = host_is_overdue(&c->watch, engine_epoch(c->link.say), age_ns, c->request->lost_ns);
  if (fenced)
    give_up(c, NULL, "this host was declared dead, since it gave no sign of life");
  if (age_ns >= 0)
    c->silent_ns = 0;
  else if (c->silent_ns == 0)
    c->silent_ns = now_ns;
  if (age_ns < 0 && now_ns - c->silent_ns >= HOST_BEAT_NS / 2)
    give_up(c, NULL, NULL); /* the stand-in has taken its record away: it is not wanted any more */
  snprintf(line, sizeof line, "its run gave no sign of life for %.1f s",
           (double)c->request->lost_ns / 1e9);
  if (overdue)
    give_up(c, NULL, line);
  return 0;
}

/* -- the loop --------------------------------------------------------------------------------------- */

static int hear(struct courier *c) {
  struct link_message m;
  int rc;
  while ((rc = link_hear(&c->link, &m)) == 1)
    if (m.kind == FAR_LOOK && !c->ended) {
      far_waits_ask(&c->asked, m.data, m.len, c->supervisor);
    } else if (m.kind == FAR_SIGNAL && m.len > 0 && m.len < 8) {
      char number[8] = "";
      memcpy(number, m.data, m.len);
      int n = atoi(number);
      if (n == SIGSTOP || n == SIGCONT) /* the later of the two counts */
        c->wanted &= ~(1U << SIGSTOP | 1U << SIGCONT);
      if (n > 0 && n < 32)
        c->wanted |= 1U << n;
    }
  return rc;
}

static void wait_for_news(struct courier *c) {
  enum { BEHIND_NS = 20 * 1000 * 1000 };
  struct pollfd fds[STREAMS + 1];
  int64_t until_ns = c->look_ns;
  sigset_t none;
  sigemptyset(&none);
  for (int i = 0; i < STREAMS; i++)
    fds[i] = (struct pollfd){.fd = c->full ? -1 : c->streams[i].fd, .events = POLLIN};
  fds[STREAMS] = (struct pollfd){.fd = link_fd(&c->link), .events = POLLIN};
  if (c->full || fds[STREAMS].fd < 0 || c->wanted)
    until_ns = clock_now_ns() + BEHIND_NS;
  struct timespec left;
  ppoll(fds, STREAMS + 1, clock_left(until_ns, &left), &none);
}

static int look_after(struct courier *c) {
  int rc = 0;
  host_watch_begin(&c->watch, engine_epoch(c->link.say), c->request->lost_ns);
  while (rc == 0 && !c->ended) {
    if (told_to_end)
      give_up(c, "its agent was ended", NULL);
    int64_t now_ns = clock_now_ns();
    if (now_ns >= c->look_ns) {
      rc = look_at_beats(c, now_ns);
      c->look_ns = now_ns + HOST_BEAT_NS;
    }
    if (rc == 0 && now_ns >= c->ship_ns) {
      rc = far_tracing_ship(&c->tracing, c->link.say, false);
      c->ship_ns = now_ns + SHIP_NS;
    }
    if (rc == 0)
      rc = hear(c);
    if (rc == 0)
      rc = far_waits_send(&c->asked, c->link.say, c->request->run, c->number);
    send_signals(c);
    if (rc == 0)
      rc = read_streams(c);
    reap(c);
    if (rc == 0 && !c->ended)
      wait_for_news(c);
  }
  if (rc == 0)
    rc = read_last(c);
  if (rc == 0)
    rc = far_tracing_ship(&c->tracing, c->link.say, true);
  return rc ? rc : tell_end(c);
}

void courier_run(const struct far_request *r, const struct host_info *me) {
  struct courier c = {.request = r, .me = me, .tracing.log = -1};
  char up[ENGINE_KEY], down[ENGINE_KEY];
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  signal(SIGCHLD, on_child);
  signal(SIGTERM, on_end);
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  setsid();
  far_key(up, r->run, r->id, "up");
  far_key(down, r->run, r->id, "down");
  far_key(c.record, r->run, r->id, "");
  int rc = link_open(&c.link, &far_setup.engine, up, down);
  if (rc == 0)
    rc = far_number(c.link.say, r, c.record, me->name, &c.number);
  if (rc == 0)
    rc = start(&c);
  if (rc == 0)
    rc = look_after(&c);
  if (rc)
    give_up(&c, NULL, error_text(rc));
  far_forget(c.link.say, down);
  far_renew(c.link.say, up);
  net_gather_forget(c.link.say, r->run, c.number);
  _exit(0);
}
