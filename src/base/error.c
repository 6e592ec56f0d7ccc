/* base/error.c - texts and names of the error codes; see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct entry {
  int code;
  const char *name;
  const char *text;
} entries[] = {
#define X(name, number, text) {(number), "SBX_" #name, text},
    SBX_ERRORS(X)
#undef X
};

static const struct entry *entry_of(int code) {
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
    if (entries[i].code == abs(code))
      return &entries[i];
  return NULL;
}

/* The last call that failed. */
static struct {
  int code;
  const char *call;
  int errnum;
} last;

/* What error_set_text was given. */
static struct {
  int code;
  char text[352];
} given;

void error_set_text(int code, const char *text) {
  given.code = abs(code);
  snprintf(given.text, sizeof given.text, "%s", text);
}

/* What error_set_limit was given. */
enum { LIMITED_MAX = 8 };
static struct {
  int code; /* 0: unused, and so are those after it */
  char limit[24];
} limited[LIMITED_MAX];

void error_set_limit(int code, const char *limit) {
  int i = 0;
  while (i < LIMITED_MAX && limited[i].code && limited[i].code != abs(code))
    i++;
  if (i == LIMITED_MAX)
    return;
  limited[i].code = abs(code);
  snprintf(limited[i].limit, sizeof limited[i].limit, "%s", limit);
}

void error_set_bytes(int code, uint64_t bytes) {
  char limit[48];
  snprintf(limit, sizeof limit, "%.15g MiB", (double)(bytes * 10 >> 20) / 10);
  error_set_limit(code, limit);
}

/* NULL: it has none. */
static const char *limit_of(int code) {
  for (int i = 0; i < LIMITED_MAX && limited[i].code; i++)
    if (limited[i].code == abs(code))
      return limited[i].limit;
  return NULL;
}

int error_call(const char *call, int errnum) {
  int code = error_from_errno(errnum);
  if (code == -SBX_EAGAIN && strcmp(call, "fork") != 0)
    code = -SBX_ESYSTEM;
  last.code = code;
  last.call = call;
  last.errnum = errnum;
  return code;
}

const char *error_text(int code) {
  static char with_more[512];
  const struct entry *e = entry_of(code);
  const char *text = e ? e->text : "unknown error", *limit = limit_of(code);
  if (code && given.code == abs(code))
    text = given.text;
  bool called = code && last.code && abs(code) == abs(last.code);
  if (!called && !limit)
    return text;
  int n = snprintf(with_more, sizeof with_more, "%s", text);
  if (limit)
    n += snprintf(with_more + n, sizeof with_more - (size_t)n, " (the limit is %s)", limit);
  if (called)
    snprintf(with_more + n, sizeof with_more - (size_t)n, " (%s: %s)", last.call,
             strerror(last.errnum));
  last.code = called ? 0 : last.code;
  return with_more;
}

const char *error_name(int code) {
  const struct entry *e = entry_of(code);
  return e ? e->name : "SBX_?";
}

int error_from_errno(int errnum) {
  switch (errnum) {
  case 0:
    return 0;
  case EINTR:
    return -SBX_EINTERRUPTED;
  case ETIMEDOUT:
    return -SBX_ETIMEDOUT;
  case ENOMEM:
    return -SBX_ENOMEM;
  case ENOSPC:
  case EFBIG:
  case EDQUOT:
    return -SBX_ENOSPC;
  case EMFILE:
    return -SBX_EMFILE;
  case ENFILE:
    return -SBX_ENFILE;
  case EAGAIN:
    return -SBX_EAGAIN;
  default:
    return -SBX_ESYSTEM;
  }
}
