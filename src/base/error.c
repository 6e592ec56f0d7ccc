/* base/error.c - texts and names of the error codes; see error.h. */
#include "base/error.h"

#include <errno.h>
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
  static char with_call[512];
  const struct entry *e = entry_of(code);
  const char *text = e ? e->text : "unknown error";
  if (code && given.code == abs(code))
    text = given.text;
  if (code == 0 || last.code == 0 || abs(code) != abs(last.code))
    return text;
  snprintf(with_call, sizeof with_call, "%s (%s: %s)", text, last.call, strerror(last.errnum));
  last.code = 0;
  return with_call;
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
  case ENFILE:
    return -SBX_EMFILE;
  case EAGAIN:
    return -SBX_EAGAIN;
  default:
    return -SBX_ESYSTEM;
  }
}
