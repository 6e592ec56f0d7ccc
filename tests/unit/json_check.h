/*
 * tests/unit/json_check.h - is a text JSON (RFC 8259), and nothing else? And what is in it, by path.
 */
#ifndef SBX_JSON_CHECK_H
#define SBX_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/utf8.h"

/* Each returns where the thing that begins at `at` ends; NULL if it is none. `end` is a zero byte. */
static inline const char *json_value(const char *at, const char *end);

static inline const char *json_space(const char *at) { return at + strspn(at, " \n\r\t"); }

static inline const char *json_string_end(const char *at, const char *end) {
  if (*at++ != '"')
    return NULL;
  while (at < end && *at != '"') {
    uint32_t c;
    size_t bytes = utf8_next(at, (size_t)(end - at), &c);
    if (c == UTF8_BAD || c < 0x20)
      return NULL;
    if (c == '\\') {
      bytes = at[1] == 'u' ? 6 : 2;
      if (at[1] == 'u' ? strspn(at + 2, "0123456789abcdefABCDEF") < 4
                       : !at[1] || !strchr("\"\\/bfnrt", at[1]))
        return NULL;
    }
    at += bytes;
  }
  return at < end ? at + 1 : NULL;
}

static inline const char *json_number_end(const char *at) {
  static const char digits[] = "0123456789";
  at += *at == '-';
  size_t whole = strspn(at, digits);
  if (whole == 0 || (whole > 1 && *at == '0'))
    return NULL;
  at += whole;
  if (*at == '.') {
    size_t part = strspn(++at, digits);
    if (part == 0)
      return NULL;
    at += part;
  }
  if (*at == 'e' || *at == 'E') {
    at++;
    at += *at == '+' || *at == '-';
    size_t exponent = strspn(at, digits);
    return exponent ? at + exponent : NULL;
  }
  return at;
}

static inline const char *json_list(const char *at, const char *end, bool object) {
  char close = object ? '}' : ']';
  at = json_space(at + 1);
  if (*at == close)
    return at + 1;
  for (;;) {
    if (object && (!(at = json_string_end(at, end)) || *(at = json_space(at)) != ':'))
      return NULL;
    if (!(at = json_value(json_space(at + object), end)))
      return NULL;
    at = json_space(at);
    if (*at == close)
      return at + 1;
    if (*at != ',')
      return NULL;
    at = json_space(at + 1);
  }
}

static inline const char *json_value(const char *at, const char *end) {
  static const char *const words[] = {"true", "false", "null"};
  if (*at == '{' || *at == '[')
    return json_list(at, end, *at == '{');
  if (*at == '"')
    return json_string_end(at, end);
  for (size_t i = 0; i < 3; i++)
    if (strncmp(at, words[i], strlen(words[i])) == 0)
      return at + strlen(words[i]);
  return json_number_end(at);
}

/* `text` has a zero byte behind its `len` bytes. */
static inline bool json_is_valid(const char *text, size_t len) {
  const char *at = json_value(json_space(text), text + len);
  return at && json_space(at) == text + len;
}

/* The value of a member of the object, or the element of the array, that begins at `value`; NULL if there is
 * none. `index` < 0: the member `name`. */
static inline const char *json_find(const char *value, const char *end, const char *name, int index) {
  bool object = index < 0;
  if (!value || *value != (object ? '{' : '['))
    return NULL;
  const char *at = json_space(value + 1);
  for (int i = 0; *at && *at != '}' && *at != ']'; i++) {
    bool found = i == index;
    if (object) {
      const char *key = at + 1;
      at = json_string_end(at, end);
      found = (size_t)(at - 1 - key) == strlen(name) && strncmp(key, name, strlen(name)) == 0;
      at = json_space(json_space(at) + 1);
    }
    if (found)
      return at;
    at = json_space(json_value(at, end));
    at = *at == ',' ? json_space(at + 1) : at;
  }
  return NULL;
}

/* Is the value at `value` written as `wanted`? */
static inline bool json_equal(const char *value, const char *end, const char *wanted) {
  return value && (size_t)(json_value(value, end) - value) == strlen(wanted) &&
         strncmp(value, wanted, strlen(wanted)) == 0;
}

#endif
