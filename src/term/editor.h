/*
 * term/editor.h - a line editor that can print above the line being typed.
 *
 * Knows nothing of sandbox. Single-threaded: while editor_read waits for keys, it polls the
 * descriptors that it was given and calls back. A callback may print (the line being typed moves
 * below the output), change the prompt, or stop the read. A callback may call everything but
 * editor_read and editor_close.
 *
 * Wholly ours, with emacs' and vi's keys, bound as in ~/.editrc (editrc(5)). A library such as
 * libedit edits only on a terminal that it owns: to print above its line it had to be given a
 * pseudo-terminal of its own, and the screen be drawn a second time; it brought a history, a
 * tokenizer and a terminal driver of which nothing was used; and it would be the only thing that
 * the program needs beside the C library and Lua. Here, a key changes the line, and the screen is
 * drawn from the line; so we know at each moment which rows are ours, and can print above them.
 *
 * Signals. From editor_open to editor_close, except during pauses, Ctrl-C and Ctrl-Z are not
 * signals: VINTR and VSUSP are disabled, and the keys are read as bytes, in the order in which they
 * were typed. So what is typed after a Ctrl-C is not discarded, as it is by the terminal's own
 * handling; a Ctrl-C typed while no read is going on waits for the next read; and the other
 * processes of the group do not receive a signal. Ctrl-\ remains SIGQUIT, for emergencies. A
 * SIGINT, SIGTSTP or SIGWINCH from elsewhere is handled by the caller: it receives the signal (by a
 * signalfd, or a handler that writes to a pipe) and calls editor_interrupted, editor_suspended or
 * editor_resized in a callback, with the effect of the key. A dumb editor does not change the
 * terminal's modes: there Ctrl-C is a SIGINT.
 *
 * Text is in the encoding of LC_CTYPE, which the program sets (if that is only ASCII, C.UTF-8 is
 * worth a try). Bytes that are not characters in it are shown as \xff and returned unchanged.
 */
#ifndef SBX_TERM_EDITOR_H
#define SBX_TERM_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The completions of a word. Filled by the caller's function. */
struct completions {
  size_t start; /* byte offset in the line at which the completed word begins */
  char **list;  /* owned */
  size_t count, cap;
};

/* Append a copy of `len` bytes; does nothing when memory is exhausted. */
void completions_add(struct completions *c, const char *word, size_t len);

struct editor_options {
  int in, out;              /* the terminal; borrowed */
  const char *program;      /* selects its lines of ~/.editrc ("sandbox:bind ...") */
  const char *history_path; /* NULL: history is not saved */
  bool dumb;  /* no escape sequences, no editing but the terminal's own; implied if `in` or `out`
                 is not a terminal or ~/.editrc says `edit off` */
  bool color; /* the prompt may be bold */
  /* Tab: find completions of the word before `cursor` (a byte offset). Must be quick, since no key
   * is read meanwhile. NULL: no completion. */
  void (*complete)(void *ctx, const char *line, size_t cursor, struct completions *ret);
  /* Ctrl-Z: this process is about to stop, or continues. May be NULL. */
  void (*suspended)(void *ctx, bool stops);
  void *ctx;
};

struct editor;

/*
 * Take over the terminal and read the history. Forks a guard process that restores the terminal's
 * modes if this process is killed. The guard is a child, ends with editor_close and has nothing
 * open but the terminal; to kill it does no harm except that it is missing then. Returns 0,
 * -SBX_ENOMEM, -SBX_EMFILE, -SBX_EAGAIN, -SBX_ESYSTEM.
 */
int editor_open(const struct editor_options *o, struct editor **ret);

/* Restore the terminal as it was before editor_open; output goes straight to it from now on. For
 * the time between the last read and editor_close, while other processes, maybe the guard, are
 * ended. */
void editor_finish(struct editor *e);

/* As editor_finish, then free everything. Accepts NULL. */
void editor_close(struct editor *e);

/* Poll `fd` for `events` (POLLIN ...) while waiting for keys. A second call for the same descriptor
 * replaces the first. 0 or -SBX_ENOMEM. */
typedef void editor_callback(void *ctx, int fd, short revents);
int editor_watch(struct editor *e, int fd, short events, editor_callback *call, void *ctx);
void editor_unwatch(struct editor *e, int fd);

/* Call back once at this time (CLOCK_MONOTONIC; SBX_FOREVER: never). The call may set the next
 * one. */
void editor_set_deadline(struct editor *e, int64_t deadline_ns, void (*call)(void *ctx), void *ctx);

/*
 * Set the prompt, also of a line that is being typed; copied. Sequences that set colours (SGR) take
 * no columns and are written if the editor has colours; the prompt is not bold then. Other escape
 * sequences are dropped. With "", nothing is shown until a key is pressed; then the text appears
 * after the last output, if that was not a whole line (`io.write("Name? ")`).
 */
void editor_set_prompt(struct editor *e, const char *prompt);

/*
 * Show rows above the prompt, or above the place where output has ended: progress, say. They are no
 * output: what is printed stands above them, and they are gone when the line is finished, or when
 * another program has the terminal; the next read shows them again. They are drawn with what is printed
 * next, or when the read waits again. A dumb editor shows none.
 *   rows  with newlines between them, copied; "": none
 */
void editor_set_above(struct editor *e, const char *rows);

/* It is not dumb. */
bool editor_edits(const struct editor *e);

enum editor_event {
  EDITOR_LINE,      /* a line; contains newlines if a block was pasted or recalled */
  EDITOR_EOF,       /* Ctrl-D on an empty line */
  EDITOR_INTERRUPT, /* Ctrl-C; the line is what was typed, to be dropped, maybe "" */
  EDITOR_STOP,      /* editor_stop was called; what was typed is kept for the next read */
  EDITOR_HANGUP     /* the terminal is gone */
};

/* Wait for one of these events. *ret_line belongs to the editor until the next read; mostly "". */
enum editor_event editor_read(struct editor *e, const char **ret_line);

/* In a callback: end the current read. */
void editor_stop(struct editor *e);

/* Called for signals: SIGINT (between two reads: ends the next one), SIGWINCH, SIGTSTP. The last
 * stops the process group as the terminal would, with the terminal restored, until SIGCONT. */
void editor_interrupted(struct editor *e);
void editor_resized(struct editor *e);
void editor_suspended(struct editor *e);

/* Rows and columns of the terminal; 24 and 80 if unknown. */
void editor_size(const struct editor *e, int *ret_rows, int *ret_columns);

/*
 * Print. While a prompt or a part of a line is on the screen, whole lines are printed above it, and
 * an unfinished one waits for its newline, or for editor_output_flush, which ends it. Otherwise
 * everything is printed at once, and the next prompt begins on a new line.
 */
void editor_output(struct editor *e, const void *data, size_t len);
void editor_output_flush(struct editor *e);
/* Did the last output end inside a line? */
bool editor_output_unfinished(const struct editor *e);

/* Remember a line or block, also in the file at once; ignored if it repeats the last one. */
void editor_history_add(struct editor *e, const char *text);

/* Leave the terminal to another program, and take it back. What is printed meanwhile is held until
 * then. */
void editor_pause(struct editor *e);
void editor_resume(struct editor *e);

#endif
