/*
 * term/editor.h - a line editor that others may print around: libedit edits, we read and draw.
 *
 * Knows nothing of sandbox. One thread; while editor_read waits for keys it polls whatever
 * descriptors it was given, and calls back; a callback may print (the line being typed is put below
 * what it prints), change the prompt, or stop the read. In a callback everything may be called but
 * editor_read and editor_close.
 *
 * The division of labour: libedit (its native API) knows what keys do to a line: emacs and vi
 * bindings, ~/.editrc, kill ring, undo. It is given characters by a reader of ours, and its own
 * output goes nowhere: what is on the screen is drawn by us from the line it holds, so that we know
 * at each moment which rows are ours and can print above them.
 *
 * Signals. From editor_open to editor_close, but for pauses, Ctrl-C and Ctrl-Z are not signals:
 * VINTR and VSUSP are disabled, and the keys are read as bytes, in the order in which they were
 * typed. So nothing that is typed behind a Ctrl-C is thrown away, as the terminal's own handling
 * would; a Ctrl-C typed while nobody reads waits for the next read; and nobody else in the process
 * group hears of it. Ctrl-\ stays SIGQUIT, for emergencies. A SIGINT, SIGTSTP or SIGWINCH that
 * comes from elsewhere is the owner's, who takes it (by a signalfd, or a handler that writes to a
 * pipe) and calls editor_interrupted, editor_suspended or editor_resized in a callback, with the
 * effect of the key. A dumb editor leaves the terminal's modes alone: there Ctrl-C is a SIGINT.
 *
 * Text is in the encoding of LC_CTYPE, which the program sets (if it knows ASCII only, C.UTF-8 is
 * worth a try). Bytes that are no characters in it are shown as \xff and come back as they were.
 */
#ifndef SBX_TERM_EDITOR_H
#define SBX_TERM_EDITOR_H

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
  int in, out;              /* the terminal; borrowed */
  const char *program;      /* names the section of ~/.editrc ("sandbox:bind ...") */
  const char *history_path; /* NULL: history is not kept */
  bool dumb;  /* no escape sequence, no editing but the terminal's own; so it is, too, if `in` or
                 `out` is no terminal, or ~/.editrc says `edit off` */
  bool color; /* the prompt may be bold */
  /* Tab: how may the word before `cursor` (bytes) go on? Soon: nothing is read meanwhile. NULL:
   * nothing is completed. */
  void (*complete)(void *ctx, const char *line, size_t cursor, struct completions *ret);
  /* Ctrl-Z: this process is going to stop, or goes on again. NULL: nobody else minds. */
  void (*suspended)(void *ctx, bool stops);
  void *ctx;
};

struct editor;

/*
 * Take the terminal over, and read the history. A guard process is forked that puts the terminal's
 * modes back should this process be killed; it is a child, ends with editor_close, has nothing open
 * but the terminal, and no harm is done by killing it but its absence.
 * Returns 0, -SBX_ENOMEM, -SBX_EMFILE, -SBX_EAGAIN, -SBX_ESYSTEM.
 */
int editor_open(const struct editor_options *o, struct editor **ret);

/* The terminal is as it was before editor_open; what is printed from now on goes straight out. For
 * the time between the last read and editor_close, in which others are ended, the guard maybe. */
void editor_finish(struct editor *e);

/* The same, and everything is freed. Accepts NULL. */
void editor_close(struct editor *e);

/* Poll `fd` for `events` (POLLIN ...) while keys are waited for. Watching it again replaces. 0 or
 * -SBX_ENOMEM. */
typedef void editor_callback(void *ctx, int fd, short revents);
int editor_watch(struct editor *e, int fd, short events, editor_callback *call, void *ctx);
void editor_unwatch(struct editor *e, int fd);

/* Call back once at this time (CLOCK_MONOTONIC; SBX_FOREVER: not). The call may set the next. */
void editor_set_deadline(struct editor *e, int64_t deadline_ns, void (*call)(void *ctx), void *ctx);

/*
 * What stands before the line from now on, also before one that is being typed; copied. Sequences
 * that set colours (SGR) take no columns, and are written if the editor has colours; then the
 * prompt is not bold. Other escape sequences are left out. "": nothing is shown until a key is hit; then the text stands behind what
 * was printed last, if that was no whole line (`io.write("Name? ")`).
 */
void editor_set_prompt(struct editor *e, const char *prompt);

enum editor_event {
  EDITOR_LINE,      /* a line; it may contain newlines, when a block was pasted or recalled */
  EDITOR_EOF,       /* Ctrl-D on an empty line */
  EDITOR_INTERRUPT, /* Ctrl-C; the line is what was typed and is dropped, maybe "" */
  EDITOR_STOP,      /* editor_stop was called; what was typed stays for the next read */
  EDITOR_HANGUP     /* there is no terminal any more */
};

/* Wait for one of the above. *ret_line is the editor's until the next read, "" for most. */
enum editor_event editor_read(struct editor *e, const char **ret_line);

/* In a callback: the read that goes on shall end. */
void editor_stop(struct editor *e);

/* What signals said: SIGINT (between two reads: the next one ends with it), SIGWINCH, SIGTSTP. The
 * last stops the process group as the terminal would, the terminal restored, until SIGCONT. */
void editor_interrupted(struct editor *e);
void editor_resized(struct editor *e);
void editor_suspended(struct editor *e);

/* Rows and columns of the terminal; 24 and 80 if it does not tell. */
void editor_size(const struct editor *e, int *ret_rows, int *ret_columns);

/*
 * Print. If a prompt or a part of a line is on the screen, whole lines go above it, and an
 * unfinished one waits for its newline, or for editor_output_flush, which ends it. Else everything
 * goes out at once, and the next prompt begins on a line of its own.
 */
void editor_output(struct editor *e, const void *data, size_t len);
void editor_output_flush(struct editor *e);
/* Does what was printed last end inside a line? */
bool editor_output_unfinished(const struct editor *e);

/* Remember a line or block; not twice in a row; at once in the file, too. */
void editor_history_add(struct editor *e, const char *text);

/* Leave the terminal to another program, and take it back. What is printed meanwhile is kept for
 * the return. */
void editor_pause(struct editor *e);
void editor_resume(struct editor *e);

#endif
