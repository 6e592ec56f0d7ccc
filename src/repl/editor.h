/*
 * repl/editor.h - a line editor that others may print around: libedit, with a reader of our own.
 *
 * Knows nothing of sandbox. One thread; while editor_read waits for keys it polls whatever
 * descriptors it was given, and calls back; a callback may print (the line being typed is put below
 * what it prints), change the prompt, or stop the read.
 *
 * Signals: the terminal sends SIGINT, SIGTSTP and SIGWINCH to the process. Its owner takes them (by
 * signalfd or a handler that only sets a flag) and says so by editor_interrupted, editor_suspended
 * and editor_resized, in a callback.
 *
 * Source: the way to print above the line is told in editline(3)'s terms as "move up to the
 * prompt's row, clear to the end of the screen, print, EL_REFRESH".
 */
#ifndef SBX_REPL_EDITOR_H
#define SBX_REPL_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a word may be completed to. Filled by the caller's function. */
struct completions {
  size_t start; /* where the completed word begins, in bytes from the start of the line */
  char **list;  /* owned */
  size_t count, cap;
};

/* Append a copy of `len` bytes; silently not, for want of memory. */
void completions_add(struct completions *c, const char *word, size_t len);

struct editor_options {
  const char *program;      /* names the section of ~/.editrc */
  const char *history_path; /* NULL: history is not kept */
  bool dumb;                /* no escape sequence, no editing but the terminal's own */
  /* Tab: how may the word before `cursor` (bytes) go on? Soon: nothing is read meanwhile. */
  void (*complete)(void *ctx, const char *line, size_t cursor, struct completions *ret);
  void *ctx;
};

struct editor;

/* Over standard input and output, which are a terminal. 0, -SBX_ENOMEM, -SBX_EMFILE, -SBX_ESYSTEM.
 */
int editor_open(const struct editor_options *o, struct editor **ret);

/* The terminal is as it was before editor_open. Accepts NULL. */
void editor_close(struct editor *e);

/* Poll `fd` for `events` (POLLIN ...) while keys are waited for. Watching it again replaces. 0 or
 * -SBX_ENOMEM. */
typedef void editor_callback(void *ctx, int fd, short revents);
int editor_watch(struct editor *e, int fd, short events, editor_callback *call, void *ctx);
void editor_unwatch(struct editor *e, int fd);

/* Call back once at this time (CLOCK_MONOTONIC; SBX_FOREVER: not). The call may set the next. */
void editor_set_deadline(struct editor *e, int64_t deadline_ns, void (*call)(void *ctx), void *ctx);

/* What stands before the line; borrowed until it is replaced. "": nothing is shown until a key is
 * hit. */
void editor_set_prompt(struct editor *e, const char *prompt);

enum editor_event {
  EDITOR_LINE,      /* a line; it may contain newlines, when a block was pasted or recalled */
  EDITOR_EOF,       /* Ctrl-D on an empty line */
  EDITOR_INTERRUPT, /* Ctrl-C; what was typed is dropped */
  EDITOR_STOP,      /* editor_stop was called; what was typed stays for the next read */
  EDITOR_HANGUP     /* there is no terminal any more */
};

/* Wait for one of the above. *ret_line (on EDITOR_LINE) is the editor's until the next read. */
enum editor_event editor_read(struct editor *e, const char **ret_line);

/* In a callback: the read that goes on shall end. */
void editor_stop(struct editor *e);

/* What the terminal's signals said: SIGINT, SIGWINCH, SIGTSTP. */
void editor_interrupted(struct editor *e);
void editor_resized(struct editor *e);
void editor_suspended(struct editor *e);

/*
 * Print. If a prompt or a part of a line is on the screen, whole lines go above it, and an
 * unfinished one waits for its newline, or for editor_output_flush, which ends it. Else everything
 * goes out at once, and the next prompt begins on a line of its own.
 */
void editor_output(struct editor *e, const void *data, size_t len);
void editor_output_flush(struct editor *e);

/* Remember a line or block; not twice in a row; at once in the file, too. */
void editor_history_add(struct editor *e, const char *text);

/* Leave the terminal to another program, and take it back. What is printed meanwhile is kept for
 * the return. */
void editor_pause(struct editor *e);
void editor_resume(struct editor *e);

#endif
