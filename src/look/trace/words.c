/* look/trace/words.c - see words.h. */
#include "look/trace/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/width.h"

/* -- names ----------------------------------------------------------------------------------- */

int words_label(struct buf *out, const char *label, const char *more, int columns, bool ascii) {
  struct buf shown = {0};
  int rc = words_text(&shown, label, ascii);
  const char *text = shown.len ? (const char *)shown.data : "";
  size_t name = shown.len;
  while (name > 0 && text[name - 1] >= '0' && text[name - 1] <= '9')
    name--;
  bool numbered = name > 0 && name < shown.len && text[name - 1] == '#';
  name = numbered ? name - 1 : shown.len;
  int rest = (int)(shown.len - name) + width_of(more, strlen(more));
  if (rc == 0 && columns - rest < 2) /* no room for the name besides */
    rc = words_cut(out, text, shown.len, columns, ascii);
  else if (rc == 0)
    rc = words_cut(out, text, name, columns - rest, ascii);
  if (rc == 0 && columns - rest >= 2)
    rc = buf_append(out, text + name, shown.len - name);
  if (rc == 0 && columns - rest >= 2)
    rc = buf_append(out, more, strlen(more));
  buf_release(&shown);
  return rc;
}

/* -- numbers --------------------------------------------------------------------------------- */

/* Three digits of value / 1000 and a unit. */
static void three_digits(uint64_t thousandths, const char *unit, char ret[WORDS_MAX]) {
  double value = (double)thousandths / 1000;
  const char *format = value < 9.995 ? "%.2f%s" : value < 99.95 ? "%.1f%s" : "%.0f%s";
  snprintf(ret, WORDS_MAX, format, value, unit);
}

char *words_duration(int64_t ns, bool ascii, char ret[WORDS_MAX]) {
  int64_t s = ns / NS_PER_SECOND;
  if (ns <= 0)
    snprintf(ret, WORDS_MAX, "0s");
  else if (ns < 1000)
    snprintf(ret, WORDS_MAX, "%" PRId64 "ns", ns);
  else if (ns < 999500)
    three_digits((uint64_t)ns, ascii ? "us" : "µs", ret);
  else if (ns < 999500000)
    three_digits((uint64_t)ns / 1000, "ms", ret);
  else if (s < 100)
    three_digits((uint64_t)ns / 1000000, "s", ret);
  else if (s < 6000)
    snprintf(ret, WORDS_MAX, "%" PRId64 "m%02" PRId64, s / 60, s % 60);
  else if (s < 48 * 3600)
    snprintf(ret, WORDS_MAX, "%" PRId64 "h%02" PRId64, s / 3600, s / 60 % 60);
  else
    snprintf(ret, WORDS_MAX, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
  return ret;
}

char *words_count(uint64_t n, char ret[WORDS_MAX]) {
  char digits[WORDS_MAX];
  int len = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0)
      ret[at++] = ',';
    ret[at++] = digits[i];
  }
  ret[at] = '\0';
  return ret;
}

char *words_plural(uint64_t n, const char *noun, char ret[WORDS_MAX]) {
  char count[WORDS_MAX];
  snprintf(ret, WORDS_MAX, "%s %s%s", words_count(n, count), noun, n == 1 ? "" : "s");
  return ret;
}

char *words_nameless(uint64_t n, char ret[WORDS_MAX]) {
  char count[WORDS_MAX];
  snprintf(ret, WORDS_MAX, "%s %s", words_count(n, count),
           n == 1 ? "name or line" : "names or lines");
  return ret;
}

bool words_deadlock(const struct trace_model *m) {
  bool stuck = m->facts.deadlock[0] != '\0';
  for (uint32_t i = 0; i < m->edge_count && !stuck; i++)
    stuck = m->edges[i].stuck;
  return stuck;
}
