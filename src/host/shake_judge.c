/* host/shake_judge.c - in the process of a shaken run: what is special about it, and its judgement. See shake_internal.h. */
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
#include "host/shake_lines.h"
#include "host/shake_token.h"
#include "lua/state/report.h"
#include "os/process/output.h"

void shake_why(struct outcome *o, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(o->why, sizeof o->why, format, args);
  va_end(args);
  o->kind = RUN_WRONG;
}

/* The whole of a file; NULL: it is empty, or cannot be mapped. */
static const char *map(int fd, size_t *ret_len) {
  *ret_len = (size_t)shake_size(fd);
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
    shake_why(r->outcome, "its output is not that of a run without pauses: %s", how);
}

/* That is no mistake by itself, but a person may want to know. The first difference is kept. */
static void note_output(struct shaken_run *r) {
  size_t first_len, got_len;
  char how[WHY_MAX];
  const char *first = map(r->first, &first_len), *got = map(r->out, &got_len);
  if (shake_lines_differ(first, first_len, got, got_len, how, sizeof how))
    snprintf(r->outcome->differs, sizeof r->outcome->differs, "%s", how);
}

static void judge(struct shaken_run *r, int status) {
  struct outcome *o = r->outcome;
  const struct run_faults *f = &r->faults;
  double limit = (double)r->limit_ns / (double)NS_PER_SECOND;
  o->kind = RUN_GOOD;
  if (f->timed_out && r->o->timeout_ns != SBX_FOREVER)
    shake_why(o, "not over after %g s", limit);
  else if (f->timed_out)
    shake_why(o,
              "not over after %.1f s (%d s and %d times the slowest run so far; --timeout S sets "
              "another limit)",
              limit, LIMIT_LEAST_S, LIMIT_TIMES);
  else if (f->deadlock)
    shake_why(o, status == STATUS_CHILD_FAILED ? "a process failed, and was not joined; deadlock"
                                               : "deadlock");
  else if (f->held)
    shake_why(o, "a process ended and still held %s",
              f->held == 1 ? "something" : "several things");
  else if (status == STATUS_CHILD_FAILED)
    shake_why(o, "a process failed, and was not joined");
  else if (status == EXIT_LUA_ERROR)
    shake_why(o, "exit status 1: an error in main, or os.exit");
  else if (status > STATUS_SIGNAL)
    shake_why(o, "signal %d ended it", status - STATUS_SIGNAL);
  else if (status != 0)
    shake_why(o, "exit status %d", status);
  else if (r->reference >= 0)
    judge_output(r);
  else if (r->first >= 0)
    note_output(r);
}

/* On the line of the cursor; number 0: nothing. */
void shake_progress(bool on, uint64_t number, uint64_t runs) {
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
  shake_progress(r->progress, 0, 0);
  shake_copy_both(r->out, r->err, r->outcome->flood ? FLOOD_SHOWN : OUTPUT_MOST);
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
  /* The processes of the run have it not: they are judged. */
  madvise(r->outcome, sizeof *r->outcome, MADV_DONTFORK);
  s->shake = r->pauses;
  s->timeout_ns = r->limit_ns;
  s->faults = &r->faults;
  if (!s->seeded && r->pauses.mode != SHAKE_NONE) {
    s->seed = mix64(r->pauses.seed);
    s->seeded = true;
  }
}

void shake_forget(const struct shaken_run *r) {
  const int fds[] = {r->out, r->err, r->real_out, r->real_err, r->reference, r->first};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}
