/*
 * host/terminal.h - the prompt above a run: gives prompt/repl.h the supervisor's loop.
 */
#ifndef SBX_HOST_TERMINAL_H
#define SBX_HOST_TERMINAL_H

#include "host/trace.h"
#include "os/supervisor/supervisor.h"
#include "prompt/repl.h"

/*
 * Read and carry out lines until the person leaves.
 *   o     of the run; say, report, bars, on_signal, ctx and tag_output are the prompt's to set
 *   tracing  has begun; ended by the caller
 *   repl  `run` and `host` are set here
 * Returns as repl_run does.
 */
int terminal_run(const struct supervisor_options *o, struct tracing *tracing,
                 const struct repl_options *repl);

#endif
