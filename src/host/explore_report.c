/* host/explore_report.c - what an exploration found, as text; see explore_report.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/cure.h"
#include "host/explore_failures.h"
#include "host/explore_report.h"
#include "host/explore_story.h"
#include "host/explore_words.h"
#include "host/replay_token.h"
#include "host/simulated.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"

/* With the option that sets the limit: of the command line, or of explore(f, options). */
static const char *stop_word(enum explore_stop stop, bool script) {
  switch (stop) {
  case STOP_STATES:
    return script ? "the limit of states was reached (--explore=N)"
                  : "the limit of states was reached (limit = N)";
  case STOP_BYTES:
    return script ? "memory has reached its limit (--explore=memory:SIZE)"
                  : "memory has reached its limit";
  case STOP_SECONDS:
    return script ? "the time was up (--explore=seconds:S)" : "the time was up (seconds = S)";
  case STOP_FOLLOWED:
    return "one schedule was followed";
  case STOP_ASKED:
    return simulated_stop_word();
  case STOP_SPAWNS:
    return "a process spawns others, makes objects, or sleeps, without end";
  case STOP_ENDLESS:
    return "a process computes for seconds without an operation on a shared object";
  case STOP_KILLS:
    return "no process was killed, an error in sandbox; please report it";
  case STOP_CLOCK:
    return "a process polls the clock, or for another that sleeps, and time stands while a process "
           "can go on: let it sleep in its loop";
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

/* How many may be killed; and if there was nobody to kill, that no kill was tried. */
static void print_kills(char to[64], const struct explore_sum *s) {
  to[0] = '\0';
  if (s->kills > 0 && s->kill_steps == 0)
    snprintf(to, 64, ", of which none could be killed");
  else if (s->kills == 1)
    snprintf(to, 64, ", of which one may be killed");
  else if (s->kills > 1)
    snprintf(to, 64, ", of which %" PRIu32 " may be killed", s->kills);
}

static void print_head(FILE *f, const char *name, bool script, const struct explore_sum *s) {
  char ways[64], states[64], kills[64];
  print_kills(kills, s);
  explore_number(s->states, states);
  if (s->stop == STOP_BOUND)
    fprintf(f,
            "%s: %" PRIu32 " processes%s, all with at most %" PRIu32
            " preemption%s tried (%s states)\n",
            name, s->processes, kills, s->preemptions, s->preemptions == 1 ? "" : "s", states);
  else if (s->stop != STOP_COMPLETE)
    fprintf(f, "%s: %s state%s of %" PRIu32 " process%s tried, not all: %s\n", name, states,
            s->states == 1 ? "" : "s", s->processes, s->processes == 1 ? "" : "es",
            stop_word(s->stop, script));
  else if (s->ways < 0)
    fprintf(f, "%s: %" PRIu32 " processes%s, interleavings without end; all %s states tried\n",
            name, s->processes, kills, states);
  else
    fprintf(f, "%s: %s interleaving%s of %" PRIu32 " process%s%s, all tried (%s state%s)\n", name,
            explore_number(s->ways, ways), s->ways == 1 ? "" : "s", s->processes,
            s->processes == 1 ? "" : "es", kills, states, s->states == 1 ? "" : "s");
}

/* Without the folders. */
static const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Where the process is that computes without an end: behind which of its operations. */
static void print_endless(FILE *f, struct exploration *x, const struct explore_sum *s) {
  char where[WHERE_MAX];
  const struct explore_endless *e = exploration_endless(x);
  if ((s->stop != STOP_ENDLESS && s->stop != STOP_SPAWNS && s->stop != STOP_CLOCK) || !e ||
      e->after == EXPLORE_NONE)
    return;
  if (s->stop == STOP_ENDLESS && e->where[0])
    fprintf(f, "  %s goes on and on at %s\n", e->process, file_name(e->where));
  exploration_where(x, e->after, where);
  if (where[0])
    fprintf(f, "  the last operation that it did is at %s\n", file_name(where));
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

/* One in so many or more is rounded to a whole number; of less that would be far off. */
enum { RARE = 50 };

static void print_kind(FILE *f, const struct exploration *x, const struct explore_sum *s,
                       enum explore_end end) {
  char bad[64], all[64];
  double ways = ways_to(x, end);
  if (s->stop != STOP_COMPLETE || ways <= 0 || s->ways <= 0) {
    fprintf(f, "some %s\n", bad_word(end));
    return;
  }
  fprintf(f, "%s of %s %s ", explore_number(ways, bad), explore_number(s->ways, all),
          bad_word(end));
  double one_in = s->ways / ways;
  if (one_in > 2 && (one_in >= RARE || one_in == floor(one_in)))
    fprintf(f, "(1 in %s)\n", explore_number(one_in, (char[64]){0}));
  else
    fprintf(f, "(%.0f %%)\n", 100 / one_in);
}

static int print_table(FILE *f, int width, const struct told *t) {
  struct buf out = {0};
  const struct story_options so = {.width = width, .color = false, .utf8 = false};
  int rc = story_write(told_story(t), &so, &out);
  if (rc == 0)
    fwrite(out.data, 1, out.len, f);
  buf_release(&out);
  return rc;
}

static void print_circle(FILE *f, const struct failure *of, const struct story *story) {
  if (of->end == EXPLORE_STARVES)
    fprintf(f, "in some a process waits for ever, though all others have their turns\n");
  else if (of->end == EXPLORE_LIVELOCK)
    fprintf(f, story->end == STORY_ENDLESS
                   ? "some never end, and a process waits for that, though all have their turns\n"
                   : "some go round in a circle, and nobody gets anywhere, though all have their "
                     "turns\n");
  fprintf(f, "\na circle, from step %" PRIu32 " to step %" PRIu32 " and again:\n", of->loop + 1,
          of->len);
}

static int print_failure(FILE *f, int width, struct exploration *x, const char *script,
                         const struct failure *of, const struct script *again,
                         struct cures *cures) {
  struct explore_sum s;
  struct told *t = NULL;
  int rc = failure_tell(x, of, script, &t);
  if (rc)
    return rc;
  exploration_sum(x, &s);
  cures_check(cures, x, of, t);
  if (of->end <= EXPLORE_STUCK)
    print_kind(f, x, &s, of->end);
  if (of->loop == EXPLORE_NONE)
    fprintf(f, "\nthe shortest%s, %" PRIu32 " step%s with %" PRIu32 " preemption%s:\n",
            s.stop == STOP_COMPLETE || s.stop == STOP_BOUND ? "" : " that was found", of->len,
            of->len == 1 ? "" : "s", of->preemptions, of->preemptions == 1 ? "" : "s");
  else
    print_circle(f, of, told_story(t));
  rc = print_table(f, width, t);
  if (again)
    replay_tell(f, again, x, of);
  told_free(t);
  return rc;
}

static void print_text(FILE *f, const char *text, size_t len) {
  for (size_t at = 0; at < len;) {
    size_t n = strcspn(text + at, "\n");
    fprintf(f, "    %.*s\n", (int)n, text + at);
    at += n + 1;
  }
}

/* Are there others that end like this one, so that the token of the failure may be of another? */
static bool is_one_of_several(const struct explore_outcome *o, uint32_t n, uint32_t which) {
  uint32_t equal = 0;
  for (uint32_t i = 0; i < n; i++)
    equal += o[i].end == o[which].end;
  return equal > 1 && o[which].end != EXPLORE_STUCK;
}

/* What the processes printed, and in how many interleavings. */
static void print_outcomes(FILE *f, const struct exploration *x, bool complete,
                           const struct script *again) {
  enum { MOST = 12 };
  const struct explore_outcome *o;
  uint32_t n = exploration_outcomes(x, &o);
  char ways[64];
  if (n < 2 && (n == 0 || !o[0].unread))
    return;
  fprintf(f, "\noutcomes:\n");
  for (uint32_t i = 0; i < n && i < MOST; i++) {
    static const char *const words[] = {"",         "ends well",      "ends wrong",
                                        "deadlock", "a lock is held", "never ends"};
    const char *many = !complete       ? "some"
                       : o[i].ways < 0 ? "many"
                                       : explore_number(o[i].ways, ways);
    fprintf(f, "  %s: %s%s%s\n", many, words[o[i].end], o[i].unread ? ", items are never read" : "",
            o[i].len ? ", prints" : "");
    print_text(f, o[i].text, o[i].len);
    struct failure one = {.loop = EXPLORE_NONE};
    bool shown = again && n > 1 && (o[i].end == EXPLORE_WELL || is_one_of_several(o, n, i));
    one.len =
        shown ? exploration_path_to(x, o[i].state, &one.path, &one.preemptions) : EXPLORE_NONE;
    if (one.len == EXPLORE_NONE)
      continue;
    replay_tell_token(f, again, x, &one);
    free(one.path);
  }
  if (n > MOST)
    fprintf(f, "  and %" PRIu32 " more\n", n - MOST);
}

/* What was taken for granted: a proof is one for runs in which it is so. */
static void print_notes(FILE *f, const struct explore_sum *s) {
  const char *const notes[] = {
      s->timed ? "sleeps and timeouts are in virtual time, in which steps take no time: the process that sleeps longer "
                 "always comes later"
               : NULL,
      s->notes & NOTE_ORDER ? "`pairs` goes through keys in one order here: each run has its own, and no other was tried"
                            : NULL,
      s->notes & NOTE_SIGNALS ? "kill, terminate and interrupt take effect at once here, in a run a moment later: only "
                                "behind a join it is the same"
                              : NULL,
      s->notes & NOTE_GARBAGE ? "garbage is collected before each operation here, in a run at some time: finalizers and "
                                "weak tables may do other things there"
                              : NULL,
  };
  const char *before = "\n";
  for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
    if (notes[i]) {
      fprintf(f, "%s%s\n", before, notes[i]);
      before = "";
    }
}

int explore_report(FILE *f, int width, struct exploration *x, const char *script,
                   const struct script *again, struct cures *cures) {
  const struct explore_outcome *outcomes;
  struct explore_sum s;
  struct failure list[FAILURES_MAX];
  uint32_t bad = failures_find(x, list);
  int rc = bad == EXPLORE_NONE ? -SBX_ENOMEM : 0;
  exploration_sum(x, &s);
  print_head(f, script, again != NULL, &s);
  print_endless(f, x, &s);
  for (uint32_t i = 0; i < bad && rc == 0; i++)
    rc = print_failure(f, width, x, script, &list[i], again, cures);
  failures_release(list, bad);
  if (rc) {
    report_print(&(struct report){.message = error_text(rc)});
    return EXIT_LUA_ERROR;
  }
  if (!bad)
    fprintf(f, s.stop == STOP_COMPLETE && s.harmless
                   ? "every assertion holds, nobody waits for ever; in some a process fails, which the script "
                     "interrupted\n"
               : s.stop == STOP_COMPLETE
                   ? "no process fails, every assertion holds, nobody waits for ever\n"
                   : "nothing went wrong in what was tried\n");
  if (!bad && s.stop == STOP_COMPLETE && s.states == 1 && s.processes > 1)
    fprintf(f, "the processes share no object, so no order matters: what one of them changes in a "
               "variable is its own "
               "copy; a sandbox.value is shared\n");
  if (s.stop != STOP_COMPLETE && s.stop != STOP_BOUND && s.stop != STOP_KILLS &&
      s.stop != STOP_CLOCK && exploration_outcomes(x, &outcomes) == 0)
    fprintf(f, "  none was followed to its end: fewer processes, or fewer rounds, would help\n");
  print_outcomes(f, x, s.stop == STOP_COMPLETE, again);
  print_notes(f, &s);
  return bad                       ? EXIT_FOUND
         : s.stop == STOP_COMPLETE ? 0
         : s.stop == STOP_ASKED    ? simulated_stop_status()
                                   : EXIT_NOT_ALL;
}
