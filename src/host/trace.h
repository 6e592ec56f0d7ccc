/*
 * host/trace.h - a run that is recorded: what --trace, --timeline and --stats ask for.
 *
 * The supervisor drains records into a log (host/record.h); when the run has ended, the log is read as
 * a model (look/trace/model.h), which is shown on stderr and written into files. Nothing of this
 * changes the run: what fails is told in one line, and the exit status stays.
 */
#ifndef SBX_HOST_TRACE_H
#define SBX_HOST_TRACE_H

#include "host/options.h"
#include "host/record.h"
#include "os/supervisor/recorder.h"

struct tracing {
  const struct options *o;
  struct record record;
  char *command; /* owned: the command line */
};

/*
 * Begin, if the options ask for a trace.
 *   record  what the supervisor is to be told; all else must stay until tracing_end
 * Returns 0, or an exit status after it has said what is wrong.
 */
int tracing_begin(struct tracing *t, const struct options *o, int argc, char **argv,
                  struct record_options *record);

/* The run has ended: show and write what was asked for. */
void tracing_end(struct tracing *t);

/*
 * Write a trace into a file, which appears when it is whole.
 *   models  one, or two that are shown side by side (HTML, SVG)
 *   path    "-": stdout
 * Returns 0; or not 0, after it has said what is wrong.
 */
int trace_write_file(const struct trace_model *const models[], unsigned count, const char *path,
                     enum trace_format format);

/* Have the model know the text of the files that its places name, where they can be read. */
void trace_add_sources(struct trace_model *m);

#endif
