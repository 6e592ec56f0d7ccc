/* host/shake_lines.c - see shake_lines.h. */
#include "host/shake_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
  const char *text; /* borrowed, without its newline */
  size_t len;
};

struct lines {
  struct line *list; /* owned */
  size_t count;
};

static int compare(const void *a_, const void *b_) {
  const struct line *a = a_, *b = b_;
  size_t len = a->len < b->len ? a->len : b->len;
  int order = len ? memcmp(a->text, b->text, len) : 0;
  return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Without memory `list` is NULL. */
static struct lines sort(const char *text, size_t len) {
  size_t most = 1;
  for (size_t i = 0; i < len; i++)
    most += text[i] == '\n';
  struct lines ret = {.list = malloc(most * sizeof *ret.list)};
  while (ret.list && len > 0) {
    const char *end = memchr(text, '\n', len);
    size_t n = end ? (size_t)(end - text) : len;
    ret.list[ret.count++] = (struct line){text, n};
    n += end != NULL;
    text += n;
    len -= n;
  }
  if (ret.list)
    qsort(ret.list, ret.count, sizeof *ret.list, compare);
  return ret;
}

/* The first line that only one of them has; NULL: there is none. */
struct difference {
  const struct line *missing, *extra;
};

static struct difference find(const struct lines *wanted, const struct lines *got) {
  struct difference d = {0};
  size_t i = 0, j = 0;
  while ((i < wanted->count || j < got->count) && !(d.missing && d.extra)) {
    int order = i == wanted->count ? 1
                : j == got->count  ? -1
                                   : compare(&wanted->list[i], &got->list[j]);
    if (order < 0 && !d.missing)
      d.missing = &wanted->list[i];
    if (order > 0 && !d.extra)
      d.extra = &got->list[j];
    i += order <= 0;
    j += order >= 0;
  }
  return d;
}

enum { SHOWN = 100 };
#define SHOW(line) (int)((line)->len < SHOWN ? (line)->len : SHOWN), (line)->text

static void tell(const struct difference *d, char *ret, size_t size) {
  if (d->missing && d->extra)
    snprintf(ret, size, "'%.*s' instead of '%.*s'", SHOW(d->extra), SHOW(d->missing));
  else if (d->missing)
    snprintf(ret, size, "'%.*s' is missing", SHOW(d->missing));
  else
    snprintf(ret, size, "'%.*s' is one too many", SHOW(d->extra));
}

bool shake_lines_differ(const char *wanted, size_t wanted_len, const char *got, size_t got_len,
                        char *ret, size_t size) {
  if (wanted_len == got_len && (got_len == 0 || memcmp(wanted, got, got_len) == 0))
    return false;
  struct lines w = sort(wanted, wanted_len), g = sort(got, got_len);
  struct difference d = {0};
  bool known = w.list && g.list;
  if (known)
    d = find(&w, &g);
  bool differ = !known || d.missing || d.extra;
  if (!known)
    snprintf(ret, size, "not enough memory to compare");
  else if (differ)
    tell(&d, ret, size);
  free(w.list);
  free(g.list);
  return differ;
}
