/*
 * os/supervisor/beside.c - the supervisor of a foreign host: a side process, which keeps queues, tells failures and deadlocks, and
 * ends every process of the tree when the host is gone; see supervisor_internal.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "os/process/output.h"
#include "os/supervisor/supervisor_internal.h"

enum { BESIDE_DEADLOCK_NS = 250 * 1000 * 1000 };

/* There is no host of ours to print for it: what it says is written by hand. */
static void report_stderr(void *ctx, const char *text, size_t len) {
  (void)ctx;
  output_message(text, len);
}

static void say_stderr(void *ctx, const char *line) {
  struct buf text = {0};
  (void)ctx;
  if (buf_format(&text, "sandbox: %s\n", line) == 0)
    output_message((const char *)text.data, text.len);
  buf_release(&text);
}

/* Deadlocks are told, also when it is everybody's; nothing is ended: the host may know better. */
static void tell_deadlocks(struct supervisor *s, bool *all_told) {
  struct buf told = {0};
  int64_t now = clock_now_ns();
  if (now < s->watch.look_at_ns)
    return;
  enum deadlock found = deadlock_look(&s->watch, s->control, &told);
  if (told.len && !(found == DEADLOCK_ALL && *all_told))
    supervisor_say(s, (const char *)told.data);
  *all_told = found == DEADLOCK_ALL;
  if (found == DEADLOCK_ALL)
    s->watch.look_at_ns = now + NS_PER_SECOND;
  buf_release(&told);
}

static const struct supervisor_options options_beside = {.say = say_stderr,
                                                         .report = report_stderr};

void supervisor_report_failures(struct os_backend *b) {
  static struct failures_watch watch; /* large */
  failures_begin(&watch, b, &options_beside);
  failures_report_all(&watch, SBX_FOREVER, 0);
}

void supervisor_beside(struct os_backend *b, int broker, pid_t host, int host_pidfd) {
  struct supervisor s = {.o = &options_beside,
                         .control = b->control,
                         .b = b,
                         .broker = broker,
                         .main_pid = host,
                         .main_pidfd = host_pidfd,
                         .end_ns = SBX_FOREVER,
                         .deadline_ns = SBX_FOREVER,
                         .wait_ns = SBX_FOREVER,
                         .asked_ns = SBX_FOREVER,
                         .limits = {.look_at_ns = SBX_FOREVER}};
  bool all_told = false;
  struct pollfd fds[] = {{.fd = host_pidfd, .events = POLLIN}, {.fd = broker, .events = POLLIN}};
  struct timespec left;
  atomic_store(&b->control->supervisor_pid, getpid());
  output_supervise(b->control);
  signal(SIGINT, SIG_IGN); /* the terminal's Ctrl-C is the host's to handle */
  signal(SIGPIPE, SIG_IGN);
  keeper_begin(&s.keeper, b);
  deadlock_begin(&s.watch, BESIDE_DEADLOCK_NS, false);
  failures_begin(&s.failures, b, &options_beside);
  bars_begin(&s.bars, b, &options_beside);
  while (!(fds[0].revents & POLLIN)) {
    const int64_t looks[] = {s.failures.report_at_ns, s.keeper.look_at_ns, s.watch.look_at_ns,
                             s.asked_ns, s.bars.look_at_ns};
    int64_t until = SBX_FOREVER;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
      until = looks[i] < until ? looks[i] : until;
    if (ppoll(fds, 2, clock_left(until, &left), NULL) < 0 && errno != EINTR)
      break;
    supervisor_on_message(&s);
    keeper_look(&s.keeper);
    tell_deadlocks(&s, &all_told);
    if (clock_now_ns() >= s.asked_ns)
      supervisor_pass_on(&s);
    failures_look(&s.failures);
    bars_look(&s.bars);
    if (fds[1].revents & POLLHUP)
      fds[1].fd = -1;
  }
  failures_report_all(&s.failures, SBX_FOREVER, 0);
  tree_kill(b, false);
  bars_end(&s.bars);
  _exit(0);
}
