/*
 * tests/unit/golden.h - compares a text with tests/unit/golden/<name>.txt. With GOLDEN_WRITE=1 in
 * the environment the file is written instead: look at what changed before it is committed.
 */
#ifndef SBX_GOLDEN_H
#define SBX_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static inline char *golden_read(const char *path) {
  FILE *f = fopen(path, "r");
  struct buf text = {0};
  char part[4096];
  for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;)
    assert_int_equal(buf_append(&text, part, n), 0);
  if (f)
    fclose(f);
  assert_int_equal(buf_append_byte(&text, '\0'), 0);
  return (char *)text.data;
}

static inline void golden_write(const char *path, const struct buf *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(text->data, 1, text->len, f), text->len);
  assert_int_equal(fclose(f), 0);
}

/* Compares, and releases `text`. */
static inline void golden(const char *name, struct buf *text) {
  const char *top = getenv("SANDBOX_SOURCE");
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/unit/golden/%s.txt", top ? top : ".", name);
  if (getenv("GOLDEN_WRITE")) {
    golden_write(path, text);
  } else {
    char *wanted = golden_read(path);
    assert_int_equal(buf_append_byte(text, '\0'), 0);
    if (strcmp(wanted, (const char *)text->data) != 0)
      fail_msg("%s differs. Wanted:\n%s\nGot:\n%s", path, wanted, (const char *)text->data);
    free(wanted);
  }
  buf_release(text);
}

#endif
