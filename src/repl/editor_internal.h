/*
 * repl/editor_internal.h - the parts of the line editor: what it is (editor.c), its keys
 * (editor_keys.c), what stands on the screen (editor_screen.c), the guard of the terminal's
 * settings (editor_guard.c).
 */
#ifndef SBX_REPL_EDITOR_INTERNAL_H
#define SBX_REPL_EDITOR_INTERNAL_H

#include <histedit.h>
#include <poll.h>
#include <termios.h>
#include <wchar.h>

#include "base/buf.h"
#include "repl/editor.h"
#include "repl/history.h"

enum { WATCHED_MOST = 12 };

struct watched {
  int fd;
  short events;
  editor_callback *call;
  void *ctx;
};

struct editor {
  struct editor_options o;
  EditLine *el; /* NULL: dumb */
  HistoryW *recall;
  struct history_list history;
  FILE *out; /* libedit's way to the terminal */
  struct termios before;
  int guard; /* pipe: its end is the end of this process */
  pid_t guard_pid;

  struct watched watched[WATCHED_MOST];
  int watched_count;
  int64_t deadline_ns;
  void (*on_time)(void *ctx);
  void *on_time_ctx;

  wchar_t prompt[32];
  bool reading;            /* in editor_read */
  bool paused;             /* somebody else has the terminal */
  enum editor_event event; /* what ends the read, if `ended` */
  bool ended;
  bool left;       /* ... and the screen was seen to */
  bool prompted;   /* dumb: the prompt is the last thing on the screen */
  struct buf line; /* the last line, multibyte */
  wchar_t *kept;   /* owned: what was typed when a read was stopped */
  int kept_cursor;

  struct buf keys; /* bytes read from the terminal and not yet used */
  size_t keys_used;
  struct buf held; /* printed, and waiting for its newline, or for the terminal */
  bool mid_line;   /* the last thing on the screen is no whole line */

  size_t search_at;     /* prefix search: number of the entry shown */
  size_t search_prefix; /* characters that must agree */
  bool tab_before;      /* the last key was a Tab that found several */
};

/* -- editor.c ---------------------------------------------------------------------------------- */

/* Wait for a byte of the terminal, serving everything else. The byte, or -1: the read ends, or the
 * terminal has. */
int editor_byte(struct editor *e);
/* The next byte if it comes within `ms`, else -1; nothing else is served. */
int editor_byte_soon(struct editor *e, int ms);
/* End the read that goes on. */
void editor_end(struct editor *e, enum editor_event event);

/* -- editor_keys.c ----------------------------------------------------------------------------- */

int keys_bind(struct editor *e);
/* libedit's reader. */
int keys_read(EditLine *el, wchar_t *ret);

/* -- editor_screen.c --------------------------------------------------------------------------- */

void screen_write(struct editor *e, const void *data, size_t len);
/* Is something of ours on the screen: a prompt, or a line that is being typed? */
bool screen_occupied(struct editor *e);
/* Take the line off the screen; the cursor is then where its prompt began. */
void screen_clear_line(struct editor *e);
/* Put it back, on a line of its own. */
void screen_draw_line(struct editor *e);
int screen_columns(void);
/* Print candidates in columns above the line. */
void screen_list(struct editor *e, const struct completions *c);
/* Bracketed paste on or off, if the terminal has it. */
void screen_bracketed_paste(struct editor *e, bool on);
/* multibyte <-> wide; owned by the caller; bytes that are no character become U+FFFD. NULL for want
 * of memory. */
wchar_t *screen_widen(const char *text, size_t len);
char *screen_narrow(const wchar_t *text, size_t len);

/* -- editor_guard.c ---------------------------------------------------------------------------- */

/* A process that puts the terminal's settings back when this one is killed. 0 or -SBX_EMFILE,
 * -SBX_EAGAIN. */
int guard_start(struct editor *e);
void guard_stop(struct editor *e);

#endif
