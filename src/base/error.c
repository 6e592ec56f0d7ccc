/* base/error.c - texts and names of the error codes; see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

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

const char *error_text(int code) {
  const struct entry *e = entry_of(code);
  return e ? e->text : "unknown error";
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
