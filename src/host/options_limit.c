/* host/options_limit.c - the limits of --explore: a list of numbers, each with the word that says of what. */
#include <stdio.h>
#include <string.h>

#include "host/options_internal.h"

static bool read_states(const char *text, struct explore_limit *ret) {
  return ret->states == 0 && option_unsigned(text, &ret->states) && ret->states > 0;
}

static bool read_preemptions(const char *text, struct explore_limit *ret) {
  bool first = !ret->bounded;
  ret->bounded = true;
  return first && option_unsigned(text, &ret->preemptions) && ret->preemptions < UINT32_MAX;
}

static bool read_seconds(const char *text, struct explore_limit *ret) {
  return ret->time_ns == 0 && option_seconds(text, &ret->time_ns) && ret->time_ns > 0;
}

static bool read_memory(const char *text, struct explore_limit *ret) {
  return ret->bytes == 0 && option_size(text, &ret->bytes) && ret->bytes > 0;
}

/* The states need no word. */
static const struct word {
  const char *name;
  bool (*read)(const char *text, struct explore_limit *ret);
} words[] = {{"", read_states},
             {"states:", read_states},
             {"preemptions:", read_preemptions},
             {"seconds:", read_seconds},
             {"memory:", read_memory}};

static bool read_one(const char *text, struct explore_limit *ret) {
  size_t len = strcspn(text, ":");
  len += text[len] == ':';
  if (text[strcspn(text, ":")] == '\0')
    len = 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i].name) == len && strncmp(text, words[i].name, len) == 0)
      return words[i].read(text + len, ret);
  return false;
}

bool option_explore_limit(const char *text, struct explore_limit *ret) {
  char one[64];
  *ret = (struct explore_limit){0};
  for (;; text++) {
    size_t len = strcspn(text, ",");
    if (len >= sizeof one)
      return false;
    snprintf(one, sizeof one, "%.*s", (int)len, text);
    if (!read_one(one, ret))
      return false;
    text += len;
    if (*text == '\0')
      return true;
  }
}
