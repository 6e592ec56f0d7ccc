/* wire/wire.c - the parts of the wire format that are not worth inlining; see wire.h. */
#include "wire/wire.h"

#include "base/error.h"

/*
 * A hint is a floating-point number in a byte: below 16 it is the number itself; from there on, 16
 * + 8 * (exponent - 1) + (mantissa - 8) stands for mantissa << exponent, mantissa 8..15.
 */
enum { HINT_EXACT = 16, HINT_STEPS = 8, HINT_MAX = 255 };

uint8_t wire_hint(size_t n) {
  if (n < HINT_EXACT)
    return (uint8_t)n;
  unsigned exponent = 1;
  size_t mantissa = n / 2 + (n & 1); /* rounding up each half rounds the result up once */
  while (mantissa >= 2 * HINT_STEPS) {
    mantissa = mantissa / 2 + (mantissa & 1);
    exponent++;
  }
  size_t hint = HINT_EXACT + HINT_STEPS * (exponent - 1) + (mantissa - HINT_STEPS);
  return hint > HINT_MAX ? HINT_MAX : (uint8_t)hint;
}

size_t wire_hint_size(uint8_t hint) {
  if (hint < HINT_EXACT)
    return hint;
  unsigned over = hint - HINT_EXACT;
  return (size_t)(HINT_STEPS + over % HINT_STEPS) << (over / HINT_STEPS + 1);
}

size_t wire_hint_budget(size_t len) { return len + len / 8 + 1; }

int writer_start(struct writer *w, struct buf *out) {
  enum {
    FIRST_ROOM = 64
  }; /* also makes `data` a real pointer, so that pointer arithmetic on it is defined */
  int rc = buf_reserve(out, FIRST_ROOM);
  if (rc)
    return rc;
  *w = (struct writer){.out = out, .at = out->data + out->len, .end = out->data + out->cap};
  return 0;
}

int writer_grow(struct writer *w, size_t extra) {
  size_t used = writer_used(w);
  if (extra > SIZE_MAX - used)
    return -SBX_ENOMEM;
  int rc = buf_reserve(w->out, used + extra);
  if (rc)
    return rc;
  w->at = w->out->data + w->out->len + used;
  w->end = w->out->data + w->out->cap;
  return 0;
}

bool take_string(struct reader *r, const uint8_t **ret, size_t *ret_len) {
  struct reader ahead = *r;
  uint64_t len;
  if (!take_varint(&ahead, &len) || !take_bytes(&ahead, len, ret))
    return false;
  *ret_len = (size_t)len;
  *r = ahead;
  return true;
}

/* ---- runs ---- */

static inline void put_run_of(struct writer *w, const int64_t *v, size_t n, int width) {
  uint8_t *at = w->at;
  for (size_t i = 0; i < n; i++, at += width)
    store_fixed(at, (uint64_t)v[i], width);
  w->at = at;
}

void put_run(struct writer *w, const int64_t *v, size_t n, uint64_t bits) {
  int width = bits < 0x80 ? 1 : bits < 0x8000 ? 2 : bits < 0x80000000 ? 4 : 8;
  put_byte(w, TAG_RUN);
  put_byte(w, (uint8_t)(n - 1));
  put_byte(w, (uint8_t)width);
  switch (width) { /* constant widths let the compiler use a faster store */
  case 1:
    put_run_of(w, v, n, 1);
    break;
  case 2:
    put_run_of(w, v, n, 2);
    break;
  case 4:
    put_run_of(w, v, n, 4);
    break;
  default:
    put_run_of(w, v, n, 8);
  }
}

bool take_run(struct reader *r, size_t *ret_n, int *ret_width, const uint8_t **ret_data) {
  struct reader at = *r;
  uint8_t last, width;
  if (!take_byte(&at, &last) || !take_byte(&at, &width) ||
      (width != 1 && width != 2 && width != 4 && width != 8) ||
      !take_bytes(&at, ((uint64_t)last + 1) * width, ret_data))
    return false;
  *r = at;
  *ret_n = (size_t)last + 1;
  *ret_width = width;
  return true;
}
