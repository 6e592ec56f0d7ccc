/*
 * term/editor_internal.h - the parts of the line editor: waiting and the events of a read
 * (editor.c), the terminal's modes and the guard (editor_terminal.c), from bytes to keys
 * (editor_keys.c), from keys to commands (editor_keymap.c, editor_editrc.c), what commands do
 * (editor_command.c, editor_edit.c, editor_vi.c, editor_complete.c, editor_recall.c,
 * editor_search.c) to the line (line.h, motions.h), drawing (editor_screen.c, editor_layout.c), printing around the line
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
#include "term/line.h"
#include "term/motions.h"

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
  wchar_t *text;                             /* owned: the rows above, the prompt, the line */
  size_t len, above_len, prompt_len, cursor; /* prompt_len: of both */
  struct row *rows;                          /* owned; at least one */
  size_t count, cap;
  int columns;
};

enum { GLYPH_MAX = 16 }; /* most bytes and columns of one character, except a tab */

/* The columns of a character at `column`, at most `columns`, and its bytes (`ret` may be NULL; a
 * tab has none). */
int glyph(wchar_t c, int column, int columns, char ret[GLYPH_MAX], size_t *ret_len);

/* Lay out `above`, whose rows end with a newline each, `prompt` and `line`, with `cursor` counted
 * from the start of `line`. Reuses what `p` owns. 0, or -SBX_ENOMEM with `p` empty. */
int picture_make(struct picture *p, const wchar_t *above, const wchar_t *prompt,
                 const wchar_t *line, size_t len, size_t cursor, int columns);
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

/* -- editor_command.c -------------------------------------------------------------------------- */

enum outcome {
  DONE,
  REFUSED, /* impossible here: a beep */
  MORE,    /* a count or an operator: the command goes on with the next key */
  ACCEPTS, /* the line is finished */
  LEAVES   /* end of file */
};

/* `what` tells apart the commands that share a function. */
typedef enum outcome command_call(struct editor *e, int what);

struct command {
  const char *name, *help;
  command_call *call;
  int what;
  int flags;
};

enum {
  MOVES = 1,    /* only moves the cursor: may follow an operator of vi */
  COUNTS = 2,   /* is, or may be, a part of a count */
  TYPES = 4,    /* several in a row are one step of undo */
  KILLS = 8,    /* several in a row kill one text */
  YANKS = 16,   /* what it inserted can be replaced by an older text */
  CHANGES = 32, /* vi repeats it */
  OPERATES = 64 /* an operator of vi */
};

/* -- editor_keymap.c --------------------------------------------------------------------------- */

/* The sets of bindings, one of which is in force. */
enum { EMACS = 1, VI_INSERT = 2, VI_COMMAND = 4, INSERTING = EMACS | VI_INSERT, ALL_MAPS = 7 };

struct binding {
  wchar_t *keys; /* owned */
  const struct command *command;
  char *string; /* owned; not NULL: it is typed instead of a command */
  int maps;
  bool theirs; /* from ~/.editrc */
};

/* -------------------------------------------------------------------------------------------- */

struct editor {
  struct editor_options o;
  bool edits; /* false: dumb */
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
  bool editing;            /* ... and the line is edited */
  bool paused, finished;   /* another program has the terminal */
  bool interrupt_waits;    /* editor_interrupted was called between two reads */
  enum editor_event event; /* what ends the read, if `ended` */
  bool ended;
  struct buf line; /* the line that was read, multibyte */
  bool kept;       /* the read was stopped: `text` and its cursor are for the next one */

  /* keys */
  struct buf keys; /* bytes read from the terminal and not used yet */
  size_t keys_used;
  size_t pushed;  /* the first of these bytes, which nobody typed: keys_push */
  int pushes;     /* ... since one was typed */
  wchar_t unread; /* a character pushed back; 0: none */
  int burst;      /* bytes read since other descriptors were served */
  bool pasting;   /* inside a paste: all input belongs to it */
  struct buf pasted;
  bool tab_before;          /* the last key was a Tab that found several completions */
  struct binding *bindings; /* owned; the later ones are in force */
  size_t binding_count, binding_cap;

  /* the line and its commands */
  struct edit_line text;
  struct kills kills;
  size_t yanked_at; /* where the last yank began */
  bool vi, overwrite;
  wchar_t key;                /* the last one of the sequence that runs the command */
  int count;                  /* how often */
  bool counted;               /* ... was given */
  const struct command *last; /* the command before; NULL at the beginning */

  /* vi */
  bool command_mode;
  char operation;         /* d, c or y: waits for a motion; 0: none */
  int operation_count;    /* given before the operator */
  bool inclusive;         /* the motion's last character belongs to it */
  wchar_t sought;         /* of f, F, t and T */
  int sought_step;        /* 1: forward; -1 */
  bool sought_till;       /* t or T */
  struct buf record;      /* the bytes of the command, or of the change that is going on */
  bool change_open;       /* a change is going on, maybe in insert mode */
  int change_count;       /* ... and its count */
  struct buf last_change; /* the bytes that `.` repeats */
  int last_count;

  /* the screen */
  wchar_t *prompt;             /* owned */
  struct style styles[STYLES]; /* ... and its own colours, which are not part of its text */
  size_t style_count;
  wchar_t *above;           /* owned: rows above the prompt, each with a newline; NULL: none */
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
  size_t recall_cursor;   /* ... and its cursor */
  size_t recall_prefix;   /* characters of it with which entries must begin */
  wchar_t *search_before; /* owned: the pattern of the last search */
  int search_step;        /* its direction; -1: older */
  size_t search_at;       /* number of the entry that it found */
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
/* The next character or key code of a line that is edited. 0: the read ends, and the screen was
 * updated for that. */
wchar_t editor_key(struct editor *e);

/* -- editor_terminal.c ------------------------------------------------------------------------- */

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
  KEY_ESC = 033,
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
  KEY_NULL,  /* a zero byte, Ctrl-Space */
  KEY_LAST = 0x9f
};

static inline bool is_key_code(wchar_t key) { return key >= KEY_FIRST && key <= KEY_LAST; }

/* Put bytes before what was typed. False if memory is exhausted, or a key has brought more of them
 * than anybody can want: a binding that types itself. */
bool keys_push(struct editor *e, const char *bytes, size_t len);
/* Forget those that are left. */
void keys_drop_pushed(struct editor *e);
/* Use the next byte. */
uint8_t keys_take(struct editor *e);

/* The next character or key code; 0: the read ends. */
wchar_t keys_next(struct editor *e);

/* -- editor_keymap.c, editor_editrc.c ---------------------------------------------------------- */

/* Make the list of bindings. 0 or -SBX_ENOMEM. */
int keymap_make(struct editor *e);
void keymap_release(struct editor *e);
/* Bind a sequence (copied). On success, takes b.string. 0 or -SBX_ENOMEM. */
int keymap_add(struct editor *e, const wchar_t *keys, struct binding b);
/* The key with this name (`bind -k`), or 0. */
wchar_t keymap_special(const char *name);
/* Read keys until they are bound, or cannot be. NULL: the read ends. */
const struct binding *keymap_read(struct editor *e);
/* Is ESC with this sequence after it bound as such? */
bool keymap_has(const struct editor *e, const char *sequence);

/* Follow ~/.editrc. */
void editrc_read(struct editor *e);
/* Translate keys from its notation (`^A`, `\e[A`); `ret` has room for as many, and may be
 * `notation`. Returns `ret`. */
const wchar_t *editrc_keys(const wchar_t *notation, wchar_t *ret);

/* -- the commands ------------------------------------------------------------------------------ */

/* NULL: there is none of this name. */
const struct command *command_named(const char *name);
/* Read the keys of a command, and run it. */
enum outcome command_next(struct editor *e);
/* Had the command before this flag? */
bool last_command(const struct editor *e, int flag);

/* In editor_edit.c. */
enum { KILL_END, KILL_BEGINNING, KILL_EVERYTHING, KILL_WORD, KILL_WORD_BEFORE, KILL_REGION };
command_call move_by_characters, move_by_words, move_to_edge, move_to_row_edge, set_mark,
    exchange_mark, insert_key, insert_digit, insert_quoted, insert_newline, insert_pasted,
    toggle_overwrite, delete_characters, delete_or_leave, kill_to, copy_region, copy_word, yank,
    yank_older, transpose, change_word_case, on_undo, on_redo, start_over, add_digit,
    multiply_count, on_clear_screen, redisplay, accept_line, leave, ignore, refuse;
enum outcome move_to(struct editor *e, size_t at);
enum outcome change_case(struct editor *e, size_t to, int how);
void set_count(struct editor *e, int count);

/* In editor_vi.c. */
command_call vi_command_mode, vi_insert, vi_operator, vi_substitute, vi_yank_end, vi_paste,
    vi_replace, vi_change_case, vi_next_word, vi_prev_word, vi_end_word, vi_zero, vi_to_column,
    vi_match, vi_find, vi_find_again, vi_repeat;
/* Run a command after an operator: apply it to what the command passes. */
enum outcome vi_operate(struct editor *e, const struct command *c);
/* A command has run, `count` times: record it if it is the beginning of a change to repeat, or its
 * end. */
void vi_remember(struct editor *e, bool repeatable, int count);

/* In editor_complete.c, editor_recall.c and editor_search.c. */
command_call on_tab, on_row, on_up, on_older, on_any_older, on_numbered, on_search, on_search_again;

/* -- editor_screen.c --------------------------------------------------------------------------- */

/* Draw what has changed; reads the terminal's size again. */
void screen_refresh(struct editor *e);
/* Erase the prompt and the line; leaves the cursor where they began. Queued. */
void screen_erase(struct editor *e);
/* Clear the screen; the prompt and the line move to its top. */
void screen_clear(struct editor *e);
/* The line is finished: draw it whole, with `mark` ("^C") after it; the next output appears
 * below. */
void screen_leave(struct editor *e, const char *mark);
/* If all that is drawn is other output (`lead`), give it back to the output and draw nothing. */
void screen_release_lead(struct editor *e);
/* If nothing is drawn but that, and rows above: the same, and these are erased. */
void screen_give_way(struct editor *e);
/* Queue bytes; write the queued bytes. */
void screen_put(struct editor *e, const void *data, size_t len);
void screen_flush(struct editor *e);
void screen_beep(struct editor *e);

/* -- editor_output.c --------------------------------------------------------------------------- */

/* Print directly, and remember the last line of it. Queued. */
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
