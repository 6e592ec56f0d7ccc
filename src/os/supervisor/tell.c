/* os/supervisor/tell.c - what the supervisor says of processes, from their records alone; see
 * supervisor_internal.h. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "os/supervisor/supervisor_internal.h"
#include "os/sync/sync.h"

/* Append to a string of at most `size` bytes what there is room for. */
static void __attribute__((format(printf, 3, 4)))
append(char *to, size_t size, const char *format, ...) {
  size_t len = strlen(to);
  va_list args;
  va_start(args, format);
  vsnprintf(to + len, size - len, format, args);
  va_end(args);
}

static void tell_name(const struct control *c, uint32_t slot, char *ret, size_t size) {
  uint64_t id = stamp_serial(atomic_load(&c->process_stamp[slot]));
  if (slot == 0)
    snprintf(ret, size, "main");
  else
    snprintf(ret, size, "%.*s#%llu", NAME_MAX_BYTES - 1, c->processes[slot].name,
             (unsigned long long)id);
}

/* "select" or, of a select, "select (get, join, ...)" */
static void tell_op(const struct process_record *p, enum op_kind kind, char *ret, size_t size) {
  snprintf(ret, size, "%s", op_describe(kind)->verb);
  uint32_t n = kind == OP_SELECT ? p->select_count : 0;
  for (uint32_t i = 0; i < n && i < SELECT_SHOWN; i++)
    append(ret, size, "%s%s", i ? ", " : " (", op_describe((enum op_kind)p->select[i].kind)->verb);
  if (n)
    append(ret, size, n > SELECT_SHOWN ? ", ...)" : ")");
}

/* A place of the script's: not one in the library (a worker of a pool), nor none. */
static bool tells_place(const char *where) {
  return *where && strcmp(where, "?") != 0 && strncmp(where, "[sandbox ", 9) != 0;
}

void tell_place(const struct control *c, uint32_t slot, char *ret, size_t size) {
  const struct process_record *p = &c->processes[slot];
  char name[NAME_MAX_BYTES + 24], where[WHERE_MAX], op[128];
  uint32_t kind;
  tell_name(c, slot, name, sizeof name);
  for (int tries = 0; tries < 3; tries++) { /* it may be on its way from one op to the next */
    kind = atomic_load(&p->op_kind);
    snprintf(where, sizeof where, "%.*s", WHERE_MAX - 1, p->where);
    tell_op(p, (enum op_kind)kind, op, sizeof op);
    if (atomic_load(&p->op_kind) == kind)
      break;
  }
  bool known = tells_place(where);
  if (kind != OP_NONE && strcmp(where, WHERE_IDLE) == 0)
    snprintf(ret, size, "%s idle", name);
  else if (kind != OP_NONE)
    snprintf(ret, size, "%s in %s%s%s", name, op, known ? " at " : "", known ? where : "");
  else if (known && (p->flags & FLAG_INTERRUPTED))
    snprintf(ret, size, "%s at %s", name, where);
  else if (known)
    snprintf(ret, size, "%s running, after %s", name, where);
  else
    snprintf(ret, size, "%s running", name);
}

/* The signal that ends the run had been sent to this process, too, and ended it. */
static bool ended_alike(const struct process_record *p, int signal) {
  bool by_signal = p->signal == signal && !(p->flags & FLAG_EXPECTED);
  bool interrupted = signal == SIGINT && p->signal == 0 && (p->flags & FLAG_RUN_ENDS);
  return (by_signal || interrupted) && clock_now_ns() - p->failed_ns < NS_PER_SECOND;
}

void tell_mark(struct control *c, int signal, struct caught *ret) {
  *ret = (struct caught){0};
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    if (!control_process_alive(c, i) && !ended_alike(&c->processes[i], signal))
      continue;
    atomic_fetch_or(&c->processes[i].flags, FLAG_CAUGHT);
    if (ret->count == PLACES_MAX) {
      ret->more++;
      continue;
    }
    ret->slots[ret->count] = i;
    if (atomic_load(&c->processes[i].op_kind) !=
        OP_NONE) /* it will wait elsewhere in a `<close>` */
      tell_place(c, i, ret->places[ret->count], sizeof ret->places[0]);
    ret->count++;
  }
}

void tell_caught(const struct control *c, const struct caught *caught, char *ret, size_t size) {
  char place[PLACE_MAX_BYTES];
  ret[0] = '\0';
  for (uint32_t i = 0; i < caught->count; i++) {
    memcpy(place, caught->places[i], sizeof place);
    if (place[0] == '\0') /* it was running: where, the interrupt told */
      tell_place(c, caught->slots[i], place, sizeof place);
    append(ret, size, "%s%s", i ? "; " : "", place);
  }
  if (caught->more)
    append(ret, size, "; and %u more", caught->more);
}

bool tell_children_of_main(const struct control *c, char *ret, size_t size) {
  struct caught children = {0};
  uint64_t main_serial = stamp_serial(atomic_load(&c->process_stamp[0]));
  for (uint32_t i = 1; i < control_process_end(c); i++) {
    const struct process_record *p = &c->processes[i];
    if (!control_process_exists(c, i) || p->spawner_serial != main_serial ||
        (p->flags & FLAG_DAEMON))
      continue;
    if (children.count == PLACES_MAX)
      children.more++;
    else
      children.slots[children.count++] = i;
  }
  tell_caught(c, &children, ret, size);
  return children.count > 0;
}

/* "; it still held lock 'ledger', acquired at x.lua:7" */
static void tell_forgotten(const struct forgotten *f, char *ret, size_t size) {
  const char *type = f->type == OBJECT_LOCK ? "lock" : "value or dict";
  char object[NAME_MAX_BYTES + 40];
  if (f->name[0])
    snprintf(object, sizeof object, "%s '%s'", type, f->name);
  else
    snprintf(object, sizeof object, "%s#%llu", type, (unsigned long long)f->id);
  append(ret, size, "; it still held %s%s%s", object, f->where[0] ? ", acquired at " : "",
         f->where);
}

/* "; it still held lock 'ledger', acquired at x.lua:7", for each thing that was in its hands and
 * that nobody has taken over yet. */
static void tell_held(const struct control *c, uint32_t slot, uint64_t serial, char *ret,
                      size_t size) {
  for (uint32_t w = 0; w < OBJECT_WORDS; w++)
    for (uint64_t bits = atomic_load(&c->held[slot][w]); bits; bits &= bits - 1) {
      uint32_t object = 64 * w + (uint32_t)__builtin_ctzll(bits);
      struct forgotten f;
      if (sync_find_forgotten(c, object, who_of(slot, serial), &f))
        tell_forgotten(&f, ret, size);
    }
}

bool tell_failure(const struct control *c, uint32_t slot, char *ret, size_t size) {
  const struct process_record *p = &c->processes[slot];
  char place[LINE_MAX_BYTES / 4];
  if (p->signal == SIGPIPE && fd_is_broken(STDOUT_FILENO)) /* `| head` is no news */
    return false;
  if (p->signal) {
    tell_place(c, slot, place, sizeof place);
    snprintf(ret, size, "%s (pid %d) was killed by signal %d (%s); spawned at %.*s", place, p->pid,
             p->signal, strsignal(p->signal), WHERE_MAX - 1, p->spawned_at);
    tell_held(c, slot, stamp_serial(atomic_load(&c->process_stamp[slot])), ret, size);
  } else {
    tell_name(c, slot, place, sizeof place);
    snprintf(ret, size, "%s (pid %d) left with exit status %d; spawned at %.*s", place, p->pid,
             p->exit_code, WHERE_MAX - 1, p->spawned_at);
  }
  return true;
}
