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
#include "base/width.h"
#include "host/cure.h"
#include "host/explore_report.h"
#include "host/replay_token.h"
#include "host/script.h"
#include "host/simulated.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"
#include "prompt/show.h"

/* -- a process that never asks ------------------------------------------------------------------- */

static void on_second(int sig) {
  (void)sig;
  explore_watch(simulated_stopped());
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

/* -- progress ------------------------------------------------------------------------------------ */

struct progress {
  bool shown;
  const struct cure *cure; /* NULL: the script as it is */
};

static bool progress(void *ctx, uint32_t states, uint32_t histories) {
  struct progress *p = ctx;
  if (isatty(STDERR_FILENO)) {
    fprintf(stderr, "\r%" PRIu32 " states, %" PRIu32 " histories ...\033[K", states, histories);
    p->shown = true;
  }
  return simulated_stopped();
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
  const struct explore_options eo = {.seed = o->seeded ? o->seed : 1,
                                     .arena = arena,
                                     .states_max = p->cure ? p->cure->states_max
                                                   : limit->states < UINT32_MAX
                                                       ? (uint32_t)limit->states
                                                       : UINT32_MAX,
                                     .bytes_max = limit->bytes,
                                     .seconds_max = (double)limit->time_ns / NS_PER_SECOND,
                                     .bounded = limit->bounded,
                                     .preemptions = (uint32_t)limit->preemptions,
                                     .merge_relock = merges_relock(),
                                     .clock = clock,
                                     .kills = o->explore_kills,
                                     .cure = p->cure ? &p->cure->made : NULL,
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

static int explore_all(struct script *script, struct progress *p, struct arena **arena,
                       struct exploration **ret) {
  int rc = arena_open(arena);
  watch(true);
  if (rc == 0)
    rc = explore_once(script, p, false, *arena, ret);
  if (rc == EXPLORE_READS_CLOCK) {
    arena_close(*arena);
    *arena = NULL;
    rc = arena_open(arena);
    if (rc == 0)
      rc = explore_once(script, p, true, *arena, ret);
  }
  watch(false);
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
  struct progress p = {.cure = c};
  struct exploration *x = NULL;
  struct arena *arena = NULL;
  const char *path = replay_path(&script);
  char *text = NULL;
  if (c->made.kind == CURE_NONE) {
    script.instead = text = path ? cure_text(c, path, &script.instead_len) : NULL;
    report_set_writer(write_nowhere);
    if (!text || !can_be_read(&script))
      return;
  }
  report_set_writer(simulated_report);
  if (explore_all(&script, &p, &arena, &x) == 0)
    cure_sum(c, x, ret);
}

static int complain(int rc) {
  const char *why = rc != EXPLORE_NOTHING ? error_text(rc)
                    : simulated_stopped()
                        ? "interrupted"
                        : "main goes on and on before any operation that others could see: "
                          "there is nothing to explore";
  report_print(&(struct report){.message = why});
  return EXIT_LUA_ERROR;
}

/* A line of the report, broken between words where it is too long. */
static void write_folded(const char *line, size_t len, int width) {
  int column = 0;
  for (size_t at = 0; at < len;) {
    size_t blanks = strspn(line + at, " ");
    size_t n = blanks + strcspn(line + at + blanks, " \n");
    if (at + n > len)
      n = len - at;
    int wide = width_of(line + at, n);
    if (column > 2 && column + wide > width) {
      fputs("\n ", stdout);
      at += blanks - 1;
      n -= blanks - 1;
      column = 1;
      wide = width_of(line + at, n);
    }
    fwrite(line + at, 1, n, stdout);
    column += wide;
    at += n;
  }
}

/* On a narrow terminal. What is indented fits, or was printed by the script; a command is to be copied as one line. */
static void write_report(const char *text, size_t len, int width) {
  for (size_t at = 0; at < len;) {
    size_t n = strcspn(text + at, "\n");
    bool whole = text[at] == ' ' || strncmp(text + at, "see it again", 12) == 0;
    if (whole || width_of(text + at, n) <= width)
      fwrite(text + at, 1, n, stdout);
    else
      write_folded(text + at, n, width);
    at += n;
    if (at < len)
      fputc(text[at++], stdout);
  }
}

/* On stdout; and into the files that were asked for. */
static int tell(struct exploration *x, const char *name, const struct script *script,
                struct explore_pages *pages, struct cures *cures) {
  char *text = NULL;
  size_t len = 0;
  FILE *memory = open_memstream(&text, &len);
  if (!memory)
    return complain(-SBX_ENOMEM);
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
  struct progress p = {0};
  struct exploration *x = NULL;
  struct arena *arena = NULL;
  struct explore_pages *pages = NULL;
  const char *name = o->script < script->argc ? script->argv[o->script] : "-e";
  const char *slash = strrchr(name, '/');
  name = slash ? slash + 1 : name;
  if (!can_be_read(script))
    return EXIT_LUA_ERROR;
  int status = explore_pages_open(o, &pages);
  struct cures *cures = status == 0 && !o->step ? cures_open(explore_cured, script) : NULL;
  if (status == 0) {
    int rc = explore_all(script, &p, &arena, &x);
    status = rc        ? complain(rc)
             : o->step ? step_by_hand(x, &(struct stepped){name, script, 0}, NULL)
                       : tell(x, name, script, pages, cures);
  }
  cures_close(cures);
  explore_pages_free(pages);
  exploration_free(x);
  arena_close(arena);
  return status;
}
