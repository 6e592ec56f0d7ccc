/* host/shake.c - see shake.h. */
#include "host/shake.h"

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
#include "host/shake_lines.h"
#include "host/shake_token.h"
#include "lua/state/report.h"
#include "os/process/output.h"

enum {
  LIMIT_LEAST_S = 20,     /* a run without --timeout may take so long and */
  LIMIT_TIMES = 10,       /* so many times as long as the slowest before it */
  OUTPUT_MOST = 64 << 20, /* bytes that a run may write */
  FLOOD_SHOWN = 16 << 10, /* of a run that wrote more */
  LOOK_MS = 200,          /* between two looks at the size of the output */
  WHY_MAX = 400,
  STATUS_CHILD_FAILED = 3, /* as supervisor_run says */
  STATUS_SIGNAL = 128
};

/* What the process of a run tells. Shared. */
struct outcome {
  enum { RUN_VANISHED, RUN_NOT_STARTED, RUN_GOOD, RUN_WRONG } kind;
  bool shown; /* its output is */
  bool flood; /* this process ends it: it writes without end */
  int status;
  char why[WHY_MAX]; /* what went wrong */
};

struct shaken_run {
  const struct options *o;
  struct shake_options pauses; /* mode SHAKE_NONE: the run with which the others are compared */
  uint64_t number;             /* from 1; 0: the run with which the others are compared */
  bool last;
  int64_t limit_ns;
  int out, err;           /* files in memory; owned by the shaking */
  int real_out, real_err; /* in its process: what stdout and stderr were before; owned */
  int reference;          /* the output to be had, lines in any order; -1: any; borrowed */
  bool progress;          /* is shown on stderr */
  struct run_faults faults;
  struct outcome *outcome; /* borrowed */
};

/* All the runs. */
struct shaking {
  const struct options *o;
  int argc;
  char **argv;
  shaken_run_fn *once;
  void *ctx;
  uint64_t seed;
  int input;                /* stdin of each run; owned */
  int first_out, first_err; /* what the first run wrote, -1: nothing yet; owned */
  int reference;            /* -1: none; owned */
  int64_t slowest_ns, began_ns;
  bool progress; /* is shown on stderr */
  struct outcome *outcome;
};

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

/* -- files in memory --------------------------------------------------------------------------- */

static int memory_file(const char *name) {
  int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd >= 0)
    fcntl(fd, F_SETFL, O_APPEND);
  return fd;
}

static void close_file(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static int64_t size_of(int fd) {
  struct stat about;
  return fstat(fd, &about) ? 0 : about.st_size;
}

/* Write what is in a file to another descriptor, `most` bytes of it. */
static void copy_file(int from, int to, off_t most) {
  char part[FLOOD_SHOWN];
  off_t at = 0;
  ssize_t n;
  while (at < most && (n = pread(from, part, sizeof part, at)) > 0 &&
         fd_write_all(to, part, (size_t)n))
    at += n;
}

static void copy_both(int out, int err, off_t most) {
  copy_file(out, STDOUT_FILENO, most);
  copy_file(err, STDERR_FILENO, most);
}

/* What each run reads: the script, if it comes from stdin; what is left of a file; else nothing. */
static int read_input(const struct shaking *s) {
  struct stat about;
  const struct options *o = s->o;
  bool script = o->script_is_stdin || (o->script == s->argc && !o->has_statement);
  if (!script && (fstat(STDIN_FILENO, &about) || !S_ISREG(about.st_mode)))
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
  char part[1 << 16];
  ssize_t n;
  int fd = memory_file("stdin");
  while (fd >= 0 && ((n = read(STDIN_FILENO, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
    if (n > 0 && !fd_write_all(fd, part, (size_t)n))
      close_file(&fd);
  return fd;
}

/* -- the judgement: in the process of a run ---------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void tell_why(struct outcome *o, const char *format,
                                                           ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(o->why, sizeof o->why, format, args);
  va_end(args);
  o->kind = RUN_WRONG;
}

/* The whole of a file; NULL: it is empty, or cannot be mapped. */
static const char *map(int fd, size_t *ret_len) {
  *ret_len = (size_t)size_of(fd);
  void *text = *ret_len ? mmap(NULL, *ret_len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
  if (text == MAP_FAILED)
    *ret_len = 0;
  return text == MAP_FAILED ? NULL : text;
}

/* Mappings go with the process. */
static void judge_output(struct shaken_run *r) {
  size_t wanted_len, got_len;
  char how[WHY_MAX / 2 + 80];
  const char *wanted = map(r->reference, &wanted_len), *got = map(r->out, &got_len);
  if (shake_lines_differ(wanted, wanted_len, got, got_len, how, sizeof how))
    tell_why(r->outcome, "its output is not that of a run without pauses: %s", how);
}

static void judge(struct shaken_run *r, int status) {
  struct outcome *o = r->outcome;
  const struct run_faults *f = &r->faults;
  double limit = (double)r->limit_ns / (double)NS_PER_SECOND;
  o->kind = RUN_GOOD;
  if (f->timed_out && r->o->timeout_ns != SBX_FOREVER)
    tell_why(o, "not over after %g s", limit);
  else if (f->timed_out)
    tell_why(o,
             "not over after %.1f s (%d s and %d times the slowest run so far; --timeout S sets "
             "another limit)",
             limit, LIMIT_LEAST_S, LIMIT_TIMES);
  else if (f->deadlock)
    tell_why(o, status == STATUS_CHILD_FAILED ? "a process failed, and was not joined; deadlock"
                                              : "deadlock");
  else if (f->held)
    tell_why(o, "a process ended and still held %s", f->held == 1 ? "something" : "several things");
  else if (status == STATUS_CHILD_FAILED)
    tell_why(o, "a process failed, and was not joined");
  else if (status == EXIT_LUA_ERROR)
    tell_why(o, "exit status 1: an error in main, or os.exit");
  else if (status > STATUS_SIGNAL)
    tell_why(o, "signal %d ended it", status - STATUS_SIGNAL);
  else if (status != 0)
    tell_why(o, "exit status %d", status);
  else if (r->reference >= 0)
    judge_output(r);
}

/* On the line of the cursor; number 0: nothing. */
static void show_progress(bool on, uint64_t number, uint64_t runs) {
  char line[64];
  int n = number ? snprintf(line, sizeof line, "\r\033[Krun %" PRIu64 " of %" PRIu64, number, runs)
                 : snprintf(line, sizeof line, "\r\033[K");
  if (on)
    fd_write_all(STDERR_FILENO, line, (size_t)n);
}

/* stdout and stderr are again what they were, and what was written meanwhile is shown there. */
static void show_here(struct shaken_run *r) {
  fflush(NULL);
  dup2(r->real_out, STDOUT_FILENO);
  dup2(r->real_err, STDERR_FILENO);
  show_progress(r->progress, 0, 0);
  copy_both(r->out, r->err, r->outcome->flood ? FLOOD_SHOWN : OUTPUT_MOST);
  r->outcome->shown = true;
}

static bool wants_trace(const struct options *o) {
  return o->trace.file_count > 0 || o->trace.timeline || o->trace.stats;
}

bool shake_over(struct shaken_run *r, int status) {
  r->outcome->status = status;
  if (status < 0) {
    r->outcome->kind = RUN_NOT_STARTED;
    return false;
  }
  judge(r, status);
  bool show = r->outcome->kind == RUN_WRONG || (r->last && wants_trace(r->o));
  if (show)
    show_here(r);
  return show;
}

void shake_prepare(struct shaken_run *r, struct supervisor_options *s) {
  s->shake = r->pauses;
  s->timeout_ns = r->limit_ns;
  s->faults = &r->faults;
  if (!s->seeded && r->pauses.mode != SHAKE_NONE) {
    s->seed = mix64(r->pauses.seed);
    s->seeded = true;
  }
}

void shake_forget(const struct shaken_run *r) {
  const int fds[] = {r->out, r->err, r->real_out, r->real_err, r->reference};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0)
      close(fds[i]);
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
  lseek(s->input, 0, SEEK_SET);
  dup2(s->input, STDIN_FILENO);
  dup2(r->out, STDOUT_FILENO);
  dup2(r->err, STDERR_FILENO);
  const int others[] = {s->input, s->first_out, s->first_err};
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
    if (!r->outcome->flood && size_of(r->out) + size_of(r->err) > OUTPUT_MOST) {
      r->outcome->flood = true;
      kill(pid, SIGTERM);
    }
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  close_file(&pidfd);
  if (r->outcome->flood && !caught)
    tell_why(r->outcome, "it wrote more than %d MiB", OUTPUT_MOST >> 20);
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
  r->out = memory_file("stdout");
  r->err = memory_file("stderr");
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
    tell_why(s->outcome, "its supervisor was killed by signal %d", WTERMSIG(status));
  else if (s->outcome->kind == RUN_VANISHED) {
    s->outcome->kind = RUN_NOT_STARTED;
    s->outcome->status = WEXITSTATUS(status);
  }
  int64_t took = clock_now_ns() - began;
  if (took > s->slowest_ns)
    s->slowest_ns = took;
  return 0;
}

/* -- what is told ------------------------------------------------------------------------------ */

static void say(const struct buf *text) {
  report_print(&(struct report){.message = (const char *)text->data});
}

/* A word as a shell takes it. */
static int add_word(struct buf *out, const char *word) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+%@";
  int rc = buf_append_byte(out, ' ');
  if (*word && word[strspn(word, plain)] == '\0')
    return rc ? rc : buf_append(out, word, strlen(word));
  rc = rc ? rc : buf_append_byte(out, '\'');
  for (; *word && rc == 0; word++)
    rc = *word == '\'' ? buf_append(out, "'\\''", 4) : buf_append_byte(out, (uint8_t)*word);
  return rc ? rc : buf_append_byte(out, '\'');
}

/* How many words of the command line stand for an option that --shake-token replaces. */
static int replaced(const char *word) {
  if (strcmp(word, "--shake-token") == 0)
    return 2;
  return strcmp(word, "--shake") == 0 || strncmp(word, "--shake=", 8) == 0 ||
         strncmp(word, "--shake-token=", 14) == 0;
}

/* The command that has the pauses of this run again. */
static int tell_again(const struct shaking *s, const struct shaken_run *r, struct buf *out) {
  char token[SHAKE_TOKEN_MAX];
  shake_token_format(&r->pauses, token);
  int rc = buf_format(out, "again: sandbox --shake=1 --shake-token %s", token);
  for (int i = 1; i < s->argc && rc == 0; i++) {
    int skip = i < s->o->script ? replaced(s->argv[i]) : 0;
    if (skip)
      i += skip - 1;
    else
      rc = add_word(out, s->argv[i]);
  }
  return rc ? rc : buf_format(out, "\n(the same pauses again; it need not fail each time)\n");
}

static void tell_wrong(const struct shaking *s, const struct shaken_run *r) {
  struct buf text = {0}, again = {0};
  int rc = r->number == 0 ? buf_format(&text, "shake: even the run without pauses")
                          : buf_format(&text, "shake: run %" PRIu64 " of %" PRIu64, r->number,
                                       s->o->shake.runs);
  if (rc == 0)
    rc = buf_format(&text, " went wrong: %s", s->outcome->why);
  if (rc == 0 && buf_append_byte(&text, 0) == 0)
    say(&text);
  if (r->number > 0 && tell_again(s, r, &again) == 0)
    output_message(again.data, again.len);
  buf_release(&text);
  buf_release(&again);
}

/* No error: not in its colour. */
static void say_plainly(struct buf *text) {
  if (buf_append_byte(text, '\n') == 0)
    output_message(text->data, text->len);
  buf_release(text);
}

static void tell_good(const struct shaking *s) {
  struct buf text = {0};
  double seconds = (double)(clock_now_ns() - s->began_ns) / (double)NS_PER_SECOND;
  uint64_t n = s->o->shake.runs;
  buf_format(&text,
             "sandbox: shake: %" PRIu64
             " run%s in %.1f s, none went wrong (this proves nothing: other orders are possible)",
             n, n == 1 ? "" : "s", seconds);
  say_plainly(&text);
}

static void tell_interrupted(const struct shaking *s, uint64_t number) {
  struct buf text = {0};
  if (number == 0)
    buf_format(&text, "sandbox: shake: interrupted in the run without pauses");
  else
    buf_format(&text,
               "sandbox: shake: interrupted in run %" PRIu64 " of %" PRIu64
               "; none before it went wrong",
               number, s->o->shake.runs);
  say_plainly(&text);
}

static int cannot(const char *why) {
  fprintf(stderr, "sandbox: cannot start the run: %s\n", why);
  return EXIT_LUA_ERROR;
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
    show_progress(s->progress, 0, 0);
    copy_both(first ? s->first_out : r->out, first ? s->first_err : r->err, OUTPUT_MOST);
  }
  if (caught) {
    tell_interrupted(s, r->number);
    return STATUS_SIGNAL + (int)caught;
  }
  if (o->kind == RUN_NOT_STARTED)
    return o->status < 0 ? cannot(error_text(o->status)) : o->status;
  if (o->kind == RUN_GOOD) {
    tell_good(s);
    return 0;
  }
  tell_wrong(s, r);
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
    close_file(&r->out);
  if (r->number != 1)
    close_file(&r->err);
}

static int run_all(struct shaking *s, struct signals *sig) {
  const struct shake_choice *c = &s->o->shake;
  int status = -1;
  for (uint64_t n = c->same ? 0 : 1; n <= c->runs && status < 0; n++) {
    struct shaken_run r = {.o = s->o,
                           .number = n,
                           .last = n == c->runs,
                           .reference = s->reference,
                           .progress = s->progress,
                           .real_out = -1,
                           .real_err = -1};
    if (n > 0)
      r.pauses = c->again.mode != SHAKE_NONE ? c->again : shake_of_run(s->seed, n);
    show_progress(s->progress, n, c->runs);
    if (run_one(s, &r, sig))
      return cannot(strerror(errno));
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
  if (o->script == argc && !o->has_statement && isatty(STDIN_FILENO))
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
  if (status)
    return status;
  if (!o->seeded && getrandom(&s.seed, sizeof s.seed, 0) != sizeof s.seed)
    return cannot(error_text(SBX_ESYSTEM));
  s.outcome =
      mmap(NULL, sizeof *s.outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s.outcome == MAP_FAILED)
    return cannot(error_text(SBX_ENOMEM));
  s.input = read_input(&s);
  catch_signals(&sig);
  status = s.input < 0 ? cannot(strerror(errno)) : run_all(&s, &sig);
  close_file(&s.input);
  close_file(&s.first_out);
  close_file(&s.first_err);
  close_file(&s.reference);
  munmap(s.outcome, sizeof *s.outcome);
  return status;
}
