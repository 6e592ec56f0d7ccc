/* net/process.c - the calling process, as an engine knows it: who it is, what it is called, which time it is there. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/internal.h"

uint64_t net_who(const struct net_options *o, uint64_t serial) { return who_of(o->host, serial); }

int net_tell_keeper(struct net *n, const struct net_birth *note) {
  ssize_t sent;
  if (n->o.keeper < 0)
    return 0;
  do
    sent = send(n->o.keeper, note, sizeof *note, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == sizeof *note ? 0 : -SBX_EKEEPER;
}

int net_tell_birth(struct net *n, uint64_t who, int64_t pid) {
  return net_tell_keeper(n, &(struct net_birth){.who = who, .pid = pid});
}

/* What this process is called, for the reports of others. */
static int note_name(struct net *n) {
  char key[ENGINE_KEY], procs[ENGINE_KEY], ttl[16];
  struct engine_reply *r;
  struct process_info info;
  struct object *self;
  struct op look = {.kind = OP_PROCESS_LOOK, .number = 1, .process_info = &info};
  if (n->backend->self->process_self(n->backend, &self))
    return -SBX_ENOMEM;
  look.object = self;
  int rc = n->inner->perform(n->backend, &look);
  struct op done = {.kind = OP_HANDLE_RELEASE, .object = self};
  n->inner->perform(n->backend, &done);
  if (rc)
    return 0;
  const struct engine_arg args[] = {
      engine_bytes(key, net_key(n, key, "names")), engine_bytes(procs, net_key(n, procs, "procs")),
      engine_bytes(n->who_bytes, 8), engine_text(info.name),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S))};
  do
    rc = engine_eval(n->engine, &script_name, 2, 5, args, &r);
  while (rc == -SBX_EAGAIN);
  if (rc == 0)
    engine_free(r);
  return rc;
}

void net_name_of(struct net *n, uint64_t who, char ret[NAME_MAX_BYTES]) {
  uint8_t bytes[8];
  struct engine_reply *r = NULL;
  *ret = '\0';
  state_put64(bytes, who);
  if (net_read_field(n, "names", engine_bytes(bytes, sizeof bytes), &r) == 0 && r)
    snprintf(ret, NAME_MAX_BYTES, "%s", engine_data(r));
  engine_free(r);
}

/* How far the engine's clock is ahead: known but for the time that the answer took. On the same host it is the same
 * clock. */
static void compare_clocks(struct net *n) {
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("TIME")};
  int64_t before = clock_wall_ns();
  if (engine_ask(n->engine, 1, args, &r))
    return;
  int64_t after = clock_wall_ns();
  const struct engine_reply *s = engine_at(r, 0), *us = engine_at(r, 1);
  if (engine_type(s) == ENGINE_BYTES && engine_type(us) == ENGINE_BYTES) {
    int64_t there = strtoll(engine_data(s), NULL, 10) * NS_PER_SECOND +
                    strtoll(engine_data(us), NULL, 10) * 1000;
    bool same = there + 1000 >= before && there <= after;
    n->clock_ahead_ns = same ? 0 : there - (before + (after - before) / 2);
    n->clock_epoch = engine_epoch(n->engine);
  }
  engine_free(r);
}

uint64_t net_ticks(struct net *n) {
  if (n->clock_epoch != engine_epoch(n->engine))
    compare_clocks(n);
  return (uint64_t)((clock_wall_ns() + n->clock_ahead_ns) / (NS_PER_SECOND / TICKS_A_SECOND));
}

/* It is another process than before: a child, with a copy of all this. */
static int become(struct net *n) {
  n->pid = getpid();
  n->who = net_who(&n->o, n->backend->self->id(n->backend));
  state_put64(n->who_bytes, n->who);
  n->sequence = 0;
  n->bells_epoch = 0;
  n->fenced = n->missed = false;
  n->stream = (struct net_stream){0};
  for (int i = 0; i < CHAINS; i++)
    for (struct net_object *o = n->chains[i]; o; o = o->next) {
      o->used = o->in_hand = false;
      o->seen_epoch = 0;
      o->taken_at[0] = '\0';
    }
  int rc = net_tell_birth(n, n->who, n->pid);
  if (rc == 0)
    rc = engine_ensure(n->engine);
  return rc ? rc : note_name(n);
}

int net_enter(struct net *n) {
  if (n->pid != getpid()) {
    int rc = become(n);
    if (rc) {
      n->pid = 0;
      return rc;
    }
  }
  return n->fenced ? -SBX_EFENCED : engine_ensure(n->engine);
}

int64_t net_look_again_ns(unsigned looks) {
  enum { FIRST_MS = 500, MOST_MS = 4000 };
  int64_t ms = (int64_t)FIRST_MS << (looks < 3 ? looks : 3);
  return clock_now_ns() + (ms < MOST_MS ? ms : MOST_MS) * NS_PER_MS;
}
