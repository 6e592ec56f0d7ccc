/*
 * look/trace/protobuf.h - the wire format of protocol buffers: fields are written and read.
 *
 * A message is a row of fields, each with its number and a value: a varint, 8 bytes, or bytes with
 * their length, which may be a message again. Source: protobuf.dev, "Encoding".
 */
#ifndef SBX_LOOK_TRACE_PROTOBUF_H
#define SBX_LOOK_TRACE_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

enum pb_wire { PB_VARINT, PB_FIXED64, PB_BYTES, PB_FIXED32 = 5 };
enum { PB_VARINT_MAX = 10 };

/* -- writing --------------------------------------------------------------------------------- */

/* Write a varint, of PB_VARINT_MAX bytes at most; returns where it ends. */
static inline uint8_t *pb_varint_at(uint8_t *at, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    *at++ = (uint8_t)(value | 0x80);
  *at++ = (uint8_t)value;
  return at;
}

static inline uint8_t *pb_tag_at(uint8_t *at, uint32_t field, enum pb_wire wire) {
  return pb_varint_at(at, (uint64_t)field << 3 | wire);
}

/* A field whose value is a varint; 15 bytes at most. */
static inline uint8_t *pb_uint_at(uint8_t *at, uint32_t field, uint64_t value) {
  return pb_varint_at(pb_tag_at(at, field, PB_VARINT), value);
}

static inline uint8_t *pb_fixed64_at(uint8_t *at, uint32_t field, uint64_t value) {
  at = pb_tag_at(at, field, PB_FIXED64);
  for (int i = 0; i < 64; i += 8)
    *at++ = (uint8_t)(value >> i);
  return at;
}

/* The bits of a double, as a fixed64. */
static inline uint64_t pb_bits(double d) {
  uint64_t bits;
  memcpy(&bits, &d, sizeof bits);
  return bits;
}

/* A message that is being written. The first failure stays in `rc`; what follows it is dropped. */
struct pb {
  struct buf b; /* owned */
  int rc;       /* 0, or -SBX_ENOMEM */
};

void pb_uint(struct pb *w, uint32_t field, uint64_t value);
void pb_double(struct pb *w, uint32_t field, double value);
/* A string. Each byte that is not UTF-8 becomes U+FFFD, since the format demands UTF-8. */
void pb_text(struct pb *w, uint32_t field, const char *text, size_t len);
/* A message within the message: what is written between the two calls. */
size_t pb_open(struct pb *w, uint32_t field);
void pb_close(struct pb *w, size_t opened);

/* -- reading --------------------------------------------------------------------------------- */

struct pb_bytes {
  const uint8_t *data;
  size_t len;
};

struct pb_field {
  uint32_t number;
  enum pb_wire wire;
  uint64_t value;        /* of a varint, or of fixed bytes */
  struct pb_bytes bytes; /* of PB_BYTES; borrowed */
};

/* Read a varint from the front of `from`. 0, or -SBX_EDATA if it does not end there or does not
 * fit. */
int pb_take_varint(struct pb_bytes *from, uint64_t *ret);

/* Read the next field from the front of `from`. Returns 1, 0 at the end, or -SBX_EDATA. */
int pb_next(struct pb_bytes *from, struct pb_field *ret);

static inline double pb_double_of(uint64_t bits) {
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

#endif
