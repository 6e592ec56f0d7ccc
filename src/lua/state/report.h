/*
 * lua/state/report.h - how a failure is printed, for main and for every spawned process.
 *
 * The text is made in memory and written in one piece, so that the reports of two processes never
 * mix. Needs no Lua.
 */
#ifndef SBX_LUA_STATE_REPORT_H
#define SBX_LUA_STATE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* What is known of a failure. All strings are borrowed. */
struct report {
  const char *message;    /* not NULL */
  const char *hint;       /* what was probably meant, one line; NULL or "": there is none */
  const char *traceback;  /* "stack traceback:\n\t..."; NULL or "": there is none */
  const char *name;       /* of the process that failed; NULL: main, which is not named */
  const char *host;       /* on which it was; NULL or "": here */
  uint32_t id;            /* its serial number in the run */
  int64_t pid;            /* its pid */
  const char *spawned_at; /* "file:line"; NULL or "": not known */
  bool task;              /* a task of a pool: it was submitted there, not spawned */
  bool bare;              /* without "sandbox: " in front: for the prompt */
};

/*
 * Append the text of one report:
 *   sandbox: queue.lua:12: message (process writer#2, pid 4711)
 *   hint: did you mean 'get'?
 *   stack traceback:
 *           ...
 *   spawned at queue.lua:30
 * The process stands after the first line of the message; main has neither it nor the last line.
 *   color  message in bold red, hint yellow, traceback dim
 * Returns 0, or -SBX_ENOMEM (`out` may then hold a part of the text).
 */
int report_format(const struct report *r, bool color, struct buf *out);

/*
 * Write a text of `len` bytes to stderr, behind what stdio still buffers for it, with one write if
 * the system takes it all. Other reports wait meanwhile. Errors are ignored: they could not be
 * reported.
 */
void report_write(const void *data, size_t len);

/* Format, with the colour that was set, and write. Without memory for that, write the message
 * alone. */
void report_print(const struct report *r);

/* Set the function that writes a text to stderr in one piece. To be called once by the host, before
 * the first fork. Default: a write while the file is locked. */
void report_set_writer(void (*writer)(const void *text, size_t len));

/* Shall reports be coloured? To be set once by the host, before the first fork. Default: no. */
void report_set_color(bool color);

/* From now on control characters of a script are shown as \x1b, so that a terminal does not obey them. */
void report_show_controls(bool show);
bool report_color(void);

#endif
