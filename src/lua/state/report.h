/*
 * lua/state/report.h - how a failure is printed, for main and for every spawned process.
 *
 * The text is made in memory and leaves in one piece, so that the reports of two processes never
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
  const char *traceback;  /* "stack traceback:\n\t..."; NULL or "": there is none */
  const char *name;       /* of the process that failed; NULL: main, which is not named */
  uint32_t id;            /* its serial number in the run */
  int64_t pid;            /* its pid */
  const char *spawned_at; /* "file:line"; NULL or "": not known */
  bool task;              /* of a pool: it was not spawned there, but submitted */
  bool bare;              /* without "sandbox: " in front: at the prompt everything is sandbox's */
};

/*
 * Append the text of one report:
 *   sandbox: queue.lua:12: message (process writer#2, pid 4711)
 *   stack traceback:
 *           ...
 *   spawned at queue.lua:30
 * The process stands after the first line of the message; main has neither it nor the last line.
 *   color  message in bold red, traceback dim
 * Returns 0, or -SBX_ENOMEM (`out` may then hold a part of the text).
 */
int report_format(const struct report *r, bool color, struct buf *out);

/*
 * Write a text of `len` bytes to stderr, after what stdio still holds for it. One write if the
 * system takes it in one; other reports keep out meanwhile. Failures are ignored: there is nobody
 * left to tell.
 */
void report_write(const void *data, size_t len);

/* Format with the colour set and write; with no memory for that, write the bare message. */
void report_print(const struct report *r);

/* What writes a text to stderr in one piece. Set once by the host before the first fork; unless
 * set, a write under a lock of the file. */
void report_set_writer(void (*writer)(const void *text, size_t len));

/* Shall reports be coloured? Set once by the host before the first fork; false unless set. */
void report_set_color(bool color);
bool report_color(void);

#endif
