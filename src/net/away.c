/*
 * net/away.c - processes of other hosts: how they stand, joining them, signals to them. See office.h.
 *
 * Whatever their home knows is asked for there. When that is over, an end that it did not set is set here, so that all
 * who join hear the same.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "net/office.h"
#include "object/event.h"

#define ASK_AGAIN_NS (NS_PER_SECOND / 4)

void net_show_process(struct net *n, const struct object_ref *ref) {
  const struct net_birth note = {.process = ref->serial};
  uint64_t *seen = &n->shown[ref->serial % NET_ENDS];
  if (ref->type != OBJECT_PROCESS || ref->slot != NET_SLOT || n->o.host == 0 ||
      ref->serial >> 48 != n->o.host || *seen == ref->serial || n->o.keeper < 0)
    return; /* host 0 is there as long as anybody could ask */
  if (write(n->o.keeper, &note, sizeof note) == sizeof note)
    *seen = ref->serial;
}

/* -- its end ------------------------------------------------------------------------------------------ */

static struct net_end *end_of(struct net *n, uint64_t process) {
  struct net_end *e = &n->known[process % NET_ENDS];
  if (e->process != process)
    *e = (struct net_end){.process = process};
  return e;
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
  struct net_object *o = net_find(n, OBJECT_EVENT, id);
  struct engine_reply *r = NULL;
  struct net_args a;
  if (!o)
    return -SBX_ENOMEM;
  args_begin(&a);
  args_command(&a, 1);
  args_text(&a, "GET");
  int rc = net_look(n, o, &a, &r);
  args_release(&a);
  if (rc == 0 && !o->seen.words[EVENT_FLAG])
    rc = 1;
  const struct engine_reply *bytes = engine_at(r, LOOK_ANSWERS);
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

/* Ask for the end to be set, or see that it will not be. `now`: if the process has ended, it is set when this returns. */
static int want_end(struct net *n, uint64_t process, bool now) {
  const struct office_request q = {.process = process, .asker = n->who};
  struct office_home home;
  struct net_end *e = end_of(n, process);
  e->asked_ns = clock_now_ns();
  int rc = office_home_of(n, process, &home);
  if (rc)
    return rc;
  if (!home.over && !now)
    rc = office_send(n, OFFICE_WATCH, &q);
  else if (!home.over)
    rc = office_ask(n, process, OFFICE_WATCH, 0, OFFICE_BRIEF_S * NS_PER_SECOND, &home, NULL);
  if (rc == 0 && home.over)
    return set_lost(n, process, &home);
  if (rc == -SBX_ESILENT || (rc == 0 && !now))
    rc = office_listens(n, process, &e->silence); /* if it does, a later look will tell */
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
static int look_once(struct net *n, uint64_t process, bool who, struct office_home *home,
                     struct process_info *ret) {
  const int64_t patience_ns = (who ? OFFICE_BRIEF_S : OFFICE_ANSWER_S) * NS_PER_SECOND;
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
    rc = office_ask(n, process, OFFICE_LOOK, 0, patience_ns, home, ret);
  return rc == 0 && home->over ? 1 : rc;
}

int net_process_look(struct net *n, struct op *op) {
  uint64_t process = process_of(n, op->object);
  bool who = op->number != 0; /* is all that is wanted */
  struct office_home home;
  int rc = office_home_of(n, process, &home);
  if (rc)
    return rc;
  do
    rc = look_once(n, process, who, &home, op->process_info);
  while (rc == 1);
  if (rc == -SBX_ESILENT && who) {
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
  struct net_call c;
  uint64_t id;
  int rc = find_end(n, process, true, &id);
  struct net_object *o = rc == 0 ? net_find(n, OBJECT_EVENT, id) : NULL;
  if (rc || !o)
    return rc ? rc : -SBX_ENOMEM;
  call_begin(&c, n, &wait, o);
  rc = call_look(&c, how);
  call_release(&c);
  return rc;
}

/* The same, and ask its home now and then. One that does not wait has to ask before it can know. */
static int look_and_ask(struct net *n, uint64_t process, enum call_look how) {
  int rc = try_end(n, process, how);
  const struct net_end *e = end_of(n, process);
  if ((rc != CALL_WAITS && rc != -SBX_ETIMEDOUT) ||
      (e->asked_ns && clock_now_ns() < e->asked_ns + ASK_AGAIN_NS))
    return rc;
  int failed = want_end(n, process, how != CALL_WAIT);
  if (failed == -SBX_ESILENT) { /* nobody waits any more; unless it was set just now */
    rc = try_end(n, process, CALL_LAST);
    return rc == -SBX_ETIMEDOUT ? failed : rc;
  }
  return failed ? failed : how == CALL_WAIT ? rc : try_end(n, process, how);
}

/* The end is set: the outcome, if it is wanted. */
static int take_outcome(struct net *n, uint64_t process, struct op *op) {
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
        n, &(struct object_ref){.type = OBJECT_PROCESS, .slot = NET_SLOT, .serial = process},
        false);
  return t.rc;
}

int net_process_join(struct net *n, struct op *op) {
  uint64_t process = process_of(n, op->object);
  FAULT("away.join");
  for (unsigned looks = 0;; looks++) {
    int rc = look_and_ask(n, process, call_is_over(op->deadline_ns) ? CALL_LAST : CALL_WAIT);
    if (rc == 0)
      return take_outcome(n, process, op);
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

int net_process_try(struct net *n, struct op *op, enum call_look how) {
  uint64_t process = process_of(n, op->object);
  int rc = how == CALL_LAST ? try_end(n, process, how) : look_and_ask(n, process, how);
  if (rc == 0 && how != CALL_LAST)
    return take_outcome(n, process, op);
  return rc == CALL_WAITS || rc == 0 ? -SBX_ETIMEDOUT : rc;
}

int net_process_signal(struct net *n, struct op *op) {
  uint64_t process = process_of(n, op->object);
  struct office_home home;
  int rc = office_home_of(n, process, &home);
  if (rc == 0 && !home.over)
    rc = office_ask(n, process, OFFICE_SIGNAL, op->number, OFFICE_ANSWER_S * NS_PER_SECOND, &home,
                    NULL);
  if (rc == 0 && !home.over && net_signal_shows(op->number))
    net_await_signal(n, process, op->number);
  return rc == -SBX_EGONE ? 0 : rc; /* it has ended */
}

void net_process_noted(struct net *n, const struct object_ref *p, bool looked) {
  struct office_home home;
  if (p->serial >> 48 == n->o.host || office_home_of(n, p->serial, &home) || home.over)
    return;
  office_ask(n, p->serial, looked ? OFFICE_LOOKED : OFFICE_JOINED, 0,
             OFFICE_ANSWER_S * NS_PER_SECOND, &home, NULL);
}

int net_process_refuse(struct net *n, struct op *op) {
  (void)n;
  (void)op;
  return -SBX_EFAR;
}
