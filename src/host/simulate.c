/* host/simulate.c - see simulate.h. */
#include "host/simulate.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "host/explore.h"
#include "host/output.h"
#include "host/replay.h"
#include "host/script.h"
#include "host/simulated.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"
#include "sim/run.h"

enum { EXIT_LIMIT = 125 };

static void write_line(void *ctx, int stream, const char *text, size_t len) {
  (void)ctx;
  FILE *f = stream == 1 ? stdout : stderr;
  if (stream == 2)
    fflush(stdout);
  fwrite(text, 1, len, f);
  fflush(f);
}

static int status_of(const struct run_outcome *r) {
  switch (r->end) {
  case RUN_DEADLOCK:
    return r->status ? r->status : SIMULATED_DEADLOCK;
  case RUN_STOPPED:
    if (r->rc) {
      report_print(&(struct report){.message = error_text(r->rc)});
      return EXIT_LIMIT;
    }
    report_print(&(struct report){.message = simulated_stop_word()});
    return simulated_stop_status();
  default:
    return r->status;
  }
}

static int run_once(struct script *script) {
  const struct options *o = script->options;
  struct arena *arena = NULL;
  int rc = arena_open(&arena);
  if (rc) {
    report_print(&(struct report){.message = error_text(rc)});
    return EXIT_LUA_ERROR;
  }
  const struct run_options ro = {.seed = o->seeded ? o->seed : 1,
                                 .random = o->seeded,
                                 .arena = arena,
                                 .write = write_line,
                                 .deadlock = simulated_say_deadlock};
  struct run_outcome outcome;
  rc = run_simulated(&ro, script_simulated, script, &outcome);
  arena_close(arena);
  if (rc) {
    report_print(&(struct report){.message = error_text(rc)});
    return EXIT_LUA_ERROR;
  }
  return status_of(&outcome);
}

int simulate(struct script *script) {
  simulated_begin();
  if (script->options->explore)
    report_set_color(false); /* what is told is part of a report */
  return output_finish(script->options->replay    ? replay_simulated(script)
                       : script->options->explore ? explore_script(script)
                                                  : run_once(script));
}
