/*
 * base/buf.h - a growable array of bytes.
 *
 * `struct buf b = {0};` is an empty buffer. buf_release accepts an empty or released one. Functions
 * that grow a buffer return 0 or -SBX_ENOMEM, and leave it unchanged on failure.
 */
#ifndef SBX_BASE_BUF_H
#define SBX_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
  uint8_t *data; /* owned */
  size_t len;    /* bytes in use */
  size_t cap;    /* bytes allocated */
};

/* Make room for `extra` more bytes after `len`. All bytes of the allocation are kept, also those
 * beyond `len`. */
int buf_reserve(struct buf *b, size_t extra);

/* Append `len` bytes of `data` (borrowed). */
int buf_append(struct buf *b, const void *data, size_t len);

/* Append one byte. */
int buf_append_byte(struct buf *b, uint8_t byte);

/* Append text as printf formats it, without a terminating zero. */
int buf_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empty the buffer, and free its memory if more than `keep` bytes are allocated. */
void buf_clear(struct buf *b, size_t keep);

/* Free the memory; the buffer is empty and usable afterwards. */
void buf_release(struct buf *b);

#endif
