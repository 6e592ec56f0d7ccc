/*
 * wire/wire.h - the bytes of a message: tags, numbers, and a writer and a reader that cannot run
 * past their ends.
 *
 * Includes base only; what a tag means for Lua is defined by lua/codec/encode.c and
 * lua/codec/decode.c.
 *
 *   message  = format byte, count (varint), `count` cells; in a graph, the bodies of all tables and
 *              functions follow, in order of first mention; in a list a RUN counts as many cells
 *   cell     = tag byte, and what enum wire_tag says
 *   body     = of a table:    [METATABLE cell] cell* END (cell cell)* END
 *                             the elements 1, 2, ..., then the other pairs
 *              of a function: (cell | JOIN ...)* END
 *                             its upvalues
 *
 * Tables, functions, handles and values sent by name are objects. The first mention of an object is
 * a cell of its own kind and gives it the next number (from 0); later mentions are REF. So bodies
 * are never nested, and a reader needs no stack. Numbers of fixed width are little-endian.
 */
#ifndef SBX_WIRE_WIRE_H
#define SBX_WIRE_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

/* The first byte of a message; another version of the format will use other numbers. */
enum wire_format {
  FORMAT_FLAT = 0x10, /* no objects, no bodies: the fast one */
  FORMAT_GRAPH = 0x11,
  FORMAT_LIST = 0x12 /* no objects; used where both sides know that the message is a list */
};

enum wire_tag {
  TAG_END = 0x00, /* of elements, of pairs, of upvalues; never a value */
  TAG_NIL = 0x01,
  TAG_FALSE = 0x02,
  TAG_TRUE = 0x03,
  TAG_NULL = 0x04,
  TAG_INTEGER = 0x05,  /* zigzag varint */
  TAG_FLOAT = 0x06,    /* 8 bytes, IEEE 754 */
  TAG_STRING = 0x07,   /* varint length, bytes */
  TAG_REF = 0x08,      /* varint number of an object mentioned before */
  TAG_TABLE = 0x09,    /* hint of elements, hint of pairs (wire_hint); a body follows later */
  TAG_FUNCTION = 0x0a, /* u64 SipHash of the bytecode, u32 length, bytecode; a body follows later */
  TAG_HANDLE = 0x0b,   /* WIRE_HANDLE_BYTES bytes, opaque here */
  TAG_MODULE = 0x0c,   /* varint length, name: a loaded module, or "_G" */
  TAG_FIELD = 0x0d,    /* module as above, varint length, key: a field of that module */
  TAG_METATABLE = 0x0e, /* first in a table's body: the metatable's cell follows */
  TAG_JOIN = 0x0f,      /* varint number of a function, varint n: share its n-th upvalue (from 1) */
  TAG_RUN = 0x10,       /* n - 1, width in bytes (1, 2, 4, 8), n integers, two's complement */
  TAG_SHORT = 0x40,     /* 0x40 + length: a string of fewer than 64 bytes */
  TAG_SMALL = 0x80      /* 0x80 + n: the integer 0 <= n < 128 */
};

enum {
  WIRE_HANDLE_BYTES = 16,
  WIRE_VARINT_MAX = 10, /* bytes of the longest varint */
  WIRE_SHORT_LIMIT = 64,
  WIRE_SMALL_LIMIT = 128,
  WIRE_RUN_MAX = 64 /* the most that a writer puts into a run; a reader accepts 256 */
};

/* ---- sizes of tables, as hints of one byte ---- */

/* A byte that stands for `n` or up to an eighth more; exact below 16. */
uint8_t wire_hint(size_t n);

/* The number that a hint stands for: at least the original `n`, unless that was beyond 2^33. */
size_t wire_hint_size(uint8_t hint);

/*
 * The most that wire_hint_size(elements) + 2 * wire_hint_size(pairs) can sum up to over all tables
 * of an honest message of `len` bytes, since an element takes at least one byte and a pair two. A
 * reader that enforces it allocates in proportion to the bytes received, whatever they claim.
 */
size_t wire_hint_budget(size_t len);

/* ---- writing ---- */

/*
 * A writer appends to a buffer, but changes the buffer's `len` only in writer_finish: an exit in
 * between, even by longjmp, leaves the buffer's contents unchanged. Relies on buf_reserve to keep
 * all allocated bytes, also those beyond `len`.
 */
struct writer {
  struct buf *out; /* borrowed */
  uint8_t *at;     /* where the next byte goes */
  uint8_t *end;    /* end of the allocation */
};

/* Start after the contents of `out`. 0 or -SBX_ENOMEM. */
int writer_start(struct writer *w, struct buf *out);

/* The slow part of writer_need. 0, or -SBX_ENOMEM with the writer unchanged. */
int writer_grow(struct writer *w, size_t extra);

/* Make room for `n` bytes, which the put_ functions below assume. 0 or -SBX_ENOMEM. */
static inline int writer_need(struct writer *w, size_t n) {
  return (size_t)(w->end - w->at) >= n ? 0 : writer_grow(w, n);
}

/* Bytes written since writer_start: the offset of the next byte. */
static inline size_t writer_used(const struct writer *w) {
  return (size_t)(w->at - (w->out->data + w->out->len));
}

/* The byte at an offset already written; valid until the next writer_need. */
static inline uint8_t *writer_byte(const struct writer *w, size_t offset) {
  return w->out->data + w->out->len + offset;
}

/* Forget what was written. */
static inline void writer_rewind(struct writer *w) { w->at = w->out->data + w->out->len; }

/* Make what was written part of the buffer. */
static inline void writer_finish(struct writer *w) { w->out->len += writer_used(w); }

static inline void put_byte(struct writer *w, uint8_t byte) { *w->at++ = byte; }

static inline void put_bytes(struct writer *w, const void *data, size_t len) {
  memcpy(w->at, data, len);
  w->at += len;
}

/* 7 bits per byte, lowest first, the top bit set in all but the last byte. */
static inline void put_varint(struct writer *w, uint64_t v) {
  while (v >= 0x80) {
    *w->at++ = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  *w->at++ = (uint8_t)v;
}

/* Store the low `bytes` bytes of v, lowest first. */
static inline void store_fixed(uint8_t *to, uint64_t v, int bytes) {
  v = htole64(v);
  memcpy(to, &v, (size_t)bytes);
}

/* Load a number of `bytes` (1..8) bytes. */
static inline uint64_t load_fixed(const uint8_t *from, int bytes) {
  uint64_t v = 0;
  memcpy(&v, from, (size_t)bytes);
  return le64toh(v);
}

static inline void put_fixed(struct writer *w, uint64_t v, int bytes) {
  store_fixed(w->at, v, bytes);
  w->at += bytes;
}

/* Map small magnitudes to small numbers: 0, -1, 1, -2, ... to 0, 1, 2, 3, ... */
static inline uint64_t zigzag(int64_t v) { return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63); }

/* One integer, as its cell: at most 1 + WIRE_VARINT_MAX bytes. */
static inline void put_integer(struct writer *w, int64_t v) {
  if (v >= 0 && v < WIRE_SMALL_LIMIT) {
    put_byte(w, (uint8_t)(TAG_SMALL + v));
  } else {
    put_byte(w, TAG_INTEGER);
    put_varint(w, zigzag(v));
  }
}

static inline void put_float(struct writer *w, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  put_byte(w, TAG_FLOAT);
  put_fixed(w, bits, sizeof bits);
}

/* The part of a string's cell before its bytes. */
static inline void put_string_head(struct writer *w, size_t len) {
  if (len < WIRE_SHORT_LIMIT) {
    put_byte(w, (uint8_t)(TAG_SHORT + len));
  } else {
    put_byte(w, TAG_STRING);
    put_varint(w, len);
  }
}

/* The bytes of a short string, where most are shorter than a call of memcpy is worth. */
static inline void copy_short(uint8_t *to, const char *from, size_t len) {
  if (len > 16) {
    memcpy(to, from, len);
  } else if (len >= 8) { /* the first and the last eight; they overlap */
    memcpy(to, from, 8);
    memcpy(to + len - 8, from + len - 8, 8);
  } else if (len >= 4) {
    memcpy(to, from, 4);
    memcpy(to + len - 4, from + len - 4, 4);
  } else if (len > 0) {
    to[0] = (uint8_t)from[0];
    to[len / 2] = (uint8_t)from[len / 2];
    to[len - 1] = (uint8_t)from[len - 1];
  }
}

/* The cell of a string of fewer than WIRE_SHORT_LIMIT bytes. */
static inline void put_short_string(struct writer *w, const char *s, size_t len) {
  uint8_t *at = w->at;
  *at++ = (uint8_t)(TAG_SHORT + len);
  copy_short(at, s, len);
  w->at = at + len;
}

/* The bits that an integer needs, apart from the sign. */
static inline uint64_t needed_bits(int64_t v) { return (uint64_t)(v ^ (v >> 63)); }

/* A run of 1 to WIRE_RUN_MAX integers, which need these bits, taken together: at most 3 + 8 * n bytes. */
void put_run(struct writer *w, const int64_t *v, size_t n, uint64_t bits);

/* ---- reading ---- */

/*
 * Reads any bytes at all. The take_ functions return false, and take nothing, when the bytes do not
 * suffice.
 */
struct reader {
  const uint8_t *start; /* borrowed */
  const uint8_t *at;    /* the next byte */
  const uint8_t *end;
};

static inline struct reader reader_of(const void *data, size_t len) {
  static const uint8_t nothing[1]; /* for NULL, on which pointer arithmetic is undefined */
  const uint8_t *p = data ? data : nothing;
  return (struct reader){.start = p, .at = p, .end = p + len};
}

static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->at); }

static inline bool take_byte(struct reader *r, uint8_t *ret) {
  if (r->at == r->end)
    return false;
  *ret = *r->at++;
  return true;
}

/* `*ret` points into the reader's data. */
static inline bool take_bytes(struct reader *r, uint64_t len, const uint8_t **ret) {
  if (len > reader_left(r))
    return false;
  *ret = r->at;
  r->at += len;
  return true;
}

/* Also false for a number that does not fit into 64 bits. */
static inline bool take_varint(struct reader *r, uint64_t *ret) {
  uint64_t v = 0;
  const uint8_t *p = r->at;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (p == r->end)
      return false;
    uint8_t byte = *p++;
    if (shift == 63 && byte > 1)
      return false;
    v |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      r->at = p;
      *ret = v;
      return true;
    }
  }
  return false;
}

/* A varint length and as many bytes; `*ret` points into the reader's data. */
bool take_string(struct reader *r, const uint8_t **ret, size_t *ret_len);

/* A number of `bytes` (1..8) bytes, the lowest first. */
static inline bool take_fixed(struct reader *r, int bytes, uint64_t *ret) {
  const uint8_t *p;
  if (!take_bytes(r, (uint64_t)bytes, &p))
    return false;
  *ret = load_fixed(p, bytes);
  return true;
}

/* The rest of a run, after its tag. `*ret_data` points into the reader's data. Also false for an
 * invalid width. */
bool take_run(struct reader *r, size_t *ret_n, int *ret_width, const uint8_t **ret_data);

/* An integer of `width` bytes (1, 2, 4, 8), as found in a run. */
static inline int64_t run_integer(const uint8_t *from, int width) {
  switch (width) {
  case 1:
    return (int8_t)*from;
  case 2:
    return (int16_t)load_fixed(from, 2);
  case 4:
    return (int32_t)load_fixed(from, 4);
  default:
    return (int64_t)load_fixed(from, 8);
  }
}

static inline int64_t unzigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }

#endif
