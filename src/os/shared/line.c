/* os/shared/line.c - see line.h. */
#include "os/shared/line.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/pidfd.h"
#include "object/fair.h"
#include "object/sync.h"
#include "os/shared/proc.h"
#include "os/shared/wait.h"

enum {
  FIRST_SLICE_NS = 2 * 1000 * 1000, /* before the first look by oneself: most waits are shorter */
  LINE_SLICE_NS = 50 * 1000 * 1000,
  LINE_CROWD = 16, /* so many make the slices twice as long */
  FULL_SLICE_NS = 5 * 1000 * 1000,
  TICKET_BITS = 8
};

/* A place: who << 8 | the low bits of the ticket. A slot has 16 bits, and a serial 40 (stamp_of).
 */
static uint64_t place_word(uint64_t who, uint64_t ticket) {
  return who << TICKET_BITS | (ticket & ((1 << TICKET_BITS) - 1));
}

/* Places beyond it are not in use. The supervisor looks, too, and what it reads may be anything. */
static uint32_t end_of(const struct line *l) {
  uint32_t end = atomic_load(&l->end);
  return end < LINE_PLACES ? end : LINE_PLACES;
}

/* The ticket of the process that stands at a place; 0: none that lives and waits. */
static uint64_t ticket_at(const struct control *c, uint64_t word, uint32_t *ret_slot) {
  uint64_t who = word >> TICKET_BITS;
  uint32_t slot = who_slot(who);
  if (word == 0)
    return 0;
  uint64_t ticket = atomic_load(&c->processes[slot].line_ticket);
  if (ticket == 0 || place_word(who, ticket) != word || process_gone(c, who, false))
    return 0;
  *ret_slot = slot;
  return ticket;
}

int line_find(const struct os_backend *b, const struct line *l) {
  uint64_t mine = place_word(who_of(b->slot, b->serial), line_ticket(b));
  uint32_t end = b->lines ? end_of(l) : 0;
  for (uint32_t i = 0; i < end; i++)
    if (atomic_load(&l->places[i]) == mine)
      return (int)i;
  return LINE_NOWHERE;
}

int line_join(struct os_backend *b, struct line *l) {
  struct process_record *me = my_record(b);
  uint32_t slot, i, end = end_of(l);
  for (i = 0; i < end && ticket_at(b->control, atomic_load(&l->places[i]), &slot); i++)
    continue;
  if (i == LINE_PLACES || FAULT("line.full"))
    return LINE_NOWHERE;
  if (b->lines++ == 0) {
    atomic_store(&me->line_since_ns, clock_now_ns());
    atomic_store(&me->line_ticket, atomic_fetch_add(&b->control->next_ticket, 1));
  }
  atomic_store(&l->places[i], place_word(who_of(b->slot, b->serial), line_ticket(b)));
  if (i == end)
    atomic_store(&l->end, end + 1);
  FAULT("line.joined");
  return (int)i;
}

void line_vanish(struct os_backend *b) {
  if (--b->lines == 0)
    atomic_store(&my_record(b)->line_ticket, 0);
}

void line_leave(struct os_backend *b, struct line *l, int place) {
  uint32_t end = end_of(l);
  atomic_store(&l->places[place], 0);
  while (end > 0 && atomic_load(&l->places[end - 1]) == 0)
    end--;
  atomic_store(&l->end, end);
  line_vanish(b);
}

uint64_t line_ticket(const struct os_backend *b) {
  return b->lines ? atomic_load(&my_record(b)->line_ticket) : 0;
}

struct line_place line_next(const struct control *c, const struct line *l, uint64_t after) {
  struct line_place first = {0};
  uint32_t slot, end = end_of(l);
  for (uint32_t i = 0; i < end; i++) {
    uint64_t ticket = ticket_at(c, atomic_load(&l->places[i]), &slot);
    if (ticket > after && (first.ticket == 0 || ticket < first.ticket))
      first = (struct line_place){.ticket = ticket, .slot = slot};
  }
  return first;
}

bool line_has(const struct control *c, const struct line *l, uint32_t slot) {
  uint32_t other, end = end_of(l);
  if (atomic_load(&c->processes[slot].line_ticket) == 0)
    return false;
  for (uint32_t i = 0; i < end; i++)
    if (ticket_at(c, atomic_load(&l->places[i]), &other) && other == slot)
      return true;
  return false;
}

uint64_t line_count(const struct control *c, const struct line *l, uint64_t after) {
  uint64_t n = 0;
  uint32_t slot, end = end_of(l);
  for (uint32_t i = 0; i < end; i++)
    n += ticket_at(c, atomic_load(&l->places[i]), &slot) > after;
  return n;
}

static void wake(const struct os_backend *b, uint32_t slot) {
  pid_t pid = atomic_load(&b->control->processes[slot].pid);
  if (slot != b->slot && pid > 0)
    kill(pid, WAKE_SIGNAL);
}

/* Between two looks of the first, others may come and go often: one signal will do. */
static void wake_first(const struct os_backend *b, struct line *l, uint64_t after) {
  struct line_place first = line_next(b->control, l, after);
  if (first.ticket == 0 || first.ticket == atomic_load(&l->told))
    return;
  wake(b, first.slot);
  atomic_store(&l->told, first.ticket); /* after: a kill in between costs a signal more */
}

void line_looked(const struct os_backend *b, struct line *l) {
  if (atomic_load(&l->told) == line_ticket(b))
    atomic_store(&l->told, 0);
}

void line_wake(const struct os_backend *b, struct line *l, uint64_t count, uint64_t after) {
  uint32_t slot, end = end_of(l);
  if (count == 1) {
    wake_first(b, l, after);
    return;
  }
  if (count >= end) {
    for (uint32_t i = 0; i < end; i++)
      if (ticket_at(b->control, atomic_load(&l->places[i]), &slot) > after)
        wake(b, slot);
    return;
  }
  while (count-- > 0) {
    struct line_place next = line_next(b->control, l, after);
    if (next.ticket == 0)
      return;
    wake(b, next.slot);
    after = next.ticket;
  }
}

static bool can_act(pid_t pid) {
  char state = proc_state(pid);
  return state && !strchr("TtZX", state);
}

uint64_t line_first_able(const struct control *c, const struct line *l) {
  if (end_of(l) == 0)
    return 0;
  struct line_place first = line_next(c, l, 0);
  for (int i = 0; first.ticket && i < LINE_PLACES; i++, first = line_next(c, l, first.ticket)) {
    const struct process_record *p = &c->processes[first.slot];
    if (!fair_is_due(atomic_load(&p->line_since_ns), clock_now_ns()) || can_act(p->pid))
      break;
  }
  return first.ticket;
}

bool line_must_yield(const struct os_backend *b, const struct line *l) {
  const struct control *c = b->control;
  uint64_t mine = line_ticket(b), after = 0;
  if (end_of(l) == 0)
    return false;
  for (int i = 0; i < LINE_PLACES; i++) {
    struct line_place next = line_next(c, l, after);
    struct fair_first rule = {.ticket = next.ticket, .self = next.slot == b->slot};
    if (!fair_stands_before(&rule, mine))
      return false;
    const struct process_record *p = &c->processes[next.slot];
    if (!fair_is_due(atomic_load(&p->line_since_ns), clock_now_ns()))
      return false;
    if (can_act(p->pid)) {
      wake(b, next.slot); /* should the signal that told it have come to nothing */
      return true;
    }
    after = next.ticket;
  }
  return false;
}

int64_t line_look_again_ns(const struct line *l, int place, unsigned looks) {
  int64_t slice = FULL_SLICE_NS;
  if (place != LINE_NOWHERE)
    slice = looks == 0 ? FIRST_SLICE_NS : LINE_SLICE_NS * (1 + (int64_t)end_of(l) / LINE_CROWD);
  if (place != LINE_NOWHERE && FAULT(looks == 0 ? "line.first-slice" : "line.slice"))
    return SBX_FOREVER;
  return clock_now_ns() + slice;
}

bool process_gone(const struct control *c, uint64_t who, bool thorough) {
  uint32_t slot = who_slot(who);
  uint64_t stamp = control_process_stamp(c, slot, who_serial(who));
  if (!stamp || stamp_phase(stamp) >= PHASE_EXITED)
    return true;
  if (!thorough)
    return false;
  struct pollfd end = {.fd = pidfd_open_of(c->processes[slot].pid), .events = POLLIN};
  if (end.fd < 0)
    return process_gone(c, who, false); /* it was reaped just now; or there is no descriptor left */
  bool ended = poll(&end, 1, 0) > 0;
  close(end.fd);
  return ended;
}
