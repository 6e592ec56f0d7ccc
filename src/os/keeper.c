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

static void close_kept(const struct kept *q) {
  for (int i = 0; i < QUEUE_FDS; i++)
    if (q->fds[i] >= 0)
      close(q->fds[i]);
}

static void forget(struct keeper *k, struct kept *q) {
  control_object_free(k->control, q->slot, q->serial);
  close_kept(q);
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

/* Takes the queue's descriptors. 0 or -SBX_ENOMEM. */
static int keep(struct keeper *k, const struct broker_message *m, int *fds) {
  if (find(k, m->slot, m->serial))
    return 0; /* exported twice */
  if (!make_room(k))
    return -SBX_ENOMEM;
  struct kept *q = &k->list[k->count++];
  *q = (struct kept){.slot = m->slot, .serial = m->serial};
  memcpy(q->fds, fds, sizeof q->fds);
  for (int i = 0; i < QUEUE_FDS; i++)
    fds[i] = -1;
  return 0;
}

/* An asker that died meanwhile is no concern. */
static void answer(const struct broker_message *m, int reply, int code, const int *fds) {
  struct broker_message a = {.kind = m->kind, .slot = m->slot, .serial = m->serial, .code = code};
  broker_send(reply, &a, fds, fds ? QUEUE_FDS : 0);
}

void keeper_serve(struct keeper *k, const struct broker_message *m, int *fds) {
  struct kept *q = find(k, m->slot, m->serial);
  switch (m->kind) {
  case BROKER_EXPORT:
    answer(m, fds[BROKER_REPLY], keep(k, m, fds), NULL);
    break;
  case BROKER_IMPORT:
    answer(m, fds[BROKER_REPLY], q ? 0 : -SBX_EGONE, q ? q->fds : NULL);
    break;
  case BROKER_RELEASE:
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
    close_kept(&k->list[--k->count]);
  free(k->list);
  k->list = NULL;
}
