/* term/editor_output.c - printing around the line; see editor_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "term/editor_internal.h"

enum { TAIL_MOST = 4096, ESC = 033, BEL = 7 };

/* -- the unfinished line ----------------------------------------------------------------------- */

size_t output_sequence(const char *text, size_t len) {
  size_t n = 2;
  if (len < 2)
    return len;
  if (text[1] == '[') {
    while (n < len && (text[n] < '@' || text[n] > '~'))
      n++;
    return n < len ? n + 1 : len;
  }
  if (text[1] == ']') {
    while (n < len && text[n] != BEL && text[n] != ESC)
      n++;
    return n == len ? len : text[n] == BEL ? n + 1 : n + 2 < len ? n + 2 : len;
  }
  return n;
}

wchar_t *output_tail(const struct editor *e, bool *ret_plain) {
  char text[TAIL_MOST];
  size_t n = 0;
  *ret_plain = e->tail.len < TAIL_MOST;
  for (size_t i = 0; i < e->tail.len && n < sizeof text;) {
    const char *next = (const char *)e->tail.data + i;
    if (*next == ESC) {
      i += output_sequence(next, e->tail.len - i);
      continue;
    }
    *ret_plain &= (unsigned char)*next >= ' ';
    text[n++] = *next;
    i++;
  }
  return n > 0 ? text_widen(text, n) : NULL;
}

/* Remember the last line; of a very long one, only that it is long. */
static void note_tail(struct editor *e, const char *data, size_t len) {
  const char *newline = memrchr(data, '\n', len);
  if (newline) {
    e->tail.len = 0;
    len -= (size_t)(newline + 1 - data);
    data = newline + 1;
  }
  size_t room = e->tail.len < TAIL_MOST ? TAIL_MOST - e->tail.len : 0;
  buf_append(&e->tail, data, len < room ? len : room);
}

void output_fresh_line(struct editor *e) {
  bool plain;
  wchar_t *tail = output_tail(e, &plain);
  if (tail)
    screen_put(e, "\r\n", 2);
  free(tail);
  buf_clear(&e->tail, 0);
}

/* -- printing ---------------------------------------------------------------------------------- */

static void note_style(struct editor *e, const void *data, size_t len) {
  if (e->edits && memchr(data, ESC, len))
    e->styled = true;
}

void output_pass(struct editor *e, const void *data, size_t len) {
  if (len == 0)
    return;
  note_style(e, data, len);
  note_tail(e, data, len);
  screen_put(e, data, len);
}

/* Output was passed: one write takes away what stood there, prints, and draws it again below. */
static void redraw(struct editor *e) {
  screen_refresh(e);
  screen_flush(e);
}

void output_above(struct editor *e, const void *data, size_t len) {
  screen_erase(e);
  output_pass(e, data, len);
  redraw(e);
}

static void pass_held(struct editor *e) {
  struct buf held = e->held;
  e->held = (struct buf){0};
  output_pass(e, held.data, held.len);
  buf_release(&held);
}

/* Is only other output on the screen, and nothing of ours? */
static bool screen_is_theirs(struct editor *e) {
  screen_give_way(e);
  return !e->drawn;
}

void output_settle(struct editor *e) {
  if (e->paused || e->held.len == 0 || !screen_is_theirs(e))
    return;
  pass_held(e);
  redraw(e); /* rows above, in another place now */
}

void editor_output(struct editor *e, const void *data, size_t len) {
  if (len == 0)
    return;
  if (e->paused && !e->finished) {
    buf_append(&e->held, data, len);
    return;
  }
  if (screen_is_theirs(e)) {
    pass_held(e);
    if (e->prompted)
      screen_put(e, "\n", 1);
    e->prompted = false;
    output_pass(e, data, len);
    redraw(e);
    return;
  }
  const char *newline = memrchr(data, '\n', len);
  size_t whole = newline ? (size_t)(newline + 1 - (const char *)data) : 0;
  if (whole > 0) {
    struct buf held = e->held;
    e->held = (struct buf){0};
    if (buf_append(&held, data, whole) == 0)
      output_above(e, held.data, held.len);
    else /* not enough memory for both at once */
      output_above(e, data, whole);
    buf_release(&held);
  }
  buf_append(&e->held, (const char *)data + whole, len - whole);
}

bool editor_output_unfinished(const struct editor *e) { return e->tail.len > 0 || e->held.len > 0; }

void editor_output_flush(struct editor *e) {
  if (e->paused && !e->finished)
    return;
  if (screen_is_theirs(e)) {
    pass_held(e);
    output_fresh_line(e);
    redraw(e);
  } else if (e->held.len > 0 && buf_append_byte(&e->held, '\n') == 0) {
    struct buf held = e->held;
    e->held = (struct buf){0};
    output_above(e, held.data, held.len);
    buf_release(&held);
  }
}
