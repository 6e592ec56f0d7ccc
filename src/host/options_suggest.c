/* host/options_suggest.c - which option a mistyped one was meant to be; see options_internal.h. */
#include <string.h>

#include "host/options_internal.h"

static int least(int a, int b) { return a < b ? a : b; }

/* How many letters must be added, dropped, changed or swapped to turn `a` into `b`. */
static int edit_distance(const char *a, size_t a_len, const char *b) {
  int d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];
  size_t b_len = strlen(b);
  for (size_t i = 0; i <= a_len; i++)
    d[i][0] = (int)i;
  for (size_t j = 0; j <= b_len; j++)
    d[0][j] = (int)j;
  for (size_t i = 1; i <= a_len; i++) {
    for (size_t j = 1; j <= b_len; j++) {
      int changed = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, changed);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a_len][b_len];
}

const struct option_row *option_suggestion(const struct option_table *t, const char *typed,
                                           size_t len) {
  if (len == 1)
    return option_of_letter(t, *typed);
  if (len == 0 || len > NAME_MAX_LEN)
    return NULL;
  const struct option_row *best = NULL;
  int best_distance = len < 6 ? 2 : 3; /* a match must be closer than this */
  for (int i = 0; i < t->count; i++) {
    const char *name = t->rows[i].name;
    if (!name)
      continue;
    bool beginning = strncmp(name, typed, len) == 0;
    int distance = beginning && len >= 3 ? 0 : edit_distance(typed, len, name);
    if (distance < best_distance) {
      best = &t->rows[i];
      best_distance = distance;
    }
  }
  return best;
}
