/*
 * net/away.c - processes of other hosts: how they stand, joining them, signals to them. See office.h.
 *
 * Whatever their home knows is asked for there. When that is over, an end that it did not set is set here, so that all
 * who join hear the same.
 */
#include <stdlib.h>

#include "base/fault.h"
#include "net/office.h"
#include "object/event.h"

#define ASK_AGAIN_NS (NS_PER_SECOND / 4)

/* The numbers of processes of several hosts are alike; those of their lowest bits, mixed with the host, are not. */
static uint32_t mixed(uint64_t process) {
  return (uint32_t)(process * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

void net_show_process(struct net *n, const struct object_ref *ref) {
  const struct net_birth note = {.process = ref->serial};
  uint64_t *seen = &n->shown[mixed(ref->serial) % NET_SHOWN];
  if (ref->type != OBJECT_PROCESS || ref->slot != NET_SLOT || n->o.host == 0 ||
      ref->serial >> 48 != n->o.host || *seen == ref->serial || n->o.keeper < 0)
    return;                           /* host 0 is there as long as anybody could ask */
  if (net_tell_keeper(n, &note) == 0) /* else nobody is there whom others could ask */
    *seen = ref->serial;
}

/* -- its end ------------------------------------------------------------------------------------------ */

/* Its place in the table, or the free one where it belongs. `cap` is a power of 2; some place is free. */
static struct net_end *place_of(struct net_end *ends, uint32_t cap, uint64_t process) {
  uint32_t at = mixed(process) & (cap - 1);
  while (ends[at].process && ends[at].process != process)
    at = (at + 1) & (cap - 1);
  return &ends[at];
}

/* Room for more ends; a table that is large enough is emptied instead: what it knew is asked for again. */
static bool grow_ends(struct net *n) {
  uint32_t cap = n->known_cap ? 2 * n->known_cap : 16;
  struct net_end *grown = cap <= NET_ENDS_MOST ? calloc(cap, sizeof *grown) : NULL;
  if (!grown && !n->known)
    return false;
  if (!grown) {
    memset(n->known, 0, n->known_cap * sizeof *n->known);
    n->known_count = 0;
    return true;
  }
  for (uint32_t i = 0; i < n->known_cap; i++)
    if (n->known[i].process)
      *place_of(grown, cap, n->known[i].process) = n->known[i];
  free(n->known);
  n->known = grown;
  n->known_cap = cap;
  return true;
}

/* Valid until this is called for another process. */
static struct net_end *end_of(struct net *n, uint64_t process) {
  struct net_end *e = n->known ? place_of(n->known, n->known_cap, process) : NULL;
  if (e && e->process)
    return e;
  if (n->known_count >= n->known_cap - n->known_cap / 4 && !grow_ends(n)) {
    n->unknown = (struct net_end){.process = process}; /* no memory: it is known for one look */
    return &n->unknown;
  }
  e = place_of(n->known, n->known_cap, process);
  *e = (struct net_end){.process = process};
  n->known_count++;
  return e;
}

/* That of the home of a process. NULL: no memory. */
static struct net_silence *silence_of(struct net *n, uint64_t process) {
  const uint16_t host = (uint16_t)(process >> 48);
  for (uint32_t i = 0; i < n->silence_count; i++)
    if (n->silences[i].host == host)
      return &n->silences[i];
  struct net_silence *grown = realloc(n->silences, (n->silence_count + 1) * sizeof *grown);
  if (!grown)
    return NULL;
  n->silences = grown;
  grown[n->silence_count] = (struct net_silence){.host = host};
  return &grown[n->silence_count++];
}

/* The number of its end; 0: nobody wanted it so far, and `make` is false. */
static int find_end(struct net *n, uint64_t process, bool make, uint64_t *ret) {
  struct net_end *e = end_of(n, process);
  uint8_t field[9] = {'e'};
  struct engine_reply *r = NULL;
  uint64_t who = net_who_of_process(process);
  int rc = 0;
  if (e->id == 0 && make) {
    rc = net_create_end(n, who, &e->id);
  } else if (e->id == 0) {
    state_put64(field + 1, who);
    rc = net_read_field(n, "named", engine_bytes(field, sizeof field), &r);
    if (rc == 0 && r)
      e->id = strtoull(engine_data(r), NULL, 10) % NET_IDS;
    engine_free(r);
  }
  *ret = e->id;
  return rc;
}

/* What a set end tells; what is left by the process is appended to `left` (NULL: not wanted). 1: it is not set; 0 or a code */
static int read_end(struct net *n, uint64_t id, struct office_told *ret, struct buf *left) {
  struct net_object *o;
  struct engine_reply *r = NULL;
  struct net_args a;
  int rc = net_find_end(n, id, &o);
  if (rc)
    return rc;
  args_begin(&a);
  args_command(&a, 1);
  args_text(&a, "GET");
  rc = net_look(n, o, &a, &r);
  args_release(&a);
  if (rc == 0 && !o->seen.words[EVENT_FLAG])
    rc = 1;
  const struct engine_reply *bytes = engine_at(r, LOOK_ANSWERS); /* NIL after a failure */
  if (rc == 0 && (engine_type(bytes) != ENGINE_BYTES || engine_len(bytes) < sizeof *ret))
    rc = -SBX_ENOOBJECT;
  if (rc == 0) {
    memcpy(ret, engine_data(bytes), sizeof *ret);
    rc = office_is_sound(ret->rc, &ret->info) ? 0 : -SBX_ENOOBJECT;
  }
  if (rc == 0 && ret->info.has_result && left)
    rc = buf_append(left, engine_data(bytes) + sizeof *ret, engine_len(bytes) - sizeof *ret);
  engine_free(r);
  net_forget_object(n, o); /* nobody has a handle of it, and this process stands in no line */
  return rc;
}

/* Who it is, if its home does not say. */
static void look_by_name(struct net *n, uint64_t process, struct process_info *ret) {
  *ret = (struct process_info){.id = (uint32_t)(process & (NET_IDS - 1)), .exit_code = -1};
  net_name_of(n, net_who_of_process(process), ret->name);
  if (!ret->name[0])
    snprintf(ret->name, sizeof ret->name, "process");
}

/* Its home knows where a far process is; where any other is, the engine does. */
static void name_host(const struct office_home *home, struct process_info *info) {
  if (!info->host[0])
    snprintf(info->host, sizeof info->host, "%s", home->host);
}

/* Its home is over. */
static int set_lost(struct net *n, uint64_t process, const struct office_home *home) {
  struct office_told t = {.rc = 0};
  uint64_t id;
  look_by_name(n, process, &t.info);
  t.info.status = PROCESS_FAILED;
  t.info.exit_code = 1;
  t.info.lost = true;
  name_host(home, &t.info);
  int rc = find_end(n, process, true, &id);
  FAULT("away.before-lost");
  return rc ? rc : office_set(n, id, &t, NULL);
}

/* Until when an answer is waited for in an op: not longer than `most_ns`, nor than the op, unless that does not wait, and
 * needs the answer all the same. */
static int64_t patience_of(const struct op *op, int64_t most_ns) {
  const int64_t now_ns = clock_now_ns(), until_ns = now_ns + most_ns;
  bool waits = op->since_ns || op->deadline_ns > now_ns;
  return waits && op->deadline_ns < until_ns ? op->deadline_ns : until_ns;
}

/* What the home has said to the last request, if it could not read how the process ended: that is told once. 0 or a code */
static int hear_trouble(struct net *n, struct net_end *e) {
  struct office_answer a;
  int rc = e->asked ? office_heard(n, e->process, e->asked, &a) : 0;
  if (rc == 1)
    e->asked = 0;
  return rc == 1 ? a.rc : rc;
}

/* Ask a home that is not over, and wait for no answer; that of the last request is heard. 0 or a code */
static int ask_for_end(struct net *n, struct net_end *e) {
  struct office_request q = {.process = e->process};
  int rc = hear_trouble(n, e);
  if (rc == 0)
    rc = office_send(n, OFFICE_WATCH, &q);
  e->asked = rc ? 0 : q.number;
  return rc;
}

static bool was_asked_just_now(const struct net_end *e) {
  return e->asked_ns && clock_now_ns() < e->asked_ns + ASK_AGAIN_NS;
}

/* Does its keeper read? As office_listens. */
static int see_silence(struct net *n, uint64_t process, struct net_silence *s) {
  int rc = office_listens(n, process, s);
  s->in_vain &= s->oldest[0] != 0; /* else it has read all */
  return rc;
}

/*
 * Ask for the end to be set, or see that it will not be. `now`: if the process has ended, it is set when this returns; that is
 * waited for in `op`, but not again for a keeper that was silent.
 */
static int want_end(struct net *n, uint64_t process, const struct op *op, bool now) {
  const struct office_request q = {.process = process};
  struct office_home home;
  struct net_end *e = end_of(n, process);
  struct net_silence *s = silence_of(n, process);
  if (!s)
    return -SBX_ENOMEM;
  bool silent = s->in_vain;
  if (silent && was_asked_just_now(e))
    return 0; /* what it has not read need not become more */
  e->asked_ns = clock_now_ns();
  int rc = office_home_of(n, process, &home);
  if (rc)
    return rc;
  now &= !silent;
  if (!home.over && !now)
    rc = ask_for_end(n, e);
  else if (!home.over)
    rc = office_ask(n, OFFICE_WATCH, &q, op, patience_of(op, OFFICE_BRIEF_S * NS_PER_SECOND), &home,
                    NULL);
  if (rc == 0 && home.over)
    return set_lost(n, process, &home);
  if (rc == -SBX_ESILENT)
    s->in_vain = true;
  if (rc == -SBX_ESILENT || (rc == 0 && !now))
    rc = see_silence(n, process, s); /* if it reads, a later look will tell */
  return rc;
}

/* -- ops ------------------------------------------------------------------------------------------------ */

/* The process that an op is about. */
static uint64_t process_of(struct net *n, const struct object *o) {
  struct object_ref ref;
  n->inner->object_ref(o, &ref);
  return ref.serial;
}

/* What its end tells. 1: that is not set, or nobody wanted it so far; 0 or a code */
static int look_at_end(struct net *n, uint64_t process, struct office_told *ret) {
  uint64_t id;
  int rc = find_end(n, process, false, &id);
  return rc || id == 0 ? (rc ? rc : 1) : read_end(n, id, ret, NULL);
}

/* As its end tells, or its home. 1: that is over by now, look again; -SBX_ESILENT: nobody knows more than its name */
static int look_once(struct net *n, uint64_t process, const struct op *op,
                     struct office_home *home) {
  const struct office_request q = {.process = process};
  struct process_info *ret = op->process_info;
  const bool who = op->number == 1; /* is all that is wanted */
  struct office_told t;
  int rc = look_at_end(n, process, &t);
  if (rc == 0) {
    *ret = t.info;
    return t.rc == -SBX_EHERE ? 0 : t.rc;
  }
  if (rc < 0 || (home->over && who))
    return rc < 0 ? rc : -SBX_ESILENT;
  if (home->over)
    rc = set_lost(n, process, home);
  else
    rc = office_ask(n, OFFICE_LOOK, &q, op,
                    clock_now_ns() + (who ? OFFICE_BRIEF_S * NS_PER_SECOND : office_patience_ns(n)),
                    home, ret);
  if (rc == 0 && home->over)
    return 1;
  if (rc == 0 && op->number == 0 && ret->host[0])
    net_note_pause(n, process, op, ret);
  return rc;
}

/* Does it live? As long as its home has told of no end, though that may have been silent for a moment. */
static int look_if_lives(struct net *n, uint64_t process, const struct op *op) {
  struct office_told t;
  int rc = look_at_end(n, process, &t);
  if (rc == 1 && (rc = want_end(n, process, op, true)) == 0)
    rc = look_at_end(n, process, &t);
  if (rc == 1) {
    *op->process_info = (struct process_info){.status = PROCESS_RUNNING};
    return 0;
  }
  if (rc == 0)
    *op->process_info = t.info;
  return rc ? rc : t.rc == -SBX_EHERE ? 0 : t.rc;
}

int net_process_look(struct net *n, struct op *op) {
  uint64_t process = process_of(n, op->object);
  if (op->number == 2)
    return look_if_lives(n, process, op);
  struct office_home home;
  int rc = office_home_of(n, process, &home);
  if (rc)
    return rc;
  do
    rc = look_once(n, process, op, &home);
  while (rc == 1);
  if (rc == -SBX_ESILENT && op->number == 1) {
    look_by_name(n, process, op->process_info);
    rc = 0;
  }
  if (rc == 0)
    name_host(&home, op->process_info);
  return rc;
}

/* One look at an end: 0: it is set; or as call_look. */
static int try_end(struct net *n, uint64_t process, enum call_look how) {
  struct op wait = {.kind = OP_EVENT_WAIT, .deadline_ns = SBX_FOREVER};
  struct net_object *o;
  struct net_call c;
  uint64_t id;
  int rc = find_end(n, process, true, &id);
  if (rc || (rc = net_find_end(n, id, &o)))
    return rc;
  call_begin(&c, n, &wait, o);
  rc = call_look(&c, how);
  call_release(&c);
  return rc;
}

/* The same, in `op`, and ask its home; one that waits now and then. One that does not has to ask before it can know: what a
 * look told it just now (net_process_look) must not be taken back. */
static int look_and_ask(struct net *n, uint64_t process, const struct op *op, enum call_look how) {
  int rc = try_end(n, process, how);
  if ((rc != CALL_WAITS && rc != -SBX_ETIMEDOUT) ||
      (how == CALL_WAIT && was_asked_just_now(end_of(n, process))))
    return rc;
  int failed = want_end(n, process, op, how != CALL_WAIT);
  if (failed == -SBX_ESILENT) { /* nobody waits any more; unless it was set just now */
    rc = try_end(n, process, CALL_LAST);
    return rc == -SBX_ETIMEDOUT ? failed : rc;
  }
  return failed ? failed : how == CALL_WAIT ? rc : try_end(n, process, how);
}

/* The end is set: the outcome, if it is wanted. */
static int take_outcome(struct net *n, uint64_t process, struct op *op, const struct op *waits) {
  struct office_told t;
  uint64_t id;
  int rc = find_end(n, process, true, &id);
  if (rc == 0)
    rc = read_end(n, id, &t, op->number ? NULL : op->out);
  if (rc == 1)
    return -SBX_ENOOBJECT;
  if (rc || op->number)
    return rc;
  if (t.rc == 0 && t.info.status != PROCESS_DONE && !t.info.lost)
    net_process_noted(
        n, &(struct object_ref){.type = OBJECT_PROCESS, .slot = NET_SLOT, .serial = process}, false,
        waits);
  return t.rc;
}

int net_process_join(struct net *n, struct op *op) {
  uint64_t process = process_of(n, op->object);
  FAULT("away.join");
  for (unsigned looks = 0;; looks++) {
    int rc = look_and_ask(n, process, op, call_is_over(op->deadline_ns) ? CALL_LAST : CALL_WAIT);
    if (rc == 0)
      return take_outcome(n, process, op, op);
    if (rc != CALL_WAITS)
      return rc;
    FAULT("away.waits");
    rc = bell_sleep(n, op, looks);
    if (rc && rc != -SBX_ETIMEDOUT) {
      int failed = try_end(n, process, CALL_LAST);
      return failed && failed != -SBX_ETIMEDOUT ? failed : rc;
    }
  }
}

int net_process_try(struct net *n, struct op *op, const struct op *select, enum call_look how) {
  const struct op waits = {.kind = op->kind,
                           .object = op->object,
                           .deadline_ns = select->deadline_ns,
                           .since_ns = select->since_ns,
                           .locate = select->locate,
                           .locate_ctx = select->locate_ctx};
  uint64_t process = process_of(n, op->object);
  int rc = how == CALL_LAST ? try_end(n, process, how) : look_and_ask(n, process, &waits, how);
  if (rc == 0 && how != CALL_LAST)
    return take_outcome(n, process, op, &waits);
  return rc == CALL_WAITS || rc == 0 ? -SBX_ETIMEDOUT : rc;
}

int net_process_signal(struct net *n, struct op *op) {
  uint64_t process = process_of(n, op->object);
  const struct office_request q = {.process = process, .signal = op->number};
  struct office_home home;
  int rc = office_home_of(n, process, &home);
  if (rc == 0 && !home.over)
    rc = office_ask(n, OFFICE_SIGNAL, &q, op, clock_now_ns() + office_patience_ns(n), &home, NULL);
  if (rc == 0 && !home.over && net_signal_shows(op->number))
    net_await_signal(n, process, op);
  return rc == -SBX_EGONE ? 0 : rc; /* it has ended */
}

void net_process_noted(struct net *n, const struct object_ref *p, bool looked,
                       const struct op *op) {
  const struct office_request q = {.process = p->serial};
  struct office_home home;
  if (p->serial >> 48 == n->o.host || office_home_of(n, p->serial, &home) || home.over)
    return;
  office_ask(n, looked ? OFFICE_LOOKED : OFFICE_JOINED, &q, op,
             patience_of(op, office_patience_ns(n)), &home, NULL);
}

int net_process_refuse(struct net *n, struct op *op) {
  (void)n;
  (void)op;
  return -SBX_EFAR;
}
