/* os/keeper.c - the descriptors of exported queues; see supervisor_internal.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "os/supervisor_internal.h"

enum { SWEEP_LEAST = 64 };

static struct kept *find(struct keeper *k, uint32_t slot, uint64_t serial) {
  for (uint32_t i = 0; i < k->count; i++)
    if (k->list[i].slot == slot && k->list[i].serial == serial)
      return &k->list[i];
  return NULL;
}

/* Does anybody still need it? A process may hold it, a message may name it. */
static bool needed(const struct keeper *k, const struct kept *q) {
  uint64_t stamp = atomic_load(&k->control->object_stamp[q->slot]);
  return stamp == stamp_of(q->serial, OBJECT_LIVE) && !control_object_unused(k->control, q->slot);
}

static void forget(struct keeper *k, struct kept *q) {
  uint64_t stamp = stamp_of(q->serial, OBJECT_LIVE);
  atomic_compare_exchange_strong(&k->control->object_stamp[q->slot], &stamp,
                                 stamp_of(q->serial, OBJECT_FREE));
  broker_close_fds(q->fds);
  *q = k->list[--k->count];
}

static void sweep(struct keeper *k) {
  for (uint32_t i = k->count; i-- > 0;)
    if (!needed(k, &k->list[i]))
      forget(k, &k->list[i]);
  k->sweep_at = 2 * k->count < SWEEP_LEAST ? SWEEP_LEAST : 2 * k->count;
}

static bool make_room(struct keeper *k) {
  if (k->count >= k->sweep_at)
    sweep(k);
  if (k->count < k->cap)
    return true;
  uint32_t cap = k->cap ? 2 * k->cap : SWEEP_LEAST;
  struct kept *grown = realloc(k->list, cap * sizeof *grown);
  if (!grown)
    return false;
  k->list = grown;
  k->cap = cap;
  return true;
}

static void keep(struct keeper *k, const struct broker_message *m, const int *fds) {
  if (find(k, m->slot, m->serial) || !make_room(k)) {
    broker_close_fds(fds); /* exported twice; or no memory: an import will say that it is gone */
    return;
  }
  struct kept *q = &k->list[k->count++];
  *q = (struct kept){.slot = m->slot, .serial = m->serial};
  memcpy(q->fds, fds, sizeof q->fds);
}

static void answer(struct keeper *k, const struct broker_message *m, int reply) {
  const struct kept *q = find(k, m->slot, m->serial);
  struct broker_message a = {.kind = BROKER_IMPORT, .slot = m->slot, .serial = m->serial};
  a.code = q ? 0 : -SBX_EGONE;
  broker_send(reply, &a, q ? q->fds : NULL,
              q ? BROKER_FDS_MAX : 0); /* an asker that died is no concern */
}

void keeper_serve(struct keeper *k, const struct broker_message *m, int *fds) {
  struct kept *q;
  switch (m->kind) {
  case BROKER_EXPORT:
    keep(k, m, fds);
    return;
  case BROKER_IMPORT:
    if (fds[0] >= 0)
      answer(k, m, fds[0]);
    break;
  case BROKER_RELEASE:
    q = find(k, m->slot, m->serial);
    if (q && !needed(k, q))
      forget(k, q);
    break;
  default:
    break;
  }
  broker_close_fds(fds);
}

void keeper_release(struct keeper *k) {
  while (k->count > 0)
    broker_close_fds(k->list[--k->count].fds);
  free(k->list);
  k->list = NULL;
}
