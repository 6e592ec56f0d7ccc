/*
 * host/trace_show.h - parts of host/trace.h that its two users share: a run, and `sandbox trace`.
 */
#ifndef SBX_HOST_TRACE_SHOW_H
#define SBX_HOST_TRACE_SHOW_H

#include "base/policy.h"
#include "host/options.h"
#include "host/trace_output.h"

/* Read the scripts that places in a model name, so that views can show their lines. One that cannot be
 * read is left out, and one that a strict run could not have read as a module: a script gives a chunk any
 * name. `p`: the policy of the run; NULL: it was not strict. -SBX_ENOMEM */
int trace_add_sources(struct trace_model *m, const struct policy *p);

/*
 * The text of --timeline and --stats for models, as the terminal or the file `fd` can show it.
 *   count  1 or 2: two timelines share their axis
 *   out    appended to
 * -SBX_ENOMEM
 */
int trace_text(const struct options *o, const struct trace_model *const models[], unsigned count,
               int fd, struct buf *out);

/* Open all outputs (`suffix`: trace_output_open): *ret is `count` of them, to be released by the caller in any case. Returns 0, or an
 * exit status after a message. */
int trace_outputs_open(const struct trace_options *t, const char *suffix,
                       struct trace_output **ret);

#endif
