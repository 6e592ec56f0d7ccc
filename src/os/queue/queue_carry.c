/* os/queue/queue_carry.c - items that carry handles; see queue.h and names.h. */
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/queue/queue_internal.h"
#include "os/shared/hand.h"
#include "os/shared/names.h"

static uint64_t name_of(const struct queue *q) { return names_of_object(q->slot, q->serial); }

int carry_begin(struct os_backend *b, const struct queue *q, const struct op *op, struct op *ret,
                struct buf *space) {
  struct queue_record *r = record_of(b, q);
  const struct op_refs *refs = op->refs;
  struct carried end = {.number = atomic_load(&r->carry_begun) + 1, .count = refs->count};
  size_t bytes = refs->count * sizeof *refs->sent;
  if (buf_append(space, refs->sent, bytes) || buf_append(space, &end, sizeof end))
    return -SBX_ENOMEM;
  /* A writer that was killed has begun and not ended: its item counts as put, and as gone with the
   * next. */
  atomic_store(&r->carry_done, end.number - 1);
  atomic_store(&r->carry_begun, end.number);
  int rc = names_add_item(b->control, name_of(q), refs->sent, refs->count, end.number);
  if (rc) {
    atomic_store(&r->carry_begun, end.number - 1);
    return rc;
  }
  FAULT("queue.carry.named");
  *ret = *op;
  ret->more = space->data;
  ret->more_len = space->len;
  return 0;
}

void carry_end(struct os_backend *b, const struct queue *q, const struct op *op, int rc) {
  struct queue_record *r = record_of(b, q);
  uint64_t number = atomic_load(&r->carry_begun);
  if (rc) {
    names_take_back(b->control, name_of(q), op->refs->sent, op->refs->count, number);
    atomic_store(&r->carry_begun, number - 1);
  } else {
    atomic_store(&r->carry_done, number);
  }
}

static struct carried trailer_of(const uint8_t *item, size_t len) {
  struct carried end = {0};
  if (len >= sizeof end)
    memcpy(&end, item + len - sizeof end, sizeof end);
  return end;
}

uint64_t carry_number(const uint8_t *item, size_t len) { return trailer_of(item, len).number; }

int carry_read(struct os_backend *b, struct buf *out, const struct op_refs *refs, size_t len,
               uint64_t *ret_number) {
  const uint8_t *item = out->data + out->len - len;
  struct carried end = trailer_of(item, len);
  size_t bytes = (size_t)end.count * sizeof(struct object_ref);
  if (end.count > len / sizeof(struct object_ref) || bytes + sizeof end > len)
    return out->len -= len, -SBX_EDATA;
  const uint8_t *sent = item + len - sizeof end - bytes;
  *ret_number = end.number;
  if (refs && refs->taken && buf_append(refs->taken, sent, bytes))
    return out->len -= len, -SBX_ENOMEM;
  if (refs && refs->taken)
    hand_take(b, sent, (uint32_t)end.count);
  out->len -= bytes + sizeof end;
  return 0;
}
