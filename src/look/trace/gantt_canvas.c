/* look/trace/gantt_canvas.c - signs, colours and text on the chart; see gantt_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"
#include "look/trace/gantt_internal.h"

static const char plain[] = "\033[0m";

const struct gantt_sign gantt_signs[GANTT_SIGNS] = {
    [TRACE_RUNNING] = {"█", "#", "\033[32m"},  [TRACE_QUEUE] = {"▒", "q", "\033[33m"},
    [TRACE_LOCK] = {"▓", "L", "\033[31m"},     [TRACE_SLEEP] = {"·", ".", "\033[2m"},
    [TRACE_JOIN] = {"░", "j", "\033[94m"},     [TRACE_STOPPED] = {"=", "=", "\033[35m"},
    [TRACE_IDLE] = {" ", " ", NULL},           [GANTT_KILLED] = {"✗", "X", "\033[1;31m"},
    [GANTT_FAILED] = {"!", "!", "\033[1;31m"},
};

static int append(struct buf *out, const char *text) { return buf_append(out, text, strlen(text)); }

static int set_pen(struct canvas *c, const char *color) {
  int rc = 0;
  if (!c->o->color || color == c->pen)
    return 0;
  if (c->pen)
    rc = append(c->out, plain);
  if (rc == 0 && color)
    rc = append(c->out, color);
  c->pen = color;
  return rc;
}

int canvas_put(struct canvas *c, const char *color, const char *text) {
  int rc = set_pen(c, color);
  return rc ? rc : append(c->out, text);
}

int canvas_spaces(struct canvas *c, int n) {
  int rc = set_pen(c, NULL);
  while (n-- > 0 && rc == 0)
    rc = buf_append_byte(c->out, ' ');
  return rc;
}

int canvas_name(struct canvas *c, const char *color, const char *label, const char *more) {
  struct buf text = {0};
  int rc = words_label(&text, label, more, c->names, c->ascii);
  int width = rc == 0 && text.len ? width_of((const char *)text.data, text.len) : 0;
  if (rc == 0)
    rc = set_pen(c, color);
  if (rc == 0)
    rc = buf_append(c->out, text.data, text.len);
  buf_release(&text);
  return rc ? rc : canvas_spaces(c, c->names - width + 1);
}

int canvas_end(struct canvas *c) {
  int rc = set_pen(c, NULL);
  while (c->out->len > 0 && c->out->data[c->out->len - 1] == ' ')
    c->out->len--;
  return rc ? rc : buf_append_byte(c->out, '\n');
}

int canvas_line(struct canvas *c, const char *color, const struct buf *text) {
  int rc = set_pen(c, color);
  if (rc == 0 && text->len)
    rc = words_cut(c->out, (const char *)text->data, text->len, c->columns, c->ascii);
  return rc ? rc : canvas_end(c);
}
