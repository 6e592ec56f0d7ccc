/* host/options_suggest.c - which option or command a mistyped one was meant to be; see options_internal.h. */
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

/* A name is meant whose cost is below this: one letter is wrong, or two of a longer word. */
static int first_cost(size_t len) { return len < 5 ? 4 : 6; }

/* Is what was typed closer to this name than *best? If so, *best is that. The cost of a mistake is 2; of two names that are as
 * close the one with the same first letter is meant. */
static bool is_closer(const char *typed, size_t len, const char *name, int *best) {
  bool beginning = len >= 3 && strncmp(name, typed, len) == 0;
  int cost = beginning ? 0 : 2 * edit_distance(typed, len, name) + (*name != *typed);
  if (cost >= *best)
    return false;
  *best = cost;
  return true;
}

const struct option_row *option_suggestion(const struct option_table *t, const char *typed,
                                           size_t len) {
  if (len == 1)
    return option_of_letter(t, *typed);
  if (len == 0 || len > NAME_MAX_LEN)
    return NULL;
  const struct option_row *meant = NULL;
  int best = first_cost(len);
  for (int i = 0; i < t->count; i++)
    if (t->rows[i].name && is_closer(typed, len, t->rows[i].name, &best))
      meant = &t->rows[i];
  return meant;
}

const struct command *command_suggestion(const char *typed) {
  const struct command *meant = NULL;
  size_t len = strlen(typed);
  int best = first_cost(len);
  if (len < 2 || len > NAME_MAX_LEN)
    return NULL;
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (is_closer(typed, len, commands[i].name, &best))
      meant = &commands[i];
  return meant;
}
