/* host/explore.c - see explore.h. */
#include "host/explore.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/utf8.h"
#include "host/replay.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"
#include "prompt/show.h"

static volatile int stopped;

void explore_stop(void) {
  stopped = 1;
  explore_watch(true);
}

/* -- a process that never asks ------------------------------------------------------------------- */

static void on_second(int sig) {
  (void)sig;
  explore_watch(stopped);
}

/* Look once a second whether the process that runs still does. */
static void watch(bool on) {
  const struct itimerval each = {.it_interval.tv_sec = on, .it_value.tv_sec = on};
  struct sigaction sa = {.sa_handler = on ? on_second : SIG_DFL, .sa_flags = SA_RESTART};
  if (on)
    sigaction(SIGALRM, &sa, NULL);
  setitimer(ITIMER_REAL, &each, NULL);
  if (!on)
    sigaction(SIGALRM, &sa, NULL);
}

bool explore_stopped(void) { return stopped; }

/* -- progress ------------------------------------------------------------------------------------ */

struct progress {
  bool shown;
};

static bool progress(void *ctx, uint32_t states, uint32_t histories) {
  struct progress *p = ctx;
  if (isatty(STDERR_FILENO)) {
    fprintf(stderr, "\r%" PRIu32 " states, %" PRIu32 " histories ...\033[K", states, histories);
    p->shown = true;
  }
  return stopped;
}

/* -- numbers ------------------------------------------------------------------------------------- */

/* 98,184; 1.2e+30 */
static const char *number(double n, char to[64]) {
  char plain[48];
  if (n >= 1e15) {
    snprintf(to, 64, "about %.3g", n);
    return to;
  }
  int len = snprintf(plain, sizeof plain, "%.0f", n), at = 0;
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0)
      to[at++] = ',';
    to[at++] = plain[i];
  }
  to[at] = '\0';
  return to;
}

static const char *stop_word(enum explore_stop stop) {
  switch (stop) {
  case STOP_STATES:
    return "the limit of states was reached";
  case STOP_BYTES:
    return "memory has reached its limit";
  case STOP_SECONDS:
    return "the time was up";
  case STOP_FOLLOWED:
    return "one schedule was followed";
  case STOP_ASKED:
    return "interrupted";
  case STOP_SPAWNS:
    return "a process spawns others, or makes objects, without end";
  case STOP_ENDLESS:
    return "a process computes for seconds without an operation on a shared object";
  default:
    return "it has no end";
  }
}

static const char *bad_word(enum explore_end end) {
  switch (end) {
  case EXPLORE_DEADLOCK:
    return "end in a deadlock";
  case EXPLORE_HELD:
    return "end with a lock held";
  case EXPLORE_STUCK:
    return "never end";
  default:
    return "end wrong";
  }
}

/* -- the report ---------------------------------------------------------------------------------- */

static void print_head(const char *script, const struct explore_sum *s) {
  char ways[64], states[64];
  number(s->states, states);
  if (s->stop != STOP_COMPLETE)
    printf("%s: %s states of %" PRIu32 " processes tried, not all: %s\n", script, states,
           s->processes, stop_word(s->stop));
  else if (s->ways < 0)
    printf("%s: %" PRIu32 " processes, interleavings without end; all %s states tried\n", script,
           s->processes, states);
  else
    printf("%s: %s interleaving%s of %" PRIu32 " process%s, all tried (%s state%s)\n", script,
           number(s->ways, ways), s->ways == 1 ? "" : "s", s->processes,
           s->processes == 1 ? "" : "es", states, s->states == 1 ? "" : "s");
}

/* Where the process is that computes without an end: behind which of its operations. */
static void print_endless(struct exploration *x, const struct explore_sum *s) {
  char where[WHERE_MAX];
  uint32_t history = exploration_endless(x);
  if ((s->stop != STOP_ENDLESS && s->stop != STOP_SPAWNS) || history == EXPLORE_NONE)
    return;
  exploration_where(x, history, where);
  const char *slash = strrchr(where, '/');
  if (where[0])
    printf("  the last operation that it did is at %s\n", slash ? slash + 1 : where);
}

static double ways_to(const struct exploration *x, enum explore_end end) {
  const struct explore_outcome *o;
  uint32_t n = exploration_outcomes(x, &o);
  double ways = 0;
  for (uint32_t i = 0; i < n; i++)
    if (o[i].end == end)
      ways = ways < 0 || o[i].ways < 0 ? -1 : ways + o[i].ways;
  return ways;
}

static void print_kind(const struct exploration *x, const struct explore_sum *s,
                       enum explore_end end) {
  char bad[64], all[64];
  double ways = ways_to(x, end);
  if (s->stop == STOP_COMPLETE && ways > 0 && s->ways > 0)
    printf("%s of %s %s (1 in %s)\n", number(ways, bad), number(s->ways, all), bad_word(end),
           number(s->ways / ways, (char[64]){0}));
  else
    printf("some %s\n", bad_word(end));
}

static int print_table(const struct told *t) {
  struct buf out = {0};
  const struct story_options so = {.width =
                                       isatty(STDOUT_FILENO) ? show_columns(STDOUT_FILENO) : 100,
                                   .color = false,
                                   .utf8 = false};
  int rc = story_write(told_story(t), &so, &out);
  if (rc == 0)
    fwrite(out.data, 1, out.len, stdout);
  buf_release(&out);
  return rc;
}

static int print_story(struct exploration *x, const char *script, enum explore_end end,
                       const struct script *again) {
  uint32_t *path = NULL, preemptions = 0;
  struct told *t = NULL;
  uint32_t len = exploration_path(x, 0, end, &path, &preemptions);
  if (len == EXPLORE_NONE)
    return -SBX_ENOMEM;
  int rc = told_make(x, path, len, end, script, &t);
  if (rc == 0) {
    printf("\nthe shortest, %" PRIu32 " step%s with %" PRIu32 " preemption%s:\n", len,
           len == 1 ? "" : "s", preemptions, preemptions == 1 ? "" : "s");
    rc = print_table(t);
    if (again)
      replay_tell(again, x, path, len);
  }
  told_free(t);
  free(path);
  return rc;
}

/* A process that waits for ever, while others go round in a circle. *ret: there is one. */
static int print_circle(struct exploration *x, const char *script, bool *ret) {
  uint32_t *path = NULL, loop, victim;
  bool livelock;
  struct told *t = NULL;
  uint32_t len = exploration_circle(x, &path, &loop, &victim, &livelock);
  *ret = len != EXPLORE_NONE;
  if (!*ret)
    return 0;
  int rc = told_make(x, path, len, livelock ? EXPLORE_LIVELOCK : EXPLORE_STARVES, script, &t);
  if (rc == 0) {
    told_circle(t, loop, victim);
    printf(
        livelock
            ? "some go round in a circle, and nobody gets anywhere, though all have their turns\n"
            : "in some a process waits for ever, though all others have their turns\n");
    printf("\na circle, from step %" PRIu32 " to step %" PRIu32 " and again:\n", loop + 1, len);
    rc = print_table(t);
  }
  told_free(t);
  free(path);
  return rc;
}

static void print_text(const char *text, size_t len) {
  for (size_t at = 0; at < len;) {
    size_t n = strcspn(text + at, "\n");
    printf("    %.*s\n", (int)n, text + at);
    at += n + 1;
  }
}

/* What the processes printed, and in how many interleavings. */
static void print_outcomes(const struct exploration *x) {
  enum { MOST = 12 };
  const struct explore_outcome *o;
  uint32_t n = exploration_outcomes(x, &o);
  char ways[64];
  if (n < 2)
    return;
  printf("\noutcomes:\n");
  for (uint32_t i = 0; i < n && i < MOST; i++) {
    static const char *const words[] = {"",         "ends well",      "ends wrong",
                                        "deadlock", "a lock is held", "never ends"};
    printf("  %s: %s%s\n", o[i].ways < 0 ? "many" : number(o[i].ways, ways), words[o[i].end],
           o[i].len ? ", prints" : "");
    print_text(o[i].text, o[i].len);
  }
  if (n > MOST)
    printf("  and %" PRIu32 " more\n", n - MOST);
}

int explore_report(struct exploration *x, const char *script, const struct script *again) {
  const struct explore_outcome *outcomes;
  static const enum explore_end kinds[] = {EXPLORE_ERROR, EXPLORE_DEADLOCK, EXPLORE_STUCK,
                                           EXPLORE_HELD};
  struct explore_sum s;
  bool found[sizeof kinds / sizeof *kinds] = {false};
  int bad = 0, rc = 0;
  exploration_sum(x, &s);
  print_head(script, &s);
  print_endless(x, &s);
  for (uint32_t i = 0; i < s.states; i++)
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
      found[k] |= exploration_state(x, i)->end == kinds[k];
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds && rc == 0; k++)
    if (found[k]) {
      bad++;
      print_kind(x, &s, kinds[k]);
      rc = print_story(x, script, kinds[k], again);
    }
  bool circle = false;
  if (rc == 0)
    rc = print_circle(x, script, &circle);
  bad += circle;
  if (rc) {
    report_print(&(struct report){.message = error_text(rc)});
    return EXIT_LUA_ERROR;
  }
  if (!bad)
    printf(s.stop == STOP_COMPLETE
               ? "no process fails, every assertion holds, nobody waits for ever\n"
               : "nothing went wrong in what was tried\n");
  if (s.stop != STOP_COMPLETE && exploration_outcomes(x, &outcomes) == 0)
    printf("  none was followed to its end: fewer processes, or fewer rounds, would help\n");
  print_outcomes(x);
  return bad                       ? EXIT_FOUND
         : s.stop == STOP_COMPLETE ? 0
         : s.stop == STOP_ASKED    ? EXIT_INTERRUPTED
                                   : EXIT_NOT_ALL;
}

/* For tests, in builds with fault points: with this variable being woken up from a condition's wait and
 * having the lock again are two steps, as some tables of numbers have it. */
static bool merges_relock(void) {
#ifdef SBX_FAULTS
  return getenv("SANDBOX_EXPLORE_SPLIT") == NULL;
#else
  return true;
#endif
}

static int explore_once(struct script *script, struct progress *p, bool clock, struct arena *arena,
                        struct exploration **ret) {
  const struct options *o = script->options;
  const struct explore_options eo = {
      .seed = o->seeded ? o->seed : 1,
      .arena = arena,
      .states_max = o->explore_limit < UINT32_MAX ? (uint32_t)o->explore_limit : UINT32_MAX,
      .merge_relock = merges_relock(),
      .clock = clock,
      .progress = progress,
      .ctx = p};
  return explore(&eo, script_simulated, script, ret);
}

/* What cannot be read has no interleavings; that is told. */
static bool can_be_read(const struct script *s) {
  struct script alone = *s; /* without its arguments, which --check takes for scripts */
  bool there = s->options->script < s->argc;
  if (there)
    alone.argc = s->options->script + 1;
  return !there || s->options->script_is_stdin || script_check(&alone) == 0;
}

int explore_script(struct script *script) {
  const struct options *o = script->options;
  struct progress p = {0};
  struct exploration *x = NULL;
  struct arena *arena = NULL;
  const char *name = o->script < script->argc ? script->argv[o->script] : "-e";
  const char *slash = strrchr(name, '/');
  if (!can_be_read(script))
    return EXIT_LUA_ERROR;
  int rc = arena_open(&arena);
  watch(true);
  if (rc == 0)
    rc = explore_once(script, &p, false, arena, &x);
  if (rc == EXPLORE_READS_CLOCK) {
    arena_close(arena);
    arena = NULL;
    rc = arena_open(&arena);
    if (rc == 0)
      rc = explore_once(script, &p, true, arena, &x);
  }
  watch(false);
  if (p.shown)
    fprintf(stderr, "\r\033[K");
  if (rc == EXPLORE_NOTHING)
    report_print(&(struct report){
        .message = stopped ? "interrupted"
                           : "main goes on and on before any operation that others could see: "
                             "there is nothing to explore"});
  else if (rc)
    report_print(&(struct report){.message = error_text(rc)});
  const char *shown = slash ? slash + 1 : name;
  int status = rc        ? EXIT_LUA_ERROR
               : o->step ? step_by_hand(x, shown)
                         : explore_report(x, shown, script);
  exploration_free(x);
  arena_close(arena);
  return status;
}
