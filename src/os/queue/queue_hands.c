/* os/queue/queue_hands.c - queues with redeliver: what is in hands, and what comes back; the steps H of queue.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/pidfd.h"
#include "object/sync.h"
#include "os/queue/queue_internal.h"
#include "os/shared/line.h"

/* Shared. The copy that is current is that of the generation of get's side; its holder writes the other. */
struct hands_table {
  struct queue_hand copies[2][HANDS_MOST];
};

/* -- the table ----------------------------------------------------------------------------------- */

int queue_hands_map(struct queue *q, bool fresh) {
  int fd = q->fds[FD_HANDS];
  int rc = fresh ? posix_fallocate(fd, 0, sizeof *q->hands)
                 : 0; /* a page that cannot be had would be a SIGBUS */
  if (rc)
    return error_call("posix_fallocate", rc);
  void *map = mmap(NULL, sizeof *q->hands, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED)
    return error_call("mmap", errno);
  q->hands = map;
  return 0;
}

void queue_hands_unmap(struct queue *q) {
  if (q->hands)
    munmap(q->hands, sizeof *q->hands);
  q->hands = NULL;
}

/* -- the line of readers that sleep ---------------------------------------------------------------- */

static struct line *sleepers_of(const struct os_backend *b, const struct queue *q) {
  return &b->control->syncs[q->slot].second;
}

/* H4, of the process that is going to have something in hand. */
static void tell_sleepers(const struct os_backend *b, const struct queue *q) {
  struct line *l = sleepers_of(b, q);
  if (atomic_load(&l->end) == 0 || atomic_load(&l->told))
    return;
  line_wake(b, l, UINT64_MAX, 0);
  atomic_store(&l->told, 1);
}

/* -- changes ------------------------------------------------------------------------------------- */

/* The state that is being made. */
struct change {
  struct os_backend *b;
  struct queue *q;
  struct queue_record *r;
  struct queue_hands hands; /* its list is the copy that is not current */
  struct queue_state state;
  uint64_t next; /* GET_NEXT */
  uint64_t me;
  struct queue_ask ask; /* of GETs and PEEKs: what is known of the list */
  uint32_t back;        /* likewise: the place of the oldest that came back */
};

static struct queue_hands current(const struct queue *q, const struct queue_record *r) {
  uint64_t g = atomic_load_explicit(&r->get.generation, memory_order_relaxed);
  return (struct queue_hands){.list = q->hands->copies[g & 1],
                              .count = (uint32_t)side_own(&r->get)[GET_HANDS]};
}

/* Holder of get. */
static struct change begin(struct os_backend *b, struct queue *q) {
  struct queue_record *r = record_of(b, q);
  uint64_t g = atomic_load_explicit(&r->get.generation, memory_order_relaxed);
  const struct queue_hands now = current(q, r);
  struct change c = {.b = b,
                     .q = q,
                     .r = r,
                     .hands = {.list = q->hands->copies[(g + 1) & 1], .count = now.count},
                     .state = queue_look(r, -1, NULL),
                     .next = side_own(&r->get)[GET_NEXT],
                     .me = who_of(b->slot, b->serial)};
  memcpy(c.hands.list, now.list, now.count * sizeof *now.list);
  return c;
}

/* The last item with handles between the oldest entry so far and `end`; 0: none. */
static uint64_t last_carried(const struct change *c, uint64_t end) {
  const struct log_ring *log = &c->q->log;
  uint64_t put[SIDE_SHOWN], number = 0;
  if (atomic_load(&c->r->carry_done) == atomic_load(&c->r->carry_gone))
    return 0;
  side_read(&c->r->put, put);
  uint64_t at = log_first(side_shown(&c->r->get)[GET_HEAD], put[PUT_BASE]);
  while (at < end) {
    uint64_t len = log_front(log, &at);
    if (at < end && log_is_marked(log, at))
      number = carry_number(log_item(log, at), len);
    at = log_after(at, len);
  }
  return number;
}

static void commit(struct change *c) {
  struct side *get = &c->r->get;
  const struct queue_state was = queue_look(c->r, -1, NULL);
  uint64_t head = c->hands.count ? c->hands.list[0].at : c->next;
  uint64_t carried = last_carried(c, head);
  if (c->state.got < was.got || queue_is_over(&c->state))
    ring_readers(c->q, c->r);
  if (c->state.got > was.got)
    ring_writers(c->q, c->r);
  bool holds = hands_of(&c->hands, c->me) > 0;
  if (holds && c->q->holder != c->b->serial)
    tell_sleepers(c->b, c->q);
  FAULT("queue.hands.before-commit");
  uint64_t *shown = side_next_shown(get), *own = side_next_own(get);
  shown[GET_ITEMS] = c->state.got;
  shown[GET_HEAD] = head;
  shown[GET_DONE] = c->state.done;
  own[GET_HANDS] = c->hands.count;
  own[GET_NEXT] = c->next;
  side_commit(get);
  FAULT("queue.hands.after-commit");
  carry_gone(c->r, carried);
  c->q->holder = holds ? c->b->serial : 0;
  c->b->in_hand |= holds;
}

void queue_hands_touch(struct os_backend *b, struct queue *q) {
  struct change c = begin(b, q);
  commit(&c);
}

static bool is_gone(void *ctx, uint64_t who) {
  const struct os_backend *b = ctx;
  return process_gone(b->control, who, false);
}

/* Gone, even if its parent has not noticed yet. */
static bool is_dead(void *ctx, uint64_t who) {
  const struct os_backend *b = ctx;
  return process_gone(b->control, who, true);
}

/* H1, if there is anything to be done. */
static void settle_if(struct os_backend *b, struct queue *q,
                      bool (*gone)(void *ctx, uint64_t who)) {
  const struct queue_hands now = current(q, record_of(b, q));
  bool any = false;
  for (uint32_t i = 0; i < now.count && !any; i++)
    any = hands_is_new(&now, i) && gone(b, now.list[i].who);
  if (!any)
    return;
  struct change c = begin(b, q);
  queue_came_back(&c.state, hands_return_if(&c.hands, gone, b));
  commit(&c);
}

static void settle(struct os_backend *b, struct queue *q) { settle_if(b, q, is_gone); }

struct queue_hands queue_hands_now(struct os_backend *b, struct queue *q) {
  settle(b, q);
  return current(q, record_of(b, q));
}

/* How many items of the list are in the hands of processes that are gone. The list may change meanwhile. */
static uint64_t count_gone(const struct os_backend *b, const struct queue_hand *list,
                           uint64_t count) {
  uint64_t gone = 0;
  for (uint64_t i = 0; i < count && i < HANDS_MOST; i++) {
    uint64_t who = *(const volatile uint64_t *)&list[i].who;
    gone += who && process_gone(b->control, who, false);
  }
  return gone;
}

struct queue_state queue_hands_look(const struct os_backend *b, const struct queue *q) {
  const struct queue_record *r = record_of(b, q);
  uint64_t shown[SIDE_SHOWN], own[SIDE_OWN], g, gone;
  struct queue_state s;
  do { /* the state and the list of one generation: an item that another gives back meanwhile is in one of them */
    g = side_read_all(&r->get, shown, own);
    s = queue_look(r, -1, NULL);
    FAULT("queue.hands.look");
    gone = count_gone(b, q->hands->copies[g & 1], own[GET_HANDS]);
    atomic_thread_fence(memory_order_acquire);
  } while (g != atomic_load_explicit(&r->get.generation, memory_order_relaxed));
  queue_came_back(&s, gone);
  return s;
}

/* -- get ----------------------------------------------------------------------------------------- */

/* The item of the entry at `at`. 0, -SBX_ENOMEM, -SBX_EDATA. */
static int read_item(struct change *c, uint64_t at, uint64_t len, const struct op *op) {
  uint64_t number;
  if (buf_reserve(op->out, len))
    return -SBX_ENOMEM;
  log_read(&c->q->log, at, len, op->out);
  return log_is_marked(&c->q->log, at) ? carry_read(c->b, op->out, op->refs, len, &number) : 0;
}

static void look_for_oldest(struct change *c) {
  while (c->back < c->hands.count && c->hands.list[c->back].who)
    c->back++;
}

static void begin_gets(struct change *c, enum op_kind kind) {
  c->ask = (struct queue_ask){.kind = kind, .who = c->me};
  hands_tell(&c->hands, &c->ask);
  look_for_oldest(c);
}

/* The oldest that can be had is taken into hand. */
static void take(struct change *c, struct op *op, uint64_t at, uint64_t len) {
  op->abandoned = c->back < c->hands.count;
  if (op->abandoned) {
    hands_take(&c->hands, c->me);
  } else {
    hands_add(&c->hands, &(struct queue_hand){
                             .who = c->me, .number = c->state.done + c->hands.count + 1, .at = at});
    c->next = log_after(at, len);
  }
  op->item = c->hands.list[c->back++].number;
  look_for_oldest(c);
  c->ask.mine++;
  c->ask.older = false;
  c->ask.full = c->back == HANDS_MOST;
}

/* A GET, or PEEK, by the machine; without a commit. -SBX_ETIMEDOUT: it is not enabled. On failure nothing has changed. */
static int get(struct change *c, struct op *op) {
  struct queue_state next = c->state;
  uint64_t put[SIDE_SHOWN];
  c->ask.number = op->number;
  if (!queue_ask_enabled(&next, &c->ask))
    return -SBX_ETIMEDOUT;
  int rc = queue_ask_apply(&next, &c->ask);
  if (rc)
    return rc;
  side_read(&c->r->put, put);
  uint64_t at =
      c->back < c->hands.count ? c->hands.list[c->back].at : log_first(c->next, put[PUT_BASE]);
  uint64_t len = log_front(&c->q->log, &at);
  rc = read_item(c, at, len, op);
  if (rc || c->ask.kind == OP_QUEUE_PEEK)
    return rc;
  c->state = next;
  take(c, op, at, len);
  return 0;
}

int queue_hands_get(struct os_backend *b, struct queue *q, struct queue_record *r, struct op *op,
                    bool take) {
  uint64_t carried = atomic_load(&r->carry_done);
  settle(b, q);
  struct change c = begin(b, q);
  if (queue_len(&c.state) == 0 && c.hands.count == 0)
    carry_gone(r, carried); /* whichever process gave them up may have been killed over that */
  begin_gets(&c, take ? OP_QUEUE_GET : OP_QUEUE_PEEK);
  int rc = get(&c, op);
  if (rc == 0 && take)
    commit(&c);
  return rc;
}

/* -- given up ------------------------------------------------------------------------------------- */

/* Holder of get. */
static int give_up(struct change *c, int number) {
  struct queue_ask ask = {.kind = OP_QUEUE_TASK_DONE, .number = number, .who = c->me};
  hands_tell(&c->hands, &ask);
  uint64_t before = c->state.done;
  int rc = queue_ask_apply(&c->state, &ask);
  hands_remove_first(&c->hands, c->me, (uint32_t)(c->state.done - before));
  return rc;
}

int queue_hands_done(struct os_backend *b, struct queue *q, const struct op *op) {
  struct queue_record *r = record_of(b, q);
  if (op->number == QUEUE_DONE_ALL && q->holder != b->serial)
    return 0;
  int rc = lock_get(b, r, op);
  if (rc)
    return rc;
  settle(b, q);
  struct change c = begin(b, q);
  if (op->number == QUEUE_GIVE_BACK)
    queue_came_back(&c.state, hands_return(&c.hands, c.me));
  else
    rc = give_up(&c, op->number);
  if (rc == 0)
    commit(&c);
  unlock_get(r);
  return rc;
}

/* -- runs ----------------------------------------------------------------------------------------- */

/* One GET of a run. False: it cannot be done now. */
static bool get_next(struct change *c, struct op *op) {
  struct buf *taken = op->refs ? op->refs->taken : NULL;
  size_t had = op->out->len, held = taken ? taken->len : 0;
  if (get(c, op))
    return false;
  op->len = op->out->len - had;
  op->count = taken ? taken->len - held : 0;
  return true;
}

uint32_t queue_hands_run(struct os_backend *b, struct queue *q, struct op *ops, uint32_t count) {
  settle(b, q);
  struct change c = begin(b, q);
  uint32_t n = ops->kind == OP_QUEUE_TASK_DONE && give_up(&c, ops->number) == 0, gets = 0;
  begin_gets(&c, OP_QUEUE_GET);
  while (n + gets < count && ops[n + gets].kind == OP_QUEUE_GET && get_next(&c, &ops[n + gets]))
    gets++;
  if (n + gets > 0)
    commit(&c);
  atomic_fetch_add(&my_record(b)->items_in, gets);
  return n + gets;
}

/* -- waiting ------------------------------------------------------------------------------------- */

enum { TAKERS_WATCHED = 16, LOOK_AGAIN_NS = 50 * 1000 * 1000 };

/* H4, of a reader that has looked, and is going to sleep. */
static void line_up(struct os_backend *b, const struct queue *q, struct wait_set *w) {
  struct line *l = sleepers_of(b, q);
  if (line_find(b, l) == LINE_NOWHERE && line_join(b, l) == LINE_NOWHERE)
    wait_set_until(w, line_look_again_ns(l, LINE_NOWHERE, 0));
  atomic_store(&l->told, 0);
}

/* Those that have something in hand. How many; more than TAKERS_WATCHED are counted as one more. */
static uint32_t list_takers(const struct queue_hands *h, uint64_t takers[TAKERS_WATCHED]) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < h->count && count <= TAKERS_WATCHED; i++) {
    uint32_t known = 0;
    while (known < count && takers[known] != h->list[i].who)
      known++;
    if (known < count || !h->list[i].who)
      continue;
    if (count < TAKERS_WATCHED)
      takers[count] = h->list[i].who;
    count++;
  }
  return count;
}

static void watch_taker(const struct os_backend *b, uint64_t who, struct wait_set *w) {
  int fd = pidfd_open_of(b->control->processes[who_slot(who)].pid);
  if (fd >= 0)
    wait_set_add(w, fd, true);
  if (process_gone(b->control, who, false)) /* or the pid may be somebody else's by now */
    wait_set_until(w, 0);
  else if (fd < 0)
    wait_set_slice(w); /* there is no descriptor left */
}

int queue_hands_watch(struct os_backend *b, struct queue *q, const struct op *op,
                      struct wait_set *w) {
  struct queue_record *r = record_of(b, q);
  uint64_t takers[TAKERS_WATCHED];
  int rc = lock_get(b, r, op);
  if (rc)
    return rc;
  settle_if(b, q, is_dead); /* H3: then the bell has been rung */
  const struct queue_hands h = current(q, r);
  uint32_t count = list_takers(&h, takers);
  line_up(b, q, w);
  unlock_get(r);
  FAULT("queue.hands.watch");
  if (count > TAKERS_WATCHED) {
    count = TAKERS_WATCHED;
    wait_set_until(w, clock_now_ns() + LOOK_AGAIN_NS); /* H5 */
  }
  for (uint32_t i = 0; i < count; i++)
    watch_taker(b, takers[i], w);
  return 0;
}
