/* os/supervisor/bars_stderr.c - bars on stderr, a terminal or not; see bars.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"
#include "os/process/below.h"
#include "os/process/output.h"
#include "os/supervisor/bars.h"

enum {
  LINES_IF_UNKNOWN = 24,
  COLUMNS_IF_UNKNOWN = 80,
  COLUMNS_LEAST = 20,            /* a terminal that is more narrow shows no bars */
  ECHOED = 2,                    /* columns of the "^C" before a line */
  LINES_KEPT = 2,                /* for what is printed, and for the cursor */
  CHANGED_NS = 95 * 1000 * 1000, /* between two drawings: a look is due each 100 ms */
  ERASED_NS = 40 * 1000 * 1000   /* when output has erased the last one */
};

static void find_out(struct bars_screen *s) {
  const char *term = getenv("TERM");
  bool dumb = !term || !*term || strcmp(term, "dumb") == 0;
  s->kind = isatty(STDERR_FILENO) && !dumb ? BARS_TERMINAL : BARS_LOG;
  s->ascii = !utf8_in_environment();
}

static void log_bars(struct bars_screen *s, const struct bar *bars, uint32_t count) {
  struct buf text = {0};
  for (uint32_t i = 0; i < count; i++)
    if (bars_log_due(&s->written, &bars[i]))
      bars_log_line(&bars[i], &text);
  if (text.len)
    output_report(text.data, text.len);
  buf_release(&text);
}

/* Those that are closed. */
static void put_lines(const struct bar *bars, uint32_t count, const struct style *screen) {
  struct buf text = {0};
  const struct style style = {.columns = screen->columns - ECHOED, .ascii = screen->ascii};
  for (uint32_t i = 0; i < count; i++)
    if (bars[i].closed)
      bars_line(&bars[i], &style, &text);
  if (text.len)
    output_report(text.data, text.len);
  buf_release(&text);
}

/* Is it what stands there? */
static bool is_drawn(const struct bars_screen *s, const struct buf *rows, int lines, int columns) {
  return s->lines == lines && s->columns == columns && rows->len == s->drawn.len &&
         (rows->len == 0 || memcmp(rows->data, s->drawn.data, rows->len) == 0) &&
         below_stands(s->control) == (rows->len > 0);
}

/* Takes `rows` if it was drawn. */
static bool draw(struct bars_screen *s, struct buf *rows, uint32_t count, int lines, int columns) {
  int64_t now = clock_now_ns();
  if (is_drawn(s, rows, lines, columns))
    return true;
  if (!below_possible())
    return true; /* the next look may find it so */
  if (now - s->drawn_ns < (below_stands(s->control) && rows->len > 0 ? CHANGED_NS : ERASED_NS))
    return false;
  if (!below_show(s->control, (const char *)rows->data, rows->len, (int)count))
    return false;
  buf_release(&s->drawn);
  s->drawn = *rows;
  *rows = (struct buf){0};
  s->drawn_ns = now;
  s->lines = lines;
  s->columns = columns;
  return true;
}

bool bars_on_stderr(struct bars_screen *s, const struct bar *bars, uint32_t count) {
  if (s->kind == BARS_UNKNOWN)
    find_out(s);
  if (s->kind == BARS_LOG) {
    log_bars(s, bars, count);
    return true;
  }
  struct winsize size = {0};
  ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
  int lines = size.ws_row ? size.ws_row : LINES_IF_UNKNOWN;
  int columns = size.ws_col ? size.ws_col : COLUMNS_IF_UNKNOWN;
  const struct style style = {.columns = columns < COLUMNS_LEAST ? COLUMNS_LEAST : columns,
                              .ascii = s->ascii};
  struct buf rows = {0};
  uint32_t row_count = 0, most = lines > LINES_KEPT ? (uint32_t)(lines - LINES_KEPT) : 0;
  put_lines(bars, count, &style);
  bool all = columns < COLUMNS_LEAST ||
             bars_rows(bars, count, most, &style, &rows, &row_count) != 0 ||
             draw(s, &rows, row_count, lines, columns);
  buf_release(&rows);
  return all;
}

void bars_hide(struct bars_screen *s) {
  if (below_stands(s->control) && below_possible())
    below_show(s->control, NULL, 0, 0);
  s->lines = 0; /* what stands there is not what was drawn */
}

void bars_screen_release(struct bars_screen *s) {
  buf_release(&s->drawn);
  bars_log_release(&s->written);
}
