/* tests/conformance/laws.c - see laws.h. */
#include "laws.h"

#include "base/error.h"

#define LAW(condition, text)                                                                       \
  do {                                                                                             \
    if (!(condition))                                                                              \
      return text;                                                                                 \
  } while (0)

typedef const char *law_fn(const struct lawful *l, const struct told *b, const struct told *a);

static uint64_t levels_of(const struct lawful *l) { return l->count ? l->count : 1; }

static const char *lock_law(const struct lawful *l, const struct told *b, const struct told *a) {
  bool mine = b->info.holder == l->who && !b->holder_gone;
  bool held = b->info.holder != 0 && !b->holder_gone;
  if (l->kind == OP_LOCK_RELEASE) {
    uint64_t levels = levels_of(l);
    LAW((l->rc == 0) == mine, "a lock is released by its holder, and by no other");
    if (l->rc == 0 && levels < b->info.depth)
      LAW(a->info.holder == l->who && a->info.depth == b->info.depth - levels,
          "a release takes off its levels");
    else if (l->rc == 0)
      LAW(a->info.holder == 0, "the last release frees the lock");
    return NULL;
  }
  if (l->rc == -SBX_EHELD) {
    LAW(mine && !b->info.recursive, "only a lock that is not recursive is held too often");
    return NULL;
  }
  LAW(l->rc == 0, "an acquire succeeds");
  LAW(!held || (mine && b->info.recursive), "no two processes hold a lock");
  LAW(a->info.holder == l->who && !a->holder_gone, "who acquired a lock holds it");
  LAW(a->info.depth == (mine ? b->info.depth : 0) + levels_of(l), "a lock counts its levels");
  LAW(l->answer.abandoned == (b->info.holder != 0 && b->holder_gone),
      "an abandoned lock says so, once");
  return NULL;
}

static const char *semaphore_law(const struct lawful *l, const struct told *b,
                                 const struct told *a) {
  uint64_t n = levels_of(l), me = UINT64_C(1) << l->proc;
  if (l->kind == OP_SEMAPHORE_ACQUIRE) {
    LAW(l->rc == 0 && b->info.count > 0, "a unit is taken of those there are");
    LAW(a->info.count == b->info.count - 1, "an acquire takes one unit");
    return NULL;
  }
  if (l->rc == -SBX_EOVER) {
    LAW(b->info.max && b->info.count + n > b->info.max, "only a full semaphore refuses units");
    return NULL;
  }
  LAW(l->rc == 0, "a release succeeds");
  LAW(a->info.count == b->info.count + n || (b->gone_members && a->info.count < b->info.count + n),
      "a release gives back what it says");
  LAW(n > 1 || !(b->members & me) || !((a->members ^ b->members) & ~me),
      "who has a unit gives back its own, and no other's");
  LAW(!a->info.max || a->info.count <= a->info.max || b->gone_members, "there are never too many");
  return NULL;
}

static const char *event_law(const struct lawful *l, const struct told *b, const struct told *a) {
  switch (l->kind) {
  case OP_EVENT_SET:
    LAW(a->info.set && a->free == a->standing, "a set event lets everybody go");
    break;
  case OP_EVENT_CLEAR:
    LAW(!a->info.set, "a cleared event is not set");
    LAW(b->info.set ? a->free == b->standing : a->free == b->free,
        "a clear holds back nobody whom a set has let go");
    break;
  default:
    LAW(l->sub || b->info.set || (l->stood && (b->free >> l->proc & 1)),
        "a wait ends when the event was set");
    LAW(a->info.set == b->info.set, "a wait changes nothing");
  }
  return l->rc == 0 ? NULL : "ops of events succeed";
}

static int bits(uint64_t word) { return __builtin_popcountll(word); }

static const char *condition_law(const struct lawful *l, const struct told *b,
                                 const struct told *a) {
  if (l->kind == OP_CONDITION_NOTIFY) {
    uint64_t waiting = (uint64_t)bits(b->standing & ~b->free);
    uint64_t go = l->count < waiting ? l->count : waiting;
    LAW((uint64_t)bits(a->free) == (uint64_t)bits(b->free) + go,
        "a notify lets go as many as it says, of those that wait");
    LAW(go == 0 || (a->free & a->first), "a notify lets the first go first");
    return NULL;
  }
  if (l->entered)
    LAW(!(a->free >> l->proc & 1), "who comes to wait has not been notified yet");
  else
    LAW(b->free >> l->proc & 1, "a wait ends by a notify");
  return NULL;
}

static const char *barrier_law(const struct lawful *l, const struct told *b, const struct told *a) {
  bool broken = b->info.set || b->gone_members, acting = b->info.holder != 0;
  bool mine = acting && b->info.holder == l->who;
  broken |= !acting && b->info.count > (uint64_t)bits(b->standing);
  switch (l->kind) {
  case OP_BARRIER_ABORT:
    LAW(a->info.set && a->free == a->standing, "an abort breaks the barrier for all");
    return NULL;
  case OP_BARRIER_RESET:
    LAW(!a->info.set && a->info.count == 0 && a->free == a->standing && !a->info.holder,
        "a reset begins anew, and lets those go that wait");
    return NULL;
  case OP_BARRIER_PASS:
    LAW((l->rc == 0) == mine, "the actor alone says that the action is done");
    LAW(l->rc || l->answer.count == (a->info.holder ? 0 : a->info.max), "it is the last to arrive");
    LAW(l->rc || bits(a->free) >= bits(b->free), "those who waited for the action go on");
    return NULL;
  default:
    break;
  }
  if (l->stood) {
    LAW(l->rc != 0 || l->answer.count > 0, "a party is told its place");
    return NULL;
  }
  LAW((l->rc == -SBX_EACTING) == mine, "an actor does not wait for itself");
  if (mine)
    return NULL;
  if (broken || l->rc == -SBX_EBROKEN) {
    LAW(l->rc == -SBX_EBROKEN, "a broken barrier lets nobody wait");
    LAW(broken || acting, "what is whole is not broken");
    return NULL;
  }
  if (l->rc == -SBX_EPARTIES) {
    LAW(acting && b->info.count == b->info.max, "a complete round takes in nobody");
    return NULL;
  }
  if (!l->entered && a->info.holder == l->who) {
    LAW(!acting && l->rc == 0 && l->answer.count == 0 && b->info.count + 1 == b->info.max,
        "the last to come runs the action");
    LAW(a->free == b->free, "and the others wait for it");
    return NULL;
  }
  LAW(l->answer.count == b->info.count + 1, "places count from 1");
  LAW(l->entered == (b->info.count + 1 < b->info.max || acting), "the last party to come lets all go");
  if (l->entered)
    LAW(a->info.count == b->info.count + 1, "arrivals are counted");
  else
    LAW(l->rc == 0 && a->info.count == 0 && a->free == a->standing, "all go on together");
  return NULL;
}

/* Of values and dicts: one process updates at a time. */
static const char *updater_law(const struct lawful *l, const struct told *b, const struct told *a) {
  bool mine = b->info.holder == l->who && !b->holder_gone;
  bool others = b->info.holder != 0 && !b->holder_gone && !mine;
  switch (l->kind) {
  case OP_VALUE_AWAIT:
  case OP_DICT_AWAIT:
    LAW((l->rc == -SBX_EUPDATING) == mine, "an updater does not wait for itself");
    LAW(l->rc || !l->expected, "who waits for a change goes on when there is one");
    LAW(a->info.holder == b->info.holder, "whoever reads changes nothing");
    return NULL;
  case OP_VALUE_GET:
  case OP_DICT_GET:
  case OP_DICT_ALL:
    LAW(l->rc == 0 && a->info.holder == b->info.holder, "whoever reads changes nothing");
    return NULL;
  case OP_VALUE_KEEP:
  case OP_VALUE_REPLACE:
  case OP_DICT_KEEP:
  case OP_DICT_REPLACE:
    LAW((l->rc == 0) == mine, "an update is ended by its process, and by no other");
    LAW(l->rc || a->info.holder == 0, "an update that is over lets others in");
    return NULL;
  default:
    LAW(!others, "who wants to change something waits for an update to end");
    LAW((l->rc == -SBX_EUPDATING) == mine, "an update is not changed from inside");
    if (l->rc == 0 && (l->kind == OP_VALUE_UPDATE || l->kind == OP_DICT_UPDATE))
      LAW(a->info.holder == l->who, "who updates is the updater");
    return NULL;
  }
}

static const char *value_law(const struct lawful *l, const struct told *b, const struct told *a) {
  const char *broken = updater_law(l, b, a);
  bool puts = l->kind == OP_VALUE_SET || l->kind == OP_VALUE_REPLACE ||
              (l->kind == OP_VALUE_CAS && l->expected);
  if (broken || l->rc == -SBX_EUPDATING || l->rc == -SBX_ENOTHELD)
    return broken;
  if (l->kind == OP_VALUE_ADD) {
    LAW((l->rc == 0) == (b->number.kind == NUMBER_INTEGER), "numbers are added to numbers");
    LAW(l->rc || a->number.i == b->number.i + l->brings.i, "an add adds");
  } else if (l->kind == OP_VALUE_CAS && l->answer.same != l->expected) {
    return "a cas compares with what there is";
  } else if (puts) {
    LAW(l->rc == 0 && a->number.kind == l->brings.kind &&
            (a->number.kind == NUMBER_NONE || a->number.i == l->brings.i),
        "a value is what it was set to");
  } else {
    LAW(a->number.kind == b->number.kind && a->number.i == b->number.i,
        "what does not set a value leaves it");
  }
  return NULL;
}

static const char *rwlock_law(const struct lawful *l, const struct told *b, const struct told *a) {
  bool written = b->info.holder != 0, mine = b->info.holder == l->who;
  switch (l->kind) {
  case OP_RWLOCK_READ:
    LAW((l->rc == -SBX_ERWLOCK) == mine, "whoever writes does not read");
    LAW(l->rc || !written, "nobody reads while another writes");
    LAW(l->rc || (a->info.count >= b->info.count && a->info.count <= b->info.count + 1),
        "a reader counts once");
    LAW(l->rc || l->answer.abandoned == b->info.set, "each reader is told of a writer that is gone");
    LAW(l->rc || a->info.set == b->info.set, "reading repairs nothing");
    break;
  case OP_RWLOCK_WRITE:
    LAW(l->rc || (!written && b->info.count == 0), "a writer is alone");
    LAW(l->rc || a->info.holder == l->who, "who may write is the writer");
    LAW(l->rc || l->answer.abandoned == b->info.set, "a writer is told of one that is gone");
    LAW(l->rc || !a->info.set, "it is told once");
    break;
  default:
    LAW(!mine || (l->rc == 0 && a->info.holder == 0), "a writer can release");
    LAW(mine || a->info.holder == b->info.holder, "nobody releases for a writer");
    LAW(a->info.count <= b->info.count && a->info.set == b->info.set, "a release lets nobody in");
  }
  return NULL;
}

static const char *latch_law(const struct lawful *l, const struct told *b, const struct told *a) {
  LAW(l->rc == 0, "ops of latches succeed");
  if (l->kind == OP_LATCH_WAIT) {
    LAW(b->info.count == 0 && a->info.count == 0, "a latch lets nobody go before it is at 0");
    return NULL;
  }
  LAW(a->info.count == (l->count < b->info.count ? b->info.count - l->count : 0),
      "a latch counts down, and not below 0");
  LAW(l->answer.count == a->info.count, "who counts down is told what is left");
  LAW(a->info.count || a->free == a->standing, "an open latch lets everybody go");
  return NULL;
}

static const char *dict_law(const struct lawful *l, const struct told *b, const struct told *a) {
  const char *broken = updater_law(l, b, a);
  if (broken || l->rc)
    return broken;
  LAW(l->kind != OP_DICT_CAS || l->answer.same == l->expected, "a cas compares with what there is");
  LAW(a->info.count + 1 >= b->info.count && a->info.count <= b->info.count + 1,
      "an op changes one key at most");
  return NULL;
}

/* What an element is. All that is drawn is small, so a double has it. */
static double element_of(const struct told *t, uint64_t i) {
  int64_t whole;
  double f;
  memcpy(&whole, &t->elements[i], sizeof whole);
  memcpy(&f, &t->elements[i], sizeof f);
  return t->floats ? f : (double)whole;
}

static const char *array_law(const struct lawful *l, const struct told *b, const struct told *a) {
  const struct request *r = l->request;
  bool all = l->kind == OP_ARRAY_FILL, copies = l->kind == OP_ARRAY_COPY;
  bool brings = l->kind != OP_ARRAY_GET && !copies;
  uint64_t n = b->info.count, i = r->count, last = i + (copies ? (uint64_t)r->many : 1) - 1;
  bool outside = !all && (i == 0 || last > n);
  double brought = (double)r->step.item + (r->half ? 0.5 : 0);
  LAW(a->info.count == n, "an array keeps its size");
  LAW((l->rc == -SBX_EBOUNDS) == outside, "elements outside are none, and all inside are some");
  LAW((l->rc == -SBX_EWHOLE) == (!outside && brings && r->half && !b->floats), "integers are whole");
  for (uint64_t k = 0; k < n; k++)
    if (l->rc || !brings || (!all && k != i - 1))
      LAW(a->elements[k] == b->elements[k], "what an op is not for stays");
    else if (all || l->kind == OP_ARRAY_SET)
      LAW(element_of(a, k) == brought, "an element is what it was set to");
    else if (l->kind == OP_ARRAY_ADD)
      LAW(element_of(a, k) == element_of(b, k) + brought && l->answer.item == a->elements[k], "an add adds");
    else if (element_of(b, k) == (double)r->expected)
      LAW(l->answer.same && element_of(a, k) == brought, "a cas that finds what it expects sets");
    else
      LAW(!l->answer.same && a->elements[k] == b->elements[k] && l->answer.item == b->elements[k],
          "a cas that does not tells what there is");
  if (l->rc == 0 && l->kind == OP_ARRAY_GET)
    LAW(l->answer.item == b->elements[i - 1], "a get tells what there is");
  if (l->rc == 0 && copies)
    LAW(l->answer.item == elements_sum(b->elements + i - 1, 8 * (size_t)r->many), "a copy is what there is");
  return NULL;
}

static const char *progress_law(const struct lawful *l, const struct told *b,
                                const struct told *a) {
  const uint64_t most = UINT64_C(1) << 53;
  int64_t by = (int64_t)l->count, sum = (int64_t)b->info.count + by;
  uint64_t wanted = sum < 0 ? 0 : (uint64_t)sum > most ? most : (uint64_t)sum;
  if (l->kind == OP_PROGRESS_CLOSE) {
    LAW(l->rc == 0 && a->info.set && a->info.count == b->info.count, "a close leaves the count");
    return NULL;
  }
  LAW((l->rc == -SBX_ECLOSED) == b->info.set, "what is closed moves no more");
  LAW(a->info.set == b->info.set, "a move does not close");
  if (l->rc)
    LAW(a->info.count == b->info.count, "who cannot move changes nothing");
  else if (l->kind == OP_PROGRESS_ADD)
    LAW(a->info.count == wanted, "an add moves by what it says, within what can be counted");
  else
    LAW(a->info.count == (l->count < most ? l->count : most), "a set sets");
  return NULL;
}

/* With redeliver: what is special of it. */
static const char *hands_law(const struct lawful *l, const struct told *b, const struct told *a) {
  uint64_t mine = b->in_hand[l->proc], now = a->in_hand[l->proc], out = 0;
  bool get = l->kind == OP_QUEUE_GET, all = l->request->all;
  uint64_t many = l->request->many > 1 && l->answer.number > 1 ? (uint64_t)l->answer.number : 1;
  for (int p = 0; p < PROCS_MAX; p++) {
    out += b->in_hand[p];
    LAW(p == l->proc || a->in_hand[p] == b->in_hand[p], "nobody else's hands change");
  }
  LAW(!get || (l->rc == -SBX_EHAND) == (mine > 0 && (!all || b->older[l->proc])), "who has something in hand must give it up first");
  LAW(l->rc != -SBX_ECLOSED || !get || out == 0, "what is in hands may come back, so it is not the end");
  if (l->kind == OP_QUEUE_TASK_DONE) {
    LAW(l->rc == (mine || all ? 0 : -SBX_ETASKS), "what is in hand is given up, and nothing else");
    LAW(now == (all ? 0 : mine - (mine > 0)), "one is given up, or all");
    LAW(a->items == b->items, "what is given up does not come back");
  } else {
    LAW(now == mine + (get && l->rc == 0 ? many : 0), "what is taken is in hand");
  }
  return NULL;
}

static const char *queue_law(const struct lawful *l, const struct told *b, const struct told *a) {
  uint64_t len = b->items, undone = queue_undone(&b->queue);
  bool closed = b->queue.closed, full = b->queue.max && len >= b->queue.max;
  uint64_t many = l->request->many > 1 && l->answer.number > 1 ? (uint64_t)l->answer.number : 1;
  LAW(queue_len(&a->queue) == a->items, "a queue counts its items");
  const char *broken = b->queue.redeliver ? hands_law(l, b, a) : NULL;
  if (broken || l->rc == -SBX_EHAND || (b->queue.redeliver && l->kind == OP_QUEUE_TASK_DONE))
    return broken;
  switch (l->kind) {
  case OP_QUEUE_PUT:
    LAW(l->rc == (closed ? -SBX_ECLOSED : 0) && (closed || !full), "a put needs room");
    LAW(a->items == len + (closed ? 0 : many), "a put adds one item, and a run as many as it says");
    break;
  case OP_QUEUE_GET:
    LAW(l->rc == (len ? 0 : -SBX_ECLOSED) && (len || closed), "a get needs an item");
    LAW(a->items == len - (len > 0 ? many : 0), "a get takes one item, and a run as many as it says");
    break;
  case OP_QUEUE_PEEK:
    closed = closed && undone == len + (b->queue.redeliver ? 0 : undone - len); /* nothing may come back */
    LAW(l->rc == (len ? 0 : closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT), "a peek does not wait");
    LAW(a->items == len, "a peek takes nothing");
    break;
  case OP_QUEUE_TASK_DONE:
    LAW(l->rc == (undone > len ? 0 : -SBX_ETASKS), "what was taken is marked, and no more");
    LAW(queue_undone(&a->queue) == undone - (undone > len), "a mark counts one item as done");
    break;
  case OP_QUEUE_MEET:
    LAW(b->items <= 1, "no more than one item is on offer");
    LAW(l->rc == 0 ? a->items == len : len == 1 && a->items == 0,
        "an item is taken, and then the others stay, or withdrawn");
    LAW(queue_undone(&a->queue) == undone - (l->rc != 0), "what is withdrawn is nothing to be done");
    LAW(l->rc != 0 || b->queue.offer != l->who, "what is on offer is not taken");
    LAW(l->rc == 0 || (b->queue.offer == l->who && closed), "only its putter withdraws an item");
    break;
  case OP_QUEUE_JOIN:
    LAW(l->rc == 0 && undone == 0, "a join waits until all is done");
    break;
  default:
    LAW(l->rc == 0 && a->queue.closed, "a closed queue is closed");
  }
  return NULL;
}

static const char *pipe_law(const struct lawful *l, const struct told *b, const struct told *a) {
  uint64_t len = b->items;
  switch (l->kind) {
  case OP_PIPE_RECV:
    LAW(l->rc == (len ? 0 : -SBX_ECLOSED), "what was sent is received before the end");
    LAW(a->items == len - (len > 0), "a recv takes one value");
    break;
  case OP_PIPE_POLL:
    LAW(l->rc == (len ? 0 : -SBX_ECLOSED) && a->items == len, "a poll takes nothing");
    break;
  case OP_PIPE_CLOSE:
    LAW(l->rc == 0 && a->queue.closed, "a closed end is closed");
    break;
  default:
    LAW((l->rc == -SBX_ECLOSED) == b->queue.closed, "an end that is open can be sent to");
    LAW((l->rc == -SBX_EGONE) == (!l->heard && !b->queue.closed), "what nobody can receive is not sent");
  }
  return NULL;
}

static law_fn *const laws[OBJECT_TYPES] = {
    [OBJECT_LOCK] = lock_law,       [OBJECT_SEMAPHORE] = semaphore_law,
    [OBJECT_EVENT] = event_law,     [OBJECT_CONDITION] = condition_law,
    [OBJECT_BARRIER] = barrier_law, [OBJECT_VALUE] = value_law,
    [OBJECT_DICT] = dict_law,    [OBJECT_QUEUE] = queue_law,
    [OBJECT_LATCH] = latch_law, [OBJECT_ARRAY] = array_law, [OBJECT_PIPE] = pipe_law,       [OBJECT_RWLOCK] = rwlock_law,       [OBJECT_PROGRESS] = progress_law,
};

const char *law_of_step(const struct lawful *l, const struct told *before,
                        const struct told *after) {
  law_fn *law = l->type < OBJECT_TYPES ? laws[l->type] : NULL;
  const char *broken = law ? law(l, before, after) : NULL;
  if (broken)
    return broken;
  LAW(!(before->passes & after->standing & ~after->passes),
      "who was let go by a complete round passes, whatever comes after");
  LAW(l->kind == OP_BARRIER_PASS || !(before->free & ~before->passes & after->passes),
      "who was let go by a broken round is told so, whatever comes after");
  return NULL;
}

/* Of a barrier; `part`: it has been there. */
static const char *barrier_end(const struct ended *e, bool part, const struct told *b, const struct told *a) {
  bool acting = b->info.holder == e->who;
  if (acting || (part && (e->killed || e->failed)))
    LAW(a->gone_members && a->free == a->standing, "a party that fails breaks it for all");
  else if (e->held)
    LAW(e->killed || a->gone_members == b->gone_members, "a party that leaves well breaks nothing");
  return NULL;
}

const char *law_of_end(enum object_type type, const struct ended *e, const struct told *b,
                       const struct told *a) {
  bool mine = b->info.holder == e->who, part = b->members >> e->proc & 1;
  switch (type) {
  case OBJECT_LOCK:
    LAW(!mine || (a->info.set && a->info.holder != 0 && a->holder_gone),
        "a lock is abandoned by a holder that ends");
    return NULL;
  case OBJECT_RWLOCK:
    LAW(!mine || (a->info.set && a->info.holder == 0), "a writer that ends leaves it unfinished");
    LAW(mine || a->info.count == b->info.count - part, "a reader that ends reads no more");
    return NULL;
  case OBJECT_VALUE:
  case OBJECT_DICT:
    LAW(!mine || a->info.holder == 0 || a->holder_gone, "an updater that ends lets others in");
    return NULL;
  case OBJECT_SEMAPHORE:
    LAW(a->info.count >= b->info.count, "no end takes units");
    LAW(e->killed || e->failed || !e->held || b->gone_members || a->info.count == b->info.count,
        "who leaves well keeps what it took");
    LAW(!part || !(e->killed || e->failed) || a->info.count > b->info.count,
        "who fails gives back what it took");
    return NULL;
  case OBJECT_BARRIER:
    return barrier_end(e, part, b, a);
  default:
    return NULL;
  }
}

/* A notification that its waiter does not use goes to another one, if there is one. */
static const char *condition_give_up(uint64_t me, bool could_go, const struct told *b, const struct told *a) {
  uint64_t others = b->free & ~me, waiting = b->standing & ~b->free & ~me;
  LAW(bits(a->free) == bits(others) + (could_go && waiting), "a notification is passed on, and none is made");
  return NULL;
}

const char *law_of_give_up(enum object_type type, int proc, bool could_go, const struct told *b,
                           const struct told *a) {
  if (type == OBJECT_BARRIER && !could_go)
    LAW(a->info.set && a->free == a->standing, "a party that gives up breaks it for all");
  if (type == OBJECT_CONDITION)
    return condition_give_up(UINT64_C(1) << proc, could_go, b, a);
  return NULL;
}

const char *law_of_relock(int awaited, int result) {
  LAW(awaited == 0 || result != 0, "a wait that was not notified says so");
  return NULL;
}

const char *law_of_status(const struct process_state *s, enum end how, int exit_code) {
  enum process_status wanted = how == END_KILLED ? PROCESS_KILLED
                               : exit_code       ? PROCESS_FAILED
                                                 : PROCESS_DONE;
  LAW(process_status_of(s) == wanted, "a process is as it has ended");
  if (how == END_LEFT)
    LAW(s->exit_code == exit_code, "its exit code is what it left with");
  return NULL;
}
