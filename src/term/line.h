/*
 * term/line.h - the line being edited: text, cursor, mark, and what was done to it. Pure: knows no
 * terminal and no keys.
 *
 * Every change is a replacement: some characters at some place give way to others. Inserting and
 * deleting are replacements in which one of the two is empty. A replacement that is remembered with
 * both texts can be undone and done again; those with the same step number are undone together.
 */
#ifndef SBX_TERM_LINE_H
#define SBX_TERM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

enum { LINE_MOST = 1 << 20 /* characters */, KILLS_MOST = 16 };

struct change {
  size_t at, removed, inserted;
  size_t cursor;  /* before the change */
  wchar_t *texts; /* owned: what was removed, then what was inserted */
  size_t cap;     /* characters allocated for `texts` */
  unsigned step;
};

struct edit_line {
  wchar_t *text; /* owned; NULL while nothing was ever typed. Use line_text to read */
  size_t len, cap;
  size_t cursor, mark;    /* at most `len` */
  struct change *changes; /* owned: those before `done` can be undone, those after it, redone */
  size_t done, count, changes_cap;
  unsigned step;
};

/* The text; not NULL, and without a zero at its end. */
static inline const wchar_t *line_text(const struct edit_line *l) {
  return l->text ? l->text : L"";
}

/*
 * Replace `removed` characters at `at` by `len` characters of `text` (borrowed, not from the line).
 * The cursor moves behind the new text; the mark stays with the characters around it. 0, or
 * -SBX_ENOMEM or -SBX_ENOSPC (longer than LINE_MOST), and the line is unchanged.
 */
int line_replace(struct edit_line *l, size_t at, size_t removed, const wchar_t *text, size_t len);

/* Insert at the cursor; as line_replace. */
int line_insert(struct edit_line *l, const wchar_t *text, size_t len);

/* Remove the characters from `from` up to `to`; the cursor moves there. */
int line_delete(struct edit_line *l, size_t from, size_t to);

/* Replace everything, with the cursor at `cursor`. */
int line_set(struct edit_line *l, const wchar_t *text, size_t len, size_t cursor);

/* What is changed from now on is a step of its own. */
void line_step(struct edit_line *l);

/* Undo the last step, or do it again. False: there is none. */
bool line_undo(struct edit_line *l);
bool line_redo(struct edit_line *l);

/* The beginning and the end of the row of a block in which character `at` is. */
size_t line_row_start(const struct edit_line *l, size_t at);
size_t line_row_end(const struct edit_line *l, size_t at);

/* An empty line without a past; memory is kept. */
void line_reset(struct edit_line *l);
void line_release(struct edit_line *l);

/* -- the kill ring: deleted texts, the youngest last ------------------------------------------- */

struct kills {
  wchar_t *texts[KILLS_MOST]; /* owned */
  size_t count;
  size_t at; /* the one to yank next; at most `count` */
};

enum kill { KILL_NEW, KILL_AFTER, KILL_BEFORE };

/* Keep a copy of a text: as a new entry, or added to the youngest one at its end or beginning.
 * Nothing is kept of an empty text, or when memory is exhausted. */
void kills_add(struct kills *k, const wchar_t *text, size_t len, enum kill how);

/* The text to yank; NULL if there is none. */
const wchar_t *kills_now(const struct kills *k);

/* Go on to the next older one, after the oldest to the youngest. */
void kills_turn(struct kills *k);

void kills_release(struct kills *k);

#endif
