/*
 * host/trace_output.h - the files that traces are written into.
 *
 * A file is written beside itself, as FILE.part, and renamed when it is whole: a reader sees the old
 * one or the new one. What is no regular file (a device, a pipe) is written directly.
 *
 * The folder stays open, and all is done in it: a script that may write there could put another one in its place during
 * the run, and what writes a trace is held by no jail.
 */
#ifndef SBX_HOST_TRACE_OUTPUT_H
#define SBX_HOST_TRACE_OUTPUT_H

#include <sys/types.h>

#include "host/options.h"
#include "look/trace/sink.h"

struct trace_output {
  struct trace_file file; /* what was asked for */
  char *path;             /* owned: the same, without symbolic links; NULL: stdout */
  char *part;             /* owned: the file that is written and renamed; NULL: none */
  char *log;              /* owned: see trace_output_lend; NULL: none */
  int fd;                 /* of `part`, or of what is written directly; -1: not open */
  int folder;             /* that `path`, `part` and `log` are in (O_PATH); -1: not open */
  int pipe;               /* likewise, of a pipe that is yet to be opened; -1: there is none */
  dev_t dev;              /* of what is open */
  ino_t ino;
};

/* From now on a file that outgrows a limit (ulimit -f) is an error of write(2), not the end of the
 * process. */
void trace_files_may_fail(void);

/*
 * Open what can be written, before there is anything to write.
 *   o       filled; to be released in any case
 *   suffix  of the file that is written and renamed: ".part"; static
 *   p       that must let the file be written; NULL: it may be
 * Returns 0, or errno: EISDIR for a folder, EWOULDBLOCK if another run writes it, EACCES if the policy does not let it.
 */
int trace_output_open(struct trace_output *o, const struct trace_file *file, const char *suffix,
                      const struct policy *p);

/* In a child: close what it has of it. */
void trace_output_forget(const struct trace_output *o);

/*
 * The file FILE.part shall hold a log until FILE can be written, in FILE.new: so a run that is cut off
 * leaves its log. Returns the descriptor, the caller's from now on; -1: there is no such file.
 */
int trace_output_lend(struct trace_output *o);

/*
 * Write `count` models, and put the file in its place. Returns 0; or an errno value, and the file is as
 * it was.
 */
int trace_output_write(struct trace_output *o, const struct trace_model *const models[],
                       unsigned count);

/* The same with what `writer` writes; it returns 0 or -SBX_ENOMEM. */
int trace_output_put(struct trace_output *o,
                     int (*writer)(void *ctx, const struct trace_sink *sink), void *ctx);

/* Remove what is not finished, and the log unless it is to be kept; free `o`. */
void trace_output_release(struct trace_output *o, bool keep_log);

/* What went wrong, for a message; errors of files are errno values. */
const char *trace_output_error(int error);

#endif
