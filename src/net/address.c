/* net/address.c - where an engine is, and the names of keys; see engine.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/text.h"
#include "net/engine.h"

/* -- URLs --------------------------------------------------------------------------------------- */

static int hex_of(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/* Copy `len` bytes with their %XX resolved. False: it is too long, or no text. */
static bool take(const char *from, size_t len, char to[ENGINE_TEXT]) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    char c = from[i];
    if (c == '%') {
      if (i + 2 >= len || hex_of(from[i + 1]) < 0 || hex_of(from[i + 2]) < 0)
        return false;
      c = (char)(hex_of(from[i + 1]) << 4 | hex_of(from[i + 2]));
      i += 2;
    }
    if (c == '\0' || n + 1 >= ENGINE_TEXT)
      return false;
    to[n++] = c;
  }
  to[n] = '\0';
  return true;
}

/* A decimal number and nothing else, at most `most`; -1: it is none. */
static int number_of(const char *text, size_t len, int most) {
  int n = 0;
  if (len == 0 || len > 6)
    return -1;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    n = 10 * n + (text[i] - '0');
  }
  return n <= most ? n : -1;
}

static int refuse(char why[ENGINE_WHY], const char *what) {
  snprintf(why, ENGINE_WHY, "%s: it is written redis://:PASSWORD@HOST[:PORT][/DB]", what);
  return -SBX_EINVAL;
}

static const char *parse_tcp(const char *at, struct engine_address *ret) {
  const char *slash = strchr(at, '/'), *end = slash ? slash : at + strlen(at);
  const char *sign = memchr(at, '@', (size_t)(end - at));
  for (const char *next = sign; next; next = memchr(next + 1, '@', (size_t)(end - next - 1)))
    sign = next; /* the last one: a password may have others */
  if (sign) {
    const char *colon = memchr(at, ':', (size_t)(sign - at));
    const char *user_end = colon ? colon : sign;
    if (!take(at, (size_t)(user_end - at), ret->user) ||
        (colon && !take(colon + 1, (size_t)(sign - colon - 1), ret->password)))
      return "the user or the password of the engine's address is malformed";
    at = sign + 1;
  }
  const char *host_end = end, *port = NULL;
  if (*at == '[') { /* an address of IPv6 */
    const char *close = memchr(at, ']', (size_t)(end - at));
    if (!close)
      return "the engine's address lacks a ']'";
    port = close + 1 < end && close[1] == ':' ? close + 2 : NULL;
    if (close + 1 < end && !port)
      return "the engine's address has something behind its ']'";
    host_end = close;
    at++;
  } else if ((port = memchr(at, ':', (size_t)(end - at)))) {
    host_end = port++;
  }
  if (host_end == at || !take(at, (size_t)(host_end - at), ret->host))
    return "the engine's address has no host";
  ret->port = port ? number_of(port, (size_t)(end - port), 65535) : ENGINE_PORT;
  if (ret->port <= 0)
    return "the port of the engine's address is no number from 1 to 65535";
  if (slash && slash[1]) {
    ret->database = number_of(slash + 1, strlen(slash + 1), 999999);
    if (ret->database < 0)
      return "the database of the engine's address is no number";
  }
  return NULL;
}

static const char *parse_unix(const char *at, struct engine_address *ret) {
  const char *query = strchr(at, '?'), *end = query ? query : at + strlen(at);
  if (*at != '/' || !take(at, (size_t)(end - at), ret->host))
    return "the engine's address has no path";
  while (query && *query) {
    const char *word = query + 1, *next = strchr(word, '&');
    size_t len = next ? (size_t)(next - word) : strlen(word);
    if (len > 3 && strncmp(word, "db=", 3) == 0)
      ret->database = number_of(word + 3, len - 3, 999999);
    else if (!(len > 9 && strncmp(word, "password=", 9) == 0 &&
               take(word + 9, len - 9, ret->password)))
      return "the engine's address has something unknown behind its '?'";
    query = next;
  }
  return ret->database < 0 ? "the database of the engine's address is no number" : NULL;
}

int engine_parse(const char *url, struct engine_address *ret, char why[ENGINE_WHY]) {
  struct engine_address a = {.port = 0};
  const char *bad = strncmp(url, "redis://", 8) == 0  ? parse_tcp(url + 8, &a)
                    : strncmp(url, "unix://", 7) == 0 ? parse_unix(url + 7, &a)
                    : strncmp(url, "rediss://", 9) == 0
                        ? "an engine is reached without TLS: use an ssh tunnel or a VPN"
                        : "the engine's address does not begin with redis://";
  const char *password = getenv("SANDBOX_PASSWORD");
  if (bad)
    return refuse(why, bad);
  if (a.password[0] == '\0' && password)
    text_copy(a.password, sizeof a.password, password);
  *ret = a;
  return 0;
}

/* The stars stand for each byte, so the length stays. */
static void stars(char *from, char *to) {
  while (from < to)
    *from++ = '*';
}

void engine_hide_password(char *url) {
  char *at = strstr(url, "://"), *query = strstr(url, "password=");
  if (query && strncmp(url, "unix://", 7) == 0) {
    query += strlen("password=");
    stars(query, query + strcspn(query, "&"));
    return;
  }
  if (!at)
    return;
  char *end = at + 3 + strcspn(at + 3, "/"), *sign = NULL;
  for (char *c = at + 3; c < end; c++)
    if (*c == '@')
      sign = c;
  char *colon = sign ? memchr(at + 3, ':', (size_t)(sign - at - 3)) : NULL;
  if (colon)
    stars(colon + 1, sign);
}

const char *engine_name(const struct engine_address *a, char ret[ENGINE_TEXT + 16]) {
  if (a->port == 0)
    snprintf(ret, ENGINE_TEXT + 16, "%s", a->host);
  else if (strchr(a->host, ':'))
    snprintf(ret, ENGINE_TEXT + 16, "[%s]:%d", a->host, a->port);
  else
    snprintf(ret, ENGINE_TEXT + 16, "%s:%d", a->host, a->port);
  return ret;
}

void engine_note_name(const struct engine_address *a) {
  char name[ENGINE_TEXT + 16], text[ENGINE_TEXT + 64];
  snprintf(text, sizeof text, "the engine at %s is gone", engine_name(a, name));
  error_set_text(SBX_EENGINE, text);
}

/* -- keys ---------------------------------------------------------------------------------------- */

size_t engine_key(char ret[ENGINE_KEY], const char *run, const char *format, ...) {
  va_list args;
  int n = snprintf(ret, ENGINE_KEY, "sandbox:{%s}:", run);
  va_start(args, format);
  n += vsnprintf(ret + n, (size_t)(ENGINE_KEY - n), format, args);
  va_end(args);
  return n < ENGINE_KEY ? (size_t)n : ENGINE_KEY - 1;
}

void engine_draw_run(char ret[ENGINE_RUN]) {
  uint64_t n = 0;
  if (getrandom(&n, sizeof n, 0) != sizeof n)
    n = (uint64_t)clock_wall_ns() * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)clock_now_ns();
  snprintf(ret, ENGINE_RUN, "%016llx", (unsigned long long)n);
}
