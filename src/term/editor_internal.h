/*
 * term/editor_internal.h - the parts of the line editor: waiting and the events of a read
 * (editor.c), the terminal's modes and its guard (editor_terminal.c), from bytes to keys
 * (editor_keys.c), what keys do (editor_bind.c, editor_complete.c, editor_recall.c,
 * editor_search.c), what is drawn (editor_screen.c, editor_layout.c), printing around it
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
  bool soft;         /* the next row goes on with it: there is no newline between them */
};

struct picture {
  wchar_t *text; /* owned: the prompt, then the line */
  size_t len, prompt_len, cursor;
  struct row *rows; /* owned; at least one */
  size_t count, cap;
  int columns;
};

enum { GLYPH_MAX = 16 }; /* bytes and columns that one character takes at most, but for a tab */

/* Columns of a character that would stand at `column`, and its bytes (`ret` may be NULL; a tab has
 * none). Never more than `columns`. */
int glyph(wchar_t c, int column, int columns, char ret[GLYPH_MAX], size_t *ret_len);

/* Lay out `prompt` and `line`, `cursor` counted from the start of `line`. Reuses what `p` owns. 0
 * or -SBX_ENOMEM: then `p` is empty. */
int picture_make(struct picture *p, const wchar_t *prompt, const wchar_t *line, size_t len,
                 size_t cursor, int columns);
void picture_release(struct picture *p);

/* The row and the column of the character with this index. */
size_t picture_row(const struct picture *p, size_t at);
int picture_column(const struct picture *p, size_t row, size_t at);

/* The first row that is another in `b`. */
size_t picture_difference(const struct picture *a, const struct picture *b);

/* -------------------------------------------------------------------------------------------- */

/* A colour of the prompt: an SGR sequence, before the character with this index. */
struct style {
  size_t at;
  char text[32];
};

enum { STYLES = 32 };

struct editor {
  struct editor_options o;
  EditLine *el;              /* NULL: dumb */
  int own_master, own_slave; /* libedit's terminal */
  size_t own_rows;           /* ... is so high */
  HistoryW *history_el;
  FILE *sink; /* where libedit's output goes */
  struct history_list history;

  struct termios before; /* the terminal's modes outside of the editor */
  bool has_modes;
  int guard;       /* socket: its end is the end of this process */
  int guard_pidfd; /* the guard */

  struct watched *watched; /* owned */
  int watched_count, watched_cap;
  int64_t deadline_ns;
  void (*on_time)(void *ctx);
  void *on_time_ctx;

  /* a read */
  bool reading;            /* in editor_read */
  bool editing;            /* ... and libedit has a line */
  bool paused, finished;   /* somebody else has the terminal */
  bool interrupt_waits;    /* editor_interrupted came between two reads */
  enum editor_event event; /* what ends the read, if `ended` */
  bool ended;
  bool left;       /* ... and the screen was seen to */
  struct buf line; /* what was read, multibyte */
  wchar_t *kept;   /* owned: what was typed when a read was stopped */
  int kept_cursor;

  /* keys */
  struct buf keys; /* bytes read from the terminal and not yet used */
  size_t keys_used;
  wchar_t unread; /* a character given back; 0: none */
  int burst;      /* bytes since others were served */
  bool pasting;   /* all that comes belongs to us */
  struct buf pasted;
  struct buf editrc_keys; /* sequences that ~/.editrc binds, each ended by a zero */
  bool tab_before;        /* the last key was a Tab that found several */

  /* the screen */
  wchar_t *prompt;             /* owned */
  struct style styles[STYLES]; /* ... and its own colours, which are no characters */
  size_t style_count;
  wchar_t *search_prompt;   /* owned: instead of it, while a search goes on; else NULL */
  wchar_t *lead;            /* owned: what was printed, and the typed text stands behind; or NULL */
  struct picture now, next; /* what is drawn; the other is for drawing */
  bool drawn;
  size_t first;   /* the first row of `now` that is on the screen: not 0 if it is too long for it */
  int at_row;     /* where the cursor is, counted from that row */
  int rows;       /* of the terminal, when it was drawn */
  struct buf out; /* to be written */
  struct buf held; /* printed, and waiting for its newline, or for the terminal */
  struct buf tail; /* the unfinished last line on the screen, when nothing of ours is below it */
  bool styled;     /* an escape sequence was printed */
  bool prompted;   /* dumb: the prompt is the last thing on the screen */

  /* recalling older lines */
  size_t recall_at;       /* number of the entry shown */
  wchar_t *recall_shown;  /* owned: as long as it is the line, keys go on with the same search */
  wchar_t *recall_typed;  /* owned: the line before */
  size_t recall_prefix;   /* characters of it that entries must begin with */
  wchar_t *search_before; /* owned: the pattern of the last search */
};

/* -- editor.c ---------------------------------------------------------------------------------- */

/* Wait for a byte of the terminal until deadline_ns, serving everything else. The byte, or -1: the
 * read ends, or it is too late (`e->ended` tells). */
int editor_byte(struct editor *e, int64_t deadline_ns);
/* The byte `ahead` places after the next one, if it comes within `ms`, else -1; nothing else is
 * served. It is only looked at. */
int editor_peek(struct editor *e, size_t ahead, int ms);
/* End the read that goes on. */
void editor_end(struct editor *e, enum editor_event event);
/* Print the prompt of a terminal that edits by itself. */
void plain_prompt(struct editor *e);
/* The editor of a line. */
struct editor *editor_of(EditLine *el);
/* The line, as el_wline tells; but the cursor is within it, of which libedit's vi commands are not
 * sure (`yyp` on an empty line). */
const LineInfoW *line_now(EditLine *el);
/* libedit's reader. */
int editor_getc(EditLine *el, wchar_t *ret);

/* -- editor_terminal.c ------------------------------------------------------------------------- */

/* Make, and close, the terminal that libedit believes to be the terminal. 0 or -SBX_ESYSTEM. */
int terminal_own_open(struct editor *e);
void terminal_own_close(struct editor *e);
/* It is as high as the line needs; and again as it was at first. */
void terminal_own_fit(struct editor *e);
void terminal_own_reset(struct editor *e);
/* Can it be so high that this text fits, too? */
bool terminal_own_has_room(struct editor *e, const wchar_t *text);
/* Back to the modes of before, and ours again. */
void terminal_leave(struct editor *e);
void terminal_enter(struct editor *e);
/* A process that puts the terminal's modes back when this one is killed. 0 or -SBX_EMFILE,
 * -SBX_EAGAIN. */
int guard_start(struct editor *e);
void guard_stop(struct editor *e);
/* Stop, with the process group, as Ctrl-Z does. Returns when it goes on. */
void terminal_stop_job(void);

/* -- editor_keys.c ----------------------------------------------------------------------------- */

/* Keys that are no characters: codes of control characters that nobody types. */
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
  KEY_PASTE, /* e->pasted */
  KEY_LAST = 0x9f
};

/* The next character or key code, 0 for none: the read ends. */
wchar_t keys_next(struct editor *e);

/* -- editor_bind.c ----------------------------------------------------------------------------- */

/* Our functions to our keys, and ~/.editrc above them. 0 or -SBX_ESYSTEM. */
int bind_all(struct editor *e);
/* Put another text in the place of the line, the cursor `cursor` characters from its start. */
void replace_line(EditLine *el, const wchar_t *text, size_t cursor);

/* What keys do: functions of libedit's kind. */
unsigned char on_tab(EditLine *el, int key);
unsigned char on_up(EditLine *el, int key);
unsigned char on_down(EditLine *el, int key);
unsigned char on_older(EditLine *el, int key);
unsigned char on_younger(EditLine *el, int key);
unsigned char on_search(EditLine *el, int key);

/* -- editor_screen.c --------------------------------------------------------------------------- */

/* Draw what has changed; takes the terminal's size anew. */
void screen_refresh(struct editor *e);
/* Take the prompt and the line off the screen; the cursor is then where they began. Queued. */
void screen_erase(struct editor *e);
/* Only the prompt and the line are on the screen, at its top. */
void screen_clear(struct editor *e);
/* The line is done: draw it whole, and what is printed next comes below. `mark` ("^C") is put
 * behind it. */
void screen_leave(struct editor *e, const wchar_t *line, size_t len, const char *mark);
/* If what is drawn is only what others printed: it is again theirs, and nothing is drawn. */
void screen_release_lead(struct editor *e);
/* Queue bytes; write what is queued. */
void screen_put(struct editor *e, const void *data, size_t len);
void screen_flush(struct editor *e);
void screen_beep(struct editor *e);

/* -- editor_output.c --------------------------------------------------------------------------- */

/* Print straight, keeping in mind what the last line is. */
void output_pass(struct editor *e, const void *data, size_t len);
/* Print whole lines above what is drawn. */
void output_above(struct editor *e, const void *data, size_t len);
/* What waits and has nothing to wait for any more. */
void output_settle(struct editor *e);
/* End the unfinished line, if there is one. */
void output_fresh_line(struct editor *e);
/* The length of the escape sequence at the start of `text`. */
size_t output_sequence(const char *text, size_t len);
/* The unfinished line as text without escape sequences; NULL if there is none. `ret_plain`: it can
 * be drawn again. */
wchar_t *output_tail(const struct editor *e, bool *ret_plain);

/* -- editor_text.c ----------------------------------------------------------------------------- */

/* A byte that is no character, as one: from the range that no character has. */
#define STRAY(byte) ((wchar_t)(0xdc00 | (byte)))
#define IS_STRAY(c) (((c) & ~0xff) == 0xdc00)

/* multibyte <-> wide; owned by the caller; NULL for want of memory. */
wchar_t *text_widen(const char *text, size_t len);
char *text_narrow(const wchar_t *text, size_t len);
/* Columns of a text that is printed as it is. */
int text_width(const char *text);

#endif
