/*
 * os/supervisor/bars.h - the supervisor shows the progress of a run (os/sync/progress.h).
 *
 * It is told when there is a new progress, and when one is closed; as long as there are any it looks
 * ten times a second by itself, and else never. What there is to be seen it hands on: to
 * supervisor_options.bars, or to bars_on_stderr.
 */
#ifndef SBX_OS_SUPERVISOR_BARS_H
#define SBX_OS_SUPERVISOR_BARS_H

#include "look/bars.h"
#include "os/shared/self.h"
#include "os/supervisor/supervisor.h"

/* What stands on the screen of stderr, or in its log. */
struct bars_screen {
  struct control *control; /* borrowed */
  enum { BARS_UNKNOWN, BARS_TERMINAL, BARS_LOG } kind;
  bool ascii;
  int lines, columns;      /* of the terminal, when they were drawn */
  struct buf drawn;        /* owned: what was */
  int64_t drawn_ns;        /* CLOCK_MONOTONIC */
  struct bars_log written; /* in the log */
};

/* Show bars: those that are closed as lines, once, the others below what is printed. False: they
 * could not all be shown now, ask again soon. */
bool bars_on_stderr(struct bars_screen *s, const struct bar *bars, uint32_t count);
/* The process is about to be stopped: nothing is to stand below the cursor. */
void bars_hide(struct bars_screen *s);
void bars_screen_release(struct bars_screen *s);

struct bars_watch {
  struct os_backend *b;
  const struct supervisor_options *o;
  int64_t look_at_ns; /* CLOCK_MONOTONIC; SBX_FOREVER: there are none */
  bool told;          /* something has begun or ended, or what stood on the screen was erased */
  struct bar *list;   /* owned */
  uint32_t *slots;    /* owned; parallel */
  struct bar *before; /* owned: of the look before */
  uint32_t count, before_count, cap;
  struct bars_screen screen;
};

void bars_begin(struct bars_watch *w, struct os_backend *b, const struct supervisor_options *o);
/* Show them, if it is time. Cheap if there are none. */
void bars_look(struct bars_watch *w);
/* The run is over, no process lives any more: those that are left are closed. */
void bars_end(struct bars_watch *w);

#endif
