/*
 * term/editor_internal.h - the parts of the line editor: waiting and the events of a read
 * (editor.c), the terminal's modes and the guard (editor_terminal.c), from bytes to keys
 * (editor_keys.c), what keys do (editor_bind.c, editor_complete.c, editor_recall.c,
 * editor_search.c), drawing (editor_screen.c, editor_layout.c), printing around the line
 * (editor_output.c), the prompt and its colours (editor_prompt.c), characters (editor_text.c).
 */
#ifndef SBX_TERM_EDITOR_INTERNAL_H
#define SBX_TERM_EDITOR_INTERNAL_H

#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <wchar.h>

#include "base/buf.h"
#include "term/editor.h"
#include "term/history.h"
#include "term/libedit.h"

struct watched {
  int fd;
  short events;
  editor_callback *call;
  void *ctx;
};

/* -- editor_layout.c: a text laid out in rows, without any terminal ---------------------------- */

struct row {
  size_t start, end; /* indexes of characters; a newline belongs to no row */
  bool soft;         /* continues in the next row: there is no newline between them */
};

struct picture {
  wchar_t *text; /* owned: the prompt, then the line */
  size_t len, prompt_len, cursor;
  struct row *rows; /* owned; at least one */
  size_t count, cap;
  int columns;
};

enum { GLYPH_MAX = 16 }; /* most bytes and columns of one character, except a tab */

/* The columns of a character at `column`, at most `columns`, and its bytes (`ret` may be NULL; a
 * tab has none). */
int glyph(wchar_t c, int column, int columns, char ret[GLYPH_MAX], size_t *ret_len);

/* Lay out `prompt` and `line`, with `cursor` counted from the start of `line`. Reuses what `p`
 * owns. 0, or -SBX_ENOMEM with `p` empty. */
int picture_make(struct picture *p, const wchar_t *prompt, const wchar_t *line, size_t len,
                 size_t cursor, int columns);
void picture_release(struct picture *p);

/* The row and the column of the character with this index. */
size_t picture_row(const struct picture *p, size_t at);
int picture_column(const struct picture *p, size_t row, size_t at);

/* The first row in which `a` and `b` differ. */
size_t picture_difference(const struct picture *a, const struct picture *b);

/* -------------------------------------------------------------------------------------------- */

/* A colour of the prompt: an SGR sequence, written before the character with this index. */
struct style {
  size_t at;
  char text[32];
};

enum { STYLES = 32 };

struct editor {
  struct editor_options o;
  EditLine *el;              /* NULL: dumb */
  int own_master, own_slave; /* the pseudo-terminal that libedit uses */
  size_t own_rows;           /* ... and its height */
  HistoryW *history_el;
  FILE *sink; /* swallows libedit's output */
  struct history_list history;

  struct termios before; /* the terminal's modes outside the editor */
  bool has_modes;
  int guard;       /* socket to the guard */
  int guard_pidfd; /* of the guard */

  struct watched *watched; /* owned */
  int watched_count, watched_cap;
  int64_t deadline_ns;
  void (*on_time)(void *ctx);
  void *on_time_ctx;

  /* the current read */
  bool reading;            /* inside editor_read */
  bool editing;            /* ... and libedit has a line */
  bool paused, finished;   /* another program has the terminal */
  bool interrupt_waits;    /* editor_interrupted was called between two reads */
  enum editor_event event; /* what ends the read, if `ended` */
  bool ended;
  bool left;       /* ... and the screen was updated for it */
  struct buf line; /* the line that was read, multibyte */
  wchar_t *kept;   /* owned: what was typed when a read was stopped */
  int kept_cursor;

  /* keys */
  struct buf keys; /* bytes read from the terminal and not used yet */
  size_t keys_used;
  wchar_t unread; /* a character pushed back; 0: none */
  int burst;      /* bytes read since other descriptors were served */
  bool pasting;   /* inside a paste: all input belongs to it */
  struct buf pasted;
  struct buf editrc_keys; /* the sequences that ~/.editrc binds, each ended by a zero */
  bool tab_before;        /* the last key was a Tab that found several completions */

  /* the screen */
  wchar_t *prompt;             /* owned */
  struct style styles[STYLES]; /* ... and its own colours, which are not part of its text */
  size_t style_count;
  wchar_t *search_prompt;   /* owned: replaces the prompt during a search; else NULL */
  wchar_t *lead;            /* owned: earlier output that the typed text follows on the same
                               line; or NULL */
  struct picture now, next; /* what is drawn; the other is being drawn */
  bool drawn;
  size_t first;    /* the first row of `now` on the screen: not 0 if there are too many for it */
  int at_row;      /* the cursor's row, counted from that row */
  int rows;        /* of the terminal, when it was drawn */
  struct buf out;  /* queued for writing */
  struct buf held; /* output that waits for its newline, or for the terminal */
  struct buf tail; /* the unfinished last line of output, when nothing of ours is below it */
  bool styled;     /* the output had an escape sequence */
  bool prompted;   /* dumb: the prompt is the last thing on the screen */

  /* recall of older lines */
  size_t recall_at;       /* number of the shown entry */
  wchar_t *recall_shown;  /* owned: while the line equals this, keys continue the same recall */
  wchar_t *recall_typed;  /* owned: the line before the recall */
  size_t recall_prefix;   /* characters of it with which entries must begin */
  wchar_t *search_before; /* owned: the pattern of the last search */
};

/* -- editor.c ---------------------------------------------------------------------------------- */

/* Wait for a byte of the terminal until deadline_ns, serving everything else. Returns the byte, or
 * -1 if the read ends or the deadline has passed (`e->ended` tells which). */
int editor_byte(struct editor *e, int64_t deadline_ns);
/* The byte `ahead` places after the next one, if it comes within `ms`, else -1. Nothing else is
 * served, and the byte is not consumed. */
int editor_peek(struct editor *e, size_t ahead, int ms);
/* End the current read. */
void editor_end(struct editor *e, enum editor_event event);
/* Print the prompt on a terminal that edits lines itself. */
void plain_prompt(struct editor *e);
/* The editor that a libedit handle belongs to. */
struct editor *editor_of(EditLine *el);
/* The line, as el_wline returns it, but with the cursor forced into it: libedit's vi commands may
 * leave it outside (`yyp` on an empty line). */
const LineInfoW *line_now(EditLine *el);
/* The function by which libedit reads characters. */
int editor_getc(EditLine *el, wchar_t *ret);

/* -- editor_terminal.c ------------------------------------------------------------------------- */

/* Open and close the pseudo-terminal that libedit takes for the terminal. 0 or -SBX_ESYSTEM. */
int terminal_own_open(struct editor *e);
void terminal_own_close(struct editor *e);
/* Make it as high as the line needs; reset it to its initial height. */
void terminal_own_fit(struct editor *e);
void terminal_own_reset(struct editor *e);
/* Can it be made high enough for this text, too? */
bool terminal_own_has_room(struct editor *e, const wchar_t *text);
/* Restore the modes of before; set ours again. */
void terminal_leave(struct editor *e);
void terminal_enter(struct editor *e);
/* The guard: a process that restores the terminal's modes if this one is killed. 0 or -SBX_EMFILE,
 * -SBX_EAGAIN. */
int guard_start(struct editor *e);
void guard_stop(struct editor *e);
/* Stop the process group, as Ctrl-Z does. Returns when it continues. */
void terminal_stop_job(void);

/* -- editor_keys.c ----------------------------------------------------------------------------- */

/* Keys that are not characters, as codes of control characters that nobody types. */
enum key {
  KEY_FIRST = 0x80,
  KEY_UP = KEY_FIRST,
  KEY_DOWN,
  KEY_OLDER,
  KEY_YOUNGER,
  KEY_LEFT,
  KEY_RIGHT,
  KEY_HOME,
  KEY_END,
  KEY_DELETE,
  KEY_WORD_LEFT,
  KEY_WORD_RIGHT,
  KEY_PASTE, /* the text is in e->pasted */
  KEY_LAST = 0x9f
};

/* The next character or key code; 0: the read ends. */
wchar_t keys_next(struct editor *e);

/* -- editor_bind.c ----------------------------------------------------------------------------- */

/* Bind our functions to our keys, then apply ~/.editrc. 0 or -SBX_ESYSTEM. */
int bind_all(struct editor *e);
/* Replace the line by another text, with the cursor `cursor` characters from its start. */
void replace_line(EditLine *el, const wchar_t *text, size_t cursor);

/* Functions bound to keys, with libedit's signature. */
unsigned char on_tab(EditLine *el, int key);
unsigned char on_up(EditLine *el, int key);
unsigned char on_down(EditLine *el, int key);
unsigned char on_older(EditLine *el, int key);
unsigned char on_younger(EditLine *el, int key);
unsigned char on_search(EditLine *el, int key);

/* -- editor_screen.c --------------------------------------------------------------------------- */

/* Draw what has changed; reads the terminal's size again. */
void screen_refresh(struct editor *e);
/* Erase the prompt and the line; leaves the cursor where they began. Queued. */
void screen_erase(struct editor *e);
/* Clear the screen; the prompt and the line move to its top. */
void screen_clear(struct editor *e);
/* The line is finished: draw it whole, with `mark` ("^C") after it; the next output appears
 * below. */
void screen_leave(struct editor *e, const wchar_t *line, size_t len, const char *mark);
/* If all that is drawn is other output (`lead`), give it back to the output and draw nothing. */
void screen_release_lead(struct editor *e);
/* Queue bytes; write the queued bytes. */
void screen_put(struct editor *e, const void *data, size_t len);
void screen_flush(struct editor *e);
void screen_beep(struct editor *e);

/* -- editor_output.c --------------------------------------------------------------------------- */

/* Print directly, and remember the last line of it. */
void output_pass(struct editor *e, const void *data, size_t len);
/* Print whole lines above what is drawn. */
void output_above(struct editor *e, const void *data, size_t len);
/* Print held output that need not wait any more. */
void output_settle(struct editor *e);
/* End the unfinished line of output, if any. */
void output_fresh_line(struct editor *e);
/* The length of the escape sequence at the start of `text`. */
size_t output_sequence(const char *text, size_t len);
/* The unfinished line of output without escape sequences; NULL if there is none. `ret_plain`: it
 * can be drawn again. */
wchar_t *output_tail(const struct editor *e, bool *ret_plain);

/* -- editor_text.c ----------------------------------------------------------------------------- */

/* A byte that is not a character, mapped to a range that no character uses. */
#define STRAY(byte) ((wchar_t)(0xdc00 | (byte)))
#define IS_STRAY(c) (((c) & ~0xff) == 0xdc00)

/* multibyte <-> wide; owned by the caller; NULL when memory is exhausted. */
wchar_t *text_widen(const char *text, size_t len);
char *text_narrow(const wchar_t *text, size_t len);
/* Columns of a text that is printed unchanged. */
int text_width(const char *text);

#endif
