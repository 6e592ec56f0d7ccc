/* base/buf.c - a growable array of bytes; see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"

int buf_reserve(struct buf *b, size_t extra) {
  if (extra <= b->cap - b->len)
    return 0;
  if (extra > SIZE_MAX / 2 - b->len)
    return -SBX_ENOMEM;
  size_t cap = b->cap       ? b->cap
               : extra < 64 ? 64
                            : extra; /* a first request is often the only one */
  while (cap - b->len < extra)
    cap *= 2;
  uint8_t *data = FAULT("buf.alloc") ? NULL : memory_resize(b->data, b->cap, cap);
  if (!data)
    return -SBX_ENOMEM;
  b->data = data;
  b->cap = cap;
  return 0;
}

int buf_append(struct buf *b, const void *data, size_t len) {
  if (len == 0)
    return 0;
  int rc = buf_reserve(b, len);
  if (rc)
    return rc;
  memcpy(b->data + b->len, data, len);
  b->len += len;
  return 0;
}

int buf_append_byte(struct buf *b, uint8_t byte) {
  if (b->len == b->cap) {
    int rc = buf_reserve(b, 1);
    if (rc)
      return rc;
  }
  b->data[b->len++] = byte;
  return 0;
}

int buf_format(struct buf *b, const char *format, ...) {
  char small[256];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(small, sizeof small, format, args);
  va_end(args);
  if (len < 0)
    return -SBX_ENOMEM;
  if ((size_t)len < sizeof small)
    return buf_append(b, small, (size_t)len);
  int rc = buf_reserve(b, (size_t)len + 1);
  if (rc)
    return rc;
  va_start(args, format);
  vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, args);
  va_end(args);
  b->len += (size_t)len;
  return 0;
}

void buf_clear(struct buf *b, size_t keep) {
  b->len = 0;
  if (b->cap > keep)
    buf_release(b);
}

void buf_release(struct buf *b) {
  memory_drop(b->data, b->cap);
  *b = (struct buf){0};
}
