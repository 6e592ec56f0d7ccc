/* look/trace/protobuf.c - see protobuf.h. */
#include "look/trace/protobuf.h"

#include "base/error.h"
#include "base/utf8.h"

/* -- writing --------------------------------------------------------------------------------- */

static void append(struct pb *w, const void *data, size_t len) {
  if (w->rc == 0)
    w->rc = buf_append(&w->b, data, len);
}

void pb_uint(struct pb *w, uint32_t field, uint64_t value) {
  uint8_t bytes[2 * PB_VARINT_MAX];
  append(w, bytes, (size_t)(pb_uint_at(bytes, field, value) - bytes));
}

void pb_double(struct pb *w, uint32_t field, double value) {
  uint8_t bytes[2 * PB_VARINT_MAX];
  append(w, bytes, (size_t)(pb_fixed64_at(bytes, field, pb_bits(value)) - bytes));
}

size_t pb_open(struct pb *w, uint32_t field) {
  uint8_t tag[PB_VARINT_MAX];
  append(w, tag, (size_t)(pb_tag_at(tag, field, PB_BYTES) - tag));
  return w->b.len;
}

/* The length goes before what was written: that is moved. */
void pb_close(struct pb *w, size_t opened) {
  uint8_t length[PB_VARINT_MAX];
  if (w->rc)
    return;
  size_t len = w->b.len - opened, bytes = (size_t)(pb_varint_at(length, len) - length);
  append(w, length, bytes);
  if (w->rc)
    return;
  memmove(w->b.data + opened + bytes, w->b.data + opened, len);
  memcpy(w->b.data + opened, length, bytes);
}

void pb_text(struct pb *w, uint32_t field, const char *text, size_t len) {
  size_t opened = pb_open(w, field), plain = 0, at = 0;
  for (size_t bytes; at < len; at += bytes) {
    uint32_t c;
    bytes = utf8_next(text + at, len - at, &c);
    plain += bytes;
    if (c != UTF8_BAD)
      continue;
    append(w, text + at + bytes - plain, plain - bytes);
    append(w, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
    plain = 0;
  }
  append(w, text + at - plain, plain);
  pb_close(w, opened);
}

/* -- reading --------------------------------------------------------------------------------- */

int pb_take_varint(struct pb_bytes *from, uint64_t *ret) {
  uint64_t value = 0;
  for (size_t i = 0; i < PB_VARINT_MAX && i < from->len; i++) {
    uint8_t byte = from->data[i];
    if (i == PB_VARINT_MAX - 1 && byte > 1)
      break;
    value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      from->data += i + 1;
      from->len -= i + 1;
      *ret = value;
      return 0;
    }
  }
  return -SBX_EDATA;
}

static int take_fixed(struct pb_bytes *from, size_t len, uint64_t *ret) {
  if (from->len < len)
    return -SBX_EDATA;
  *ret = 0;
  for (size_t i = 0; i < len; i++)
    *ret |= (uint64_t)from->data[i] << (8 * i);
  from->data += len;
  from->len -= len;
  return 0;
}

static int take_bytes(struct pb_bytes *from, struct pb_bytes *ret) {
  uint64_t len;
  if (pb_take_varint(from, &len) || len > from->len)
    return -SBX_EDATA;
  *ret = (struct pb_bytes){from->data, (size_t)len};
  from->data += len;
  from->len -= (size_t)len;
  return 0;
}

int pb_next(struct pb_bytes *from, struct pb_field *ret) {
  uint64_t tag;
  if (from->len == 0)
    return 0;
  if (pb_take_varint(from, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
    return -SBX_EDATA;
  *ret = (struct pb_field){.number = (uint32_t)(tag >> 3), .wire = (enum pb_wire)(tag & 7)};
  int rc = -SBX_EDATA;
  switch (ret->wire) {
  case PB_VARINT:
    rc = pb_take_varint(from, &ret->value);
    break;
  case PB_FIXED64:
    rc = take_fixed(from, 8, &ret->value);
    break;
  case PB_FIXED32:
    rc = take_fixed(from, 4, &ret->value);
    break;
  case PB_BYTES:
    rc = take_bytes(from, &ret->bytes);
    break;
  }
  return rc ? rc : 1;
}
