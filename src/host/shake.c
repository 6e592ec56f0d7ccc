/* host/shake.c - see shake.h. */
#include "host/shake_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/mix.h"
#include "base/pidfd.h"
#include "host/script.h"
#include "host/shake_lines.h"
#include "host/shake_token.h"
#include "lua/state/report.h"
#include "os/process/output.h"

/* -- signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught; /* 0: none */
static volatile sig_atomic_t child;  /* its pid; 0: no run goes on */

/* A terminal signals the run, too; another process perhaps not. */
static void on_signal(int signal, siginfo_t *info, void *context) {
  (void)context;
  int saved = errno;
  caught = signal;
  if (child && info->si_code <= 0)
    kill(child, signal);
  errno = saved;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { SIGNALS = sizeof signals / sizeof *signals };

struct signals {
  sigset_t set, before;
  struct sigaction old[SIGNALS];
};

static void catch_signals(struct signals *s) {
  struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&s->set);
  for (int i = 0; i < SIGNALS; i++) {
    sigaddset(&s->set, signals[i]);
    sigaction(signals[i], NULL, &s->old[i]);
    if (s->old[i].sa_handler != SIG_IGN)
      sigaction(signals[i], &a, NULL);
  }
}

static void restore_signals(const struct signals *s) {
  for (int i = 0; i < SIGNALS; i++)
    sigaction(signals[i], &s->old[i], NULL);
}

/* -- a run ----------------------------------------------------------------------------------- */

/* The process of a run, until its end. */
__attribute__((noreturn)) static void live(const struct shaking *s, struct shaken_run *r,
                                           pid_t parent, const struct signals *sig) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent)
    _exit(EXIT_LUA_ERROR);
  restore_signals(sig);
  sigprocmask(SIG_SETMASK, &sig->before, NULL);
  r->real_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  r->real_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  output_will_be_copied();
  lseek(s->input, 0, SEEK_SET);
  dup2(s->input, STDIN_FILENO);
  dup2(r->out, STDOUT_FILENO);
  dup2(r->err, STDERR_FILENO);
  const int others[] = {s->input, r->first >= 0 ? -1 : s->first_out, s->first_err};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (others[i] >= 0)
      close(others[i]);
  int status = s->once(r, s->ctx);
  fflush(NULL);
  _exit(status);
}

/* Wait for the end of the run; one that writes without end is ended. */
static int wait_for(struct shaken_run *r, pid_t pid) {
  int status = 0, pidfd = pidfd_open_of(pid);
  struct pollfd fd = {.fd = pidfd, .events = POLLIN};
  while (pidfd >= 0 && poll(&fd, 1, LOOK_MS) <= 0)
    if (!r->outcome->flood && shake_size(r->out) + shake_size(r->err) > OUTPUT_MOST) {
      r->outcome->flood = true;
      kill(pid, SIGTERM);
    }
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  shake_close_file(&pidfd);
  if (r->outcome->flood && !caught)
    shake_why(r->outcome, "it wrote more than %d MiB", OUTPUT_MOST >> 20);
  return status;
}

static int64_t limit_ns(const struct shaking *s) {
  if (s->o->timeout_ns != SBX_FOREVER)
    return s->o->timeout_ns;
  return LIMIT_LEAST_S * NS_PER_SECOND + LIMIT_TIMES * s->slowest_ns;
}

/* What `r` wrote is in its files then, and how it ended, in s->outcome. Returns 0, or -1 and errno. */
static int run_one(struct shaking *s, struct shaken_run *r, struct signals *sig) {
  *s->outcome = (struct outcome){0};
  r->outcome = s->outcome;
  r->limit_ns = limit_ns(s);
  r->out = shake_memory_file("stdout");
  r->err = shake_memory_file("stderr");
  if (r->out < 0 || r->err < 0)
    return -1;
  int64_t began = clock_now_ns();
  pid_t parent = getpid();
  fflush(NULL);
  sigprocmask(SIG_BLOCK, &sig->set, &sig->before);
  pid_t pid = fork();
  if (pid == 0)
    live(s, r, parent, sig);
  child = pid > 0 ? pid : 0;
  int saved = errno;
  sigprocmask(SIG_SETMASK, &sig->before, NULL);
  errno = saved;
  if (pid < 0)
    return -1;
  int status = wait_for(r, pid);
  child = 0;
  if (s->outcome->kind == RUN_VANISHED && WIFSIGNALED(status))
    shake_why(s->outcome, "its supervisor was killed by signal %d", WTERMSIG(status));
  else if (s->outcome->kind == RUN_VANISHED) {
    s->outcome->kind = RUN_NOT_STARTED;
    s->outcome->status = WEXITSTATUS(status);
  }
  int64_t took = clock_now_ns() - began;
  if (took > s->slowest_ns)
    s->slowest_ns = took;
  return 0;
}

/* -- all of them ------------------------------------------------------------------------------- */

/* After a run: -1: the next one may follow; else the exit status of the whole. */
static int conclude(struct shaking *s, const struct shaken_run *r) {
  const struct outcome *o = s->outcome;
  bool over = caught || o->kind != RUN_GOOD || r->last;
  if (!over)
    return -1;
  bool first = o->kind == RUN_GOOD && !caught && s->first_out >= 0;
  if (!o->shown) {
    shake_progress(s->progress, 0, 0);
    shake_copy_both(first ? s->first_out : r->out, first ? s->first_err : r->err, OUTPUT_MOST);
  }
  if (caught) {
    shake_tell_interrupted(s, r->number);
    return STATUS_SIGNAL + (int)caught;
  }
  if (o->kind == RUN_NOT_STARTED)
    return o->status < 0 ? shake_cannot(error_text(o->status)) : o->status;
  if (o->kind == RUN_GOOD) {
    shake_tell_good(s);
    return 0;
  }
  shake_tell_wrong(s, r);
  return EXIT_SHAKE;
}

/* Keep what the run wrote, if it is needed later. */
static void keep(struct shaking *s, struct shaken_run *r) {
  if (r->number == 0)
    s->reference = r->out;
  else if (r->number == 1) {
    s->first_out = r->out;
    s->first_err = r->err;
  }
  if (r->number > 1)
    shake_close_file(&r->out);
  if (r->number != 1)
    shake_close_file(&r->err);
}

static int run_all(struct shaking *s, struct signals *sig) {
  const struct shake_choice *c = &s->o->shake;
  int status = -1;
  for (uint64_t n = c->same ? 0 : 1; n <= c->runs && status < 0; n++) {
    struct shaken_run r = {.o = s->o,
                           .number = n,
                           .last = n == c->runs,
                           .reference = s->reference,
                           .first = *s->differs ? -1 : s->first_out,
                           .progress = s->progress,
                           .real_out = -1,
                           .real_err = -1};
    if (n > 0)
      r.pauses = c->again.mode != SHAKE_NONE ? c->again : shake_of_run(s->seed, n);
    shake_progress(s->progress, n, c->runs);
    if (run_one(s, &r, sig))
      return shake_cannot(strerror(errno));
    if (!*s->differs)
      memcpy(s->differs, s->outcome->differs, sizeof s->differs);
    status = conclude(s, &r);
    keep(s, &r);
  }
  return status;
}

static int refuse(const struct options *o, int argc) {
  if (o->interactive)
    return options_usage_error(stderr,
                               "option '--shake' runs a script many times, which a prompt cannot: "
                               "leave out -i");
  if (options_have_no_script(o, argc) && isatty(STDIN_FILENO))
    return options_usage_error(
        stderr, "option '--shake' needs a script; for example sandbox --shake job.lua");
  return 0;
}

int shake_run(const struct options *o, int argc, char **argv, shaken_run_fn *once, void *ctx) {
  struct shaking s = {.o = o,
                      .argc = argc,
                      .argv = argv,
                      .once = once,
                      .ctx = ctx,
                      .seed = mix64(o->seed),
                      .first_out = -1,
                      .first_err = -1,
                      .reference = -1,
                      .began_ns = clock_now_ns(),
                      .progress = isatty(STDERR_FILENO)};
  struct signals sig;
  int status = refuse(o, argc);
  if (status == 0) /* of what is not there, or does not compile, there is nothing to repeat */
    status = script_check_alone(&(struct script){.options = o, .argc = argc, .argv = argv});
  if (status)
    return status;
  if (!o->seeded && getrandom(&s.seed, sizeof s.seed, 0) != sizeof s.seed)
    return shake_cannot(error_text(SBX_ESYSTEM));
  s.outcome =
      mmap(NULL, sizeof *s.outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s.outcome == MAP_FAILED)
    return shake_cannot(error_text(SBX_ENOMEM));
  s.input = shake_read_input(&s);
  catch_signals(&sig);
  status = s.input < 0 ? shake_cannot(strerror(errno)) : run_all(&s, &sig);
  shake_close_file(&s.input);
  shake_close_file(&s.first_out);
  shake_close_file(&s.first_err);
  shake_close_file(&s.reference);
  munmap(s.outcome, sizeof *s.outcome);
  return status;
}
