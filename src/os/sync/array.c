/*
 * os/sync/array.c - arrays: numbers in an extent of the store, which each holder maps.
 *
 * The record is a synchronisation object's (sync.h), but the words of its machine never change: they
 * stand in the first copy for good, and are read without the monitor. An element is one atomic word.
 * Ops on one element take no lock and meet in no cache line but the element's; fill and copy, which are
 * one step each, shut them out.
 *
 *   the gate             a word of the record. OPEN; SHUT: a copy goes on, or a fill is about to;
 *                        FILLING: the elements are becoming ARRAY_FILL, and are in between
 *   process.touching     the array, as slot + 1, of which the process may be changing an element
 *
 * Steps
 *   A1  Get: if the gate is not FILLING, one load of the element.
 *   A2  Set, add, cas:
 *         a  touching becomes slot + 1
 *         b  if the gate is OPEN: one store, or one compare-and-swap, of the element: THE COMMIT
 *         c  touching becomes 0
 *       If the gate is not open, the process takes the monitor after c, and does b under it.
 *   A3  Copy and fill, holder of the monitor:
 *         a  the gate becomes SHUT
 *         b  wait for each process that touches the array, until it does not, or has ended
 *         c  copy: load all elements. Fill: store the number in ARRAY_FILL; the gate becomes FILLING:
 *            THE COMMIT; store all elements
 *         d  the gate becomes OPEN
 *   A4  A holder of the monitor that finds the gate not open: the holder before it was killed. It does
 *       c (if the gate is FILLING, the stores) and d of A3 for it.
 *
 * Why it holds
 *   Exclusion. The stores of A2a and A3a, and the loads that follow, are sequentially consistent: either
 *              the process of A2 sees the gate shut, or that of A3 sees it touch. So between A3b and A3d
 *              no element changes but by c.
 *   Gets.      A get that began before FILLING may load an element that is filled already, or one that
 *              is not yet: then it is behind, or before, the first store of the fill. A get that begins
 *              later waits for the monitor, and so for the end of the fill.
 *   Kills.     In A2 a change is one store, and a process that has ended touches nothing (A3b). In A3
 *              the fill has not begun before the commit; after it, the next that needs the monitor
 *              completes it, and until then every get does need it.
 *   Order.     All accesses to elements are sequentially consistent, as an explorer has them: Peterson's
 *              and Dekker's algorithms work.
 */
#include "os/sync/array.h"

#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/fault.h"
#include "object/array.h"
#include "os/shared/line.h"
#include "os/shared/wait.h"
#include "os/sync/sync_internal.h"

/* Its words behind the machine's, in the first copy. */
enum array_storage_word {
  ARRAY_BYTES = SYNC_WORDS, /* of the extent; written after its offset. 0: there is none */
  ARRAY_OFFSET,
  ARRAY_GATE, /* enum gate */
  ARRAY_FILL, /* bits of a number; holder of the monitor, before FILLING */
  ARRAY_STORAGE_END
};
static_assert((int)ARRAY_STORAGE_END <= (int)RECORD_WORDS, "the words have room");

enum gate { GATE_OPEN, GATE_SHUT, GATE_FILLING };

enum { LOOKS_AWAKE = 200, NAP_NS = 200 * 1000 };

typedef _Atomic uint64_t element;

static element *word_of(struct sync_record *r, int which) { return (element *)&r->state[0][which]; }

/* An op under way. */
struct array_call {
  struct os_backend *b;
  struct op *op;
  struct sync_record *r;
  const uint64_t *words; /* the machine's */
  element *elements;
};

/* -- storing --------------------------------------------------------------------------------- */

static int map_elements(struct os_backend *b, uint32_t slot, element **ret) {
  struct sync_record *r = &b->control->syncs[slot];
  struct sync_hold *h = &b->holds[slot];
  if (!h->map) {
    h->mapped = (struct extent){.offset = atomic_load(word_of(r, ARRAY_OFFSET)),
                                .bytes = atomic_load(word_of(r, ARRAY_BYTES))};
    if (!(h->map = store_map(b, &h->mapped)))
      return -SBX_ENOMEM;
  }
  *ret = (element *)(void *)h->map;
  return 0;
}

int array_begin(struct os_backend *b, uint32_t slot, const struct sync_options *o) {
  struct sync_record *r = &b->control->syncs[slot];
  uint64_t bytes = array_bytes(o->count);
  struct extent e;
  element *elements;
  int rc = store_take(b, bytes, &e);
  if (rc)
    return rc;
  atomic_store(word_of(r, ARRAY_OFFSET), e.offset);
  atomic_store(word_of(r, ARRAY_BYTES), e.bytes);
  FAULT("array.taken");
  if ((rc = store_reserve(b, e.offset, e.bytes)) || (rc = map_elements(b, slot, &elements)))
    return rc;
  if (o->elements)
    memcpy(b->holds[slot].map, o->elements, bytes);
  return 0;
}

/* Nobody can reach it any more. */
static void release(struct os_backend *b, uint32_t slot) {
  struct sync_record *r = &b->control->syncs[slot];
  struct extent e = {.offset = atomic_load(word_of(r, ARRAY_OFFSET)),
                     .bytes = atomic_load(word_of(r, ARRAY_BYTES))};
  if (e.bytes)
    store_give(b, &e);
  atomic_store(word_of(r, ARRAY_BYTES), 0);
}

const struct sync_storage array_storage = {.release = release};

/* -- one element ----------------------------------------------------------------------------- */

static void answer(struct op *op, const struct array_answer *a) {
  op->value->number = a->number;
  op->value->same = a->same;
}

static void change_element(const struct array_call *call) {
  element *at = call->elements + (call->op->count - 1);
  struct array_answer a;
  uint64_t bits = call->op->kind == OP_ARRAY_SET ? 0 : atomic_load(at), next;
  if (call->op->kind == OP_ARRAY_SET) {
    atomic_store(at, array_change(call->words, call->op, bits, &a));
  } else {
    do
      next = array_change(call->words, call->op, bits, &a);
    while (next != bits && !atomic_compare_exchange_weak(at, &bits, next));
  }
  answer(call->op, &a);
}

static void get_element(const struct array_call *call) {
  uint64_t bits = atomic_load(call->elements + (call->op->count - 1));
  call->op->value->number = number_of((int)call->words[ARRAY_KIND], bits);
}

/* A1, A2: without the monitor. False, and nothing has happened: the gate is not open. */
static bool do_quickly(const struct array_call *call) {
  element *gate = word_of(call->r, ARRAY_GATE);
  if (call->op->kind == OP_ARRAY_GET) {
    if (atomic_load(gate) == GATE_FILLING)
      return false;
    get_element(call);
    return true;
  }
  struct process_record *me = my_record(call->b);
  atomic_store(&me->touching, call->op->object->slot + 1);
  FAULT("array.touching");
  bool open = atomic_load(gate) == GATE_OPEN;
  if (open) {
    FAULT("array.open");
    change_element(call);
  }
  FAULT("array.touched");
  atomic_store_explicit(&me->touching, 0, memory_order_release);
  return open;
}

/* -- all elements ---------------------------------------------------------------------------- */

/* A3b, for one process. -SBX_EINTERRUPTED: it is stopped, and the calling process is interrupted. */
static int await_process(const struct array_call *call, uint32_t process) {
  struct control *c = call->b->control;
  const struct process_record *p = &c->processes[process];
  uint32_t mine = call->op->object->slot + 1;
  for (unsigned looks = 0; atomic_load(&p->touching) == mine; looks++) {
    if (looks < LOOKS_AWAKE)
      continue;
    uint64_t serial = stamp_serial(atomic_load(&c->process_stamp[process]));
    if (process_gone(c, who_of(process, serial), true))
      break;
    if (call->b->interrupted)
      return -SBX_EINTERRUPTED;
    nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
  }
  return 0;
}

/* A3a, A3b. */
static int shut(const struct array_call *call) {
  int rc = 0;
  atomic_store(word_of(call->r, ARRAY_GATE), GATE_SHUT);
  FAULT("array.shut");
  for (uint32_t i = 0; i < control_process_end(call->b->control) && rc == 0; i++)
    rc = await_process(call, i);
  return rc;
}

static void open_gate(const struct array_call *call) {
  atomic_store(word_of(call->r, ARRAY_GATE), GATE_OPEN);
}

static void fill_all(const struct array_call *call) {
  uint64_t bits = atomic_load(word_of(call->r, ARRAY_FILL)), n = call->words[ARRAY_COUNT];
  for (uint64_t i = 0; i < n; i++) {
    atomic_store_explicit(call->elements + i, bits, memory_order_relaxed);
    if (i == n / 2)
      FAULT("array.half");
  }
}

/* A4 */
static void recover(const struct array_call *call) {
  uint64_t gate = atomic_load(word_of(call->r, ARRAY_GATE));
  if (gate == GATE_OPEN)
    return;
  if (gate == GATE_FILLING)
    fill_all(call);
  open_gate(call);
}

static int fill(const struct array_call *call) {
  int rc = shut(call);
  if (rc == 0) {
    atomic_store(word_of(call->r, ARRAY_FILL), number_bits(&call->op->value->number));
    FAULT("array.before-fill");
    atomic_store(word_of(call->r, ARRAY_GATE), GATE_FILLING);
    fill_all(call);
    FAULT("array.filled");
  }
  open_gate(call);
  return rc;
}

/* There is room in the buffer. */
static int copy(const struct array_call *call) {
  const struct op *op = call->op;
  int rc = shut(call);
  for (int i = 0; i < op->number && rc == 0; i++) {
    element *at = call->elements + (op->count - 1) + i;
    uint64_t bits = atomic_load_explicit(at, memory_order_relaxed);
    rc = buf_append(op->out, &bits, sizeof bits);
  }
  FAULT("array.copied");
  open_gate(call);
  return rc;
}

/* The monitor is held. */
static int do_alone(const struct array_call *call) {
  recover(call);
  switch (call->op->kind) {
  case OP_ARRAY_FILL:
    return fill(call);
  case OP_ARRAY_COPY:
    return copy(call);
  case OP_ARRAY_GET:
    get_element(call);
    return 0;
  default:
    change_element(call);
    return 0;
  }
}

/* -- ops ------------------------------------------------------------------------------------- */

int array_perform(struct os_backend *b, struct op *op) {
  struct sync_record *r = &b->control->syncs[op->object->slot];
  struct array_call call = {.b = b, .op = op, .r = r, .words = r->state[0]};
  bool all = op->kind == OP_ARRAY_FILL || op->kind == OP_ARRAY_COPY;
  int rc = array_check(call.words, op);
  if (rc == 0)
    rc = map_elements(b, op->object->slot, &call.elements);
  if (rc == 0 && op->kind == OP_ARRAY_COPY)
    rc = buf_reserve(op->out, array_bytes((uint64_t)op->number));
  if (rc || (!all && do_quickly(&call)))
    return rc;
  if ((rc = wait_monitor(b, &r->monitor, RANK_SYNC, op)))
    return rc;
  FAULT("array.locked");
  rc = do_alone(&call);
  monitor_unlock(&r->monitor, RANK_SYNC);
  return rc;
}
