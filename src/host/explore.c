/* host/explore.c - see explore.h. */
#include "host/explore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/utf8.h"
#include "host/cure.h"
#include "host/explore_report.h"
#include "host/replay_token.h"
#include "host/script.h"
#include "host/simulated.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"
#include "prompt/show.h"

/* -- progress ------------------------------------------------------------------------------------ */

struct progress {
  bool silent; /* in strict mode, where stderr carries no control characters */
  bool shown;
  const struct cure *cure;        /* NULL: the script as it is */
  struct explore_endless endless; /* after EXPLORE_NOTHING */
};

static bool progress(void *ctx, const struct explore_progress *so_far) {
  struct progress *p = ctx;
  if (!p->silent && isatty(STDERR_FILENO)) {
    fprintf(stderr, "\r%" PRIu32 " states, %" PRIu32 " histories%s ...\033[K", so_far->states,
            so_far->histories, so_far->found ? ", a failure (Ctrl-C shows it)" : "");
    p->shown = true;
  }
  return simulated_asked(NULL, so_far);
}

/* -- exploring ----------------------------------------------------------------------------------- */

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
  const struct explore_limit *limit = &o->explore_limit;
  uint32_t states_max = limit->states < UINT32_MAX ? (uint32_t)limit->states : UINT32_MAX;
  const struct explore_options eo = {.seed = o->seeded ? o->seed : 1,
                                     .policy = &o->policy,
                                     .arena = arena,
                                     .states_max = p->cure ? p->cure->states_max : states_max,
                                     .bytes_max = limit->bytes,
                                     .seconds_max = (double)limit->time_ns / NS_PER_SECOND,
                                     .bounded = limit->bounded,
                                     .preemptions = (uint32_t)limit->preemptions,
                                     .merge_relock = merges_relock(),
                                     .clock = clock,
                                     .kills = o->explore_kills,
                                     .cure = p->cure ? &p->cure->made : NULL,
                                     .endless = &p->endless,
                                     .progress = progress,
                                     .ctx = p};
  return explore(&eo, script_simulated, script, ret);
}

static int explore_all(struct script *script, struct progress *p, struct arena **arena,
                       struct exploration **ret) {
  int rc = arena_open(arena);
  simulated_watch(true);
  if (rc == 0)
    rc = explore_once(script, p, false, *arena, ret);
  if (rc == EXPLORE_READS_CLOCK) {
    arena_close(*arena);
    *arena = NULL;
    rc = arena_open(arena);
    if (rc == 0)
      rc = explore_once(script, p, true, *arena, ret);
  }
  simulated_watch(false);
  if (p->shown)
    fprintf(stderr, "\r\033[K");
  return rc;
}

/* -- with a cure --------------------------------------------------------------------------------- */

static void write_nowhere(const void *text, size_t len) {
  (void)text;
  (void)len;
}

/* For cures_open. A script that cannot be read after the change is not told of. */
static void explore_cured(void *ctx, const struct cure *c, struct cure_result *ret) {
  struct script script = *(struct script *)ctx;
  struct progress p = {.silent = policy_is_strict(&script.options->policy), .cure = c};
  struct exploration *x = NULL;
  struct arena *arena = NULL;
  const char *path = replay_path(&script);
  char *text = NULL;
  if (c->made.kind == CURE_NONE) {
    script.instead = text = path ? cure_text(c, path, &script.instead_len) : NULL;
    report_set_writer(write_nowhere);
    if (!text || script_check_alone(&script))
      return;
  }
  report_set_writer(simulated_report);
  if (explore_all(&script, &p, &arena, &x) == 0)
    cure_sum(c, x, ret);
}

/* `e` is of EXPLORE_NOTHING. */
static int complain(int rc, const struct explore_endless *e) {
  char endless[sizeof *e + 128];
  bool interrupted = rc == EXPLORE_NOTHING && simulated_stopped();
  const char *why = interrupted ? simulated_stop_word() : error_text(rc);
  if (rc == EXPLORE_NOTHING && !interrupted) {
    snprintf(endless, sizeof endless,
             "%s goes on and on before any operation that others could see%s%s: there is nothing "
             "to explore",
             e->process, e->where[0] ? ", at " : "", e->where);
    why = endless;
  }
  report_print(&(struct report){.message = why});
  return interrupted ? simulated_stop_status() : EXIT_LUA_ERROR;
}

/* On a narrow terminal. What is indented fits, or was printed by the script; a command is to be copied as one line. */
static void write_report(const char *text, size_t len, int width) {
  struct buf out = {0};
  int rc = 0;
  for (size_t at = 0, n; at < len && rc == 0; at += n) {
    n = strcspn(text + at, "\n");
    n += at + n < len;
    bool whole = text[at] == ' ' || n == 1 || strncmp(text + at, "see it again", 12) == 0;
    rc = whole ? buf_append(&out, text + at, n) : show_wrapped(text + at, n, width, &out);
  }
  if (rc == 0)
    fwrite(out.data, 1, out.len, stdout);
  else
    fwrite(text, 1, len, stdout);
  buf_release(&out);
}

/* On stdout; and into the files that were asked for. */
static int tell(struct exploration *x, const char *name, const struct script *script,
                struct explore_pages *pages, struct cures *cures) {
  char *text = NULL;
  size_t len = 0;
  FILE *memory = open_memstream(&text, &len);
  if (!memory)
    return complain(-SBX_ENOMEM, NULL);
  int width = isatty(STDOUT_FILENO) ? show_columns(STDOUT_FILENO) : REPORT_WIDTH;
  int status = explore_report(memory, width, x, name, script, cures);
  if (fclose(memory) == 0) {
    if (width < REPORT_WIDTH)
      write_report(text, len, width);
    else
      fwrite(text, 1, len, stdout);
    fflush(stdout);
    explore_pages_write(pages, x, name, text, cures);
  }
  free(text);
  return status;
}

int explore_script(struct script *script) {
  const struct options *o = script->options;
  struct progress p = {.silent = policy_is_strict(&o->policy)};
  struct exploration *x = NULL;
  struct arena *arena = NULL;
  struct explore_pages *own = NULL;
  const char *name = o->script < script->argc && !o->script_is_stdin ? script->argv[o->script]
                     : o->has_statement                              ? "-e"
                                                                     : "stdin";
  const char *slash = strrchr(name, '/');
  name = slash ? slash + 1 : name;
  int status = script_check_alone(script); /* what cannot be read has no interleavings */
  if (status)
    return status;
  if (!script->pages)
    status = explore_pages_open(o, &own);
  struct cures *cures = status == 0 && !o->step ? cures_open(explore_cured, script) : NULL;
  if (status == 0) {
    int rc = explore_all(script, &p, &arena, &x);
    status = rc        ? complain(rc, &p.endless)
             : o->step ? step_by_hand(x, &(struct stepped){name, script, 0}, NULL)
                       : tell(x, name, script, script->pages ? script->pages : own, cures);
  }
  cures_close(cures);
  explore_pages_free(own);
  exploration_free(x);
  arena_close(arena);
  return status;
}
