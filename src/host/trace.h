/*
 * host/trace.h - what is recorded of a run, and shown at its end: --trace, --timeline, --stats.
 *
 * While the run goes on its event log is kept in FILE.part, of the first file that is asked for, or in
 * memory. When all processes have ended it is read once and shown in each way that was asked for. What
 * fails then is a warning: the run's exit status is its own.
 */
#ifndef SBX_HOST_TRACE_H
#define SBX_HOST_TRACE_H

#include "base/buf.h"
#include "host/options.h"
#include "host/record.h"
#include "host/trace_output.h"
#include "os/supervisor/recorder.h"

struct tracing {
  const struct options *o;      /* NULL: nothing is recorded */
  struct buf command;           /* with a terminating zero */
  struct trace_output *outputs; /* owned, as many as o->trace.files */
  struct record record;
  bool over; /* the run has ended */
};

/*
 * Before the run: open the files, if the options ask for a trace. A prompt can show one at any time: for
 * it, some MiB are kept in memory in any case.
 *   t       the caller's, to be passed to tracing_end in any case; it, o and argv stay until then
 *   record  what the supervisor is to be told; untouched if nothing is recorded
 * Returns 0, or an exit status after a message: EXIT_USAGE if a file cannot be written.
 */
int tracing_begin(struct tracing *t, const struct options *o, int argc, char **argv, bool prompt,
                  struct record_options *record);

/*
 * What was recorded so far.
 *   view     `more` is what supervisor_peek told
 *   ret      to be released by the caller on 0
 *   ret_why  otherwise what is wrong; until the next call
 * Returns 0 or -SBX_E*.
 */
int tracing_read(const struct tracing *t, const struct log_view *view, struct trace_model *ret,
                 const char **ret_why);

/*
 * Write a trace into a file whose name says the format. Sources are added.
 *   p        what the policy does not let be read is no source, and what it does not let be written is not
 *   ret_why  on failure what is wrong: a text is appended
 * Returns 0 or -SBX_E*.
 */
int trace_export(struct trace_model *m, const char *path, const struct policy *p,
                 struct buf *ret_why);

/* In a process of the run: close what is the supervisor's. */
void tracing_forget(const struct tracing *t);

/*
 * The run is over: show it, and write what was asked for.
 *   ran  false: it did not start, and there is nothing to show
 */
void tracing_end(struct tracing *t, bool ran);

/* sandbox trace: show recorded runs in another way. Returns an exit status. */
int trace_command(const struct options *o);

#endif
