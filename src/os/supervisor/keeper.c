/* os/supervisor/keeper.c - the descriptors of exported queues; see supervisor_internal.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "os/shared/names.h"
#include "os/shared/results.h"
#include "os/supervisor/supervisor_internal.h"

/* Nobody tells that a holder was killed: so there is a look now and then as long as anything is
 * kept, and soon after a handle was exported or let go. */
enum { SWEEP_LEAST = 64, SOON_NS = 50 * 1000 * 1000, SELDOM_NS = 1000 * 1000 * 1000 };

static struct kept *find(struct keeper *k, uint32_t slot, uint64_t serial) {
  for (uint32_t i = 0; i < k->count; i++)
    if (k->list[i].slot == slot && k->list[i].serial == serial)
      return &k->list[i];
  return NULL;
}

/*
 * Does anybody still need it? What was stored a sweep has looked for, and given up its record; of
 * the others it is enough that nobody holds them.
 */
static bool needed(const struct keeper *k, const struct kept *q) {
  const struct control *c = k->b->control;
  return atomic_load(&c->object_stamp[q->slot]) == stamp_of(q->serial, OBJECT_LIVE) &&
         !control_object_unused(c, q->slot);
}

static void close_kept(const struct kept *q) {
  for (int i = 0; i < QUEUE_FDS; i++)
    if (q->fds[i] >= 0)
      close(q->fds[i]);
}

static void forget(struct keeper *k, struct kept *q) {
  control_object_free(k->b->control, q->slot, q->serial);
  close_kept(q);
  *q = k->list[--k->count];
}

static void sweep(struct keeper *k) {
  names_sweep(k->b);
  for (uint32_t i = k->count; i-- > 0;)
    if (!needed(k, &k->list[i]))
      forget(k, &k->list[i]);
  k->sweep_at = 2 * k->count < SWEEP_LEAST ? SWEEP_LEAST : 2 * k->count;
  k->busy = false;
  k->look_at_ns = k->count > 0 ? clock_now_ns() + SELDOM_NS : SBX_FOREVER;
}

/* Something may have become garbage: look soon. */
static void stir(struct keeper *k) {
  if (!k->busy)
    k->look_at_ns = clock_now_ns() + SOON_NS;
  k->busy = true;
}

/*
 * A run could otherwise have so many queues kept that the supervisor can open nothing: then it could not read in /proc what
 * the processes use up, and their limits would not hold.
 */
static int fd_end(void) {
  enum { RESERVED = 64, SHARE = 4 };
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT_MAX)
    return INT_MAX;
  int most = (int)limit.rlim_cur;
  return most - (most / SHARE < RESERVED ? most / SHARE : RESERVED);
}

void keeper_begin(struct keeper *k, struct os_backend *b) {
  *k = (struct keeper){
      .b = b, .sweep_at = SWEEP_LEAST, .look_at_ns = SBX_FOREVER, .fd_end = fd_end()};
}

void keeper_look(struct keeper *k) {
  if (clock_now_ns() >= k->look_at_ns)
    sweep(k);
}

void keeper_make_room(struct keeper *k) {
  results_relieve(k->b);
  sweep(k);
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

/* The kernel gives the lowest number that is free. */
static bool has_room(const struct keeper *k, const int *fds) {
  for (int i = 0; i < QUEUE_FDS; i++)
    if (fds[i] >= k->fd_end)
      return false;
  return true;
}

bool keeper_serve(struct keeper *k, const struct broker_message *m, int *fds) {
  struct kept *q = find(k, m->slot, m->serial);
  bool room = true;
  switch (m->kind) {
  case BROKER_EXPORT:
    stir(k);
    if (!(room = has_room(k, fds)))
      break;
    answer(m, fds[BROKER_REPLY], keep(k, m, fds), NULL);
    break;
  case BROKER_IMPORT:
    answer(m, fds[BROKER_REPLY], q ? 0 : -SBX_EGONE, q ? q->fds : NULL);
    break;
  case BROKER_RELEASE:
    if (q && !needed(k, q))
      forget(k, q);
    else
      stir(k);
    break;
  default:
    break;
  }
  broker_close_fds(fds);
  return room;
}

void keeper_release(struct keeper *k) {
  while (k->count > 0)
    close_kept(&k->list[--k->count]);
  free(k->list);
  k->list = NULL;
}
