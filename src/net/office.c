/* net/office.c - see office.h. */
#include "net/office.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/pidfd.h"
#include "object/event.h"

enum { SOON_MS = 20, WAIT_MS = 1000, DUE_MOST_MS = 256, EVENTS = 16 };
static const uint64_t office_serial = NET_IDS - 1; /* no process has it */

/* A process of this host. */
struct watched {
  uint64_t process;
  int pidfd;   /* -1: it has ended, or is about to be known to have; or nobody has asked for it */
  bool wanted; /* somebody has */
};

struct office {
  struct net n; /* as which ends are set: its own connection is borrowed */
  const struct net_below *below;
  struct link link;
  char last[ENGINE_RUN]; /* answer of the last request */
  struct watched *list;  /* owned */
  uint32_t count, cap;
  int ends; /* an epoll descriptor of the pidfds */
  int due_ms; /* one has ended, and its reaper has not said how: look again then, ever later; 0: none */
};

/* -- keys and ends --------------------------------------------------------------------------------- */

size_t office_inbox(char ret[ENGINE_KEY], const char *run, uint16_t host) {
  return engine_key(ret, run, "office:%u", host);
}

size_t office_answer_key(char ret[ENGINE_KEY], const char *run, const char *answer) {
  return engine_key(ret, run, "answer:%s", answer);
}

/* It is set with what it tells, or was set before. */
static int add_told(struct net_call *c, struct net_args *commit) {
  if (c->o->seen.words[EVENT_FLAG])
    return -SBX_ECLOSED;
  args_command(commit, 2);
  args_text(commit, "SET");
  args_add(commit, c->keep.data, c->keep.len);
  return 0;
}

int office_set(struct net *n, uint64_t id, const struct office_told *t, const struct buf *left) {
  static const struct net_storage storage = {.prepare = add_told};
  struct op op = {.kind = OP_EVENT_SET};
  struct net_call c;
  struct net_object *o = net_find(n, OBJECT_EVENT, id);
  if (!o)
    return -SBX_ENOMEM;
  call_begin(&c, n, &op, o);
  c.storage = &storage;
  int rc = buf_append(&c.keep, t, sizeof *t);
  if (rc == 0 && left && left->len)
    rc = buf_append(&c.keep, left->data, left->len);
  if (rc == 0)
    rc = call_look(&c, CALL_POLL);
  call_release(&c);
  return rc == -SBX_ECLOSED ? 0 : rc;
}

/* -- processes of this host ------------------------------------------------------------------------- */

static struct object_ref ref_of(uint64_t process) {
  return (struct object_ref){.type = OBJECT_PROCESS,
                             .slot = (uint32_t)(process >> 32 & 0xffff),
                             .serial = process & (NET_IDS - 1)};
}

static bool has_ended(const struct process_info *i) {
  return i->status != PROCESS_RUNNING && i->status != PROCESS_STOPPED;
}

/* Tell how it ended, if it has: false: it lives, or that could not be told. */
static bool tell_end(struct office *f, uint64_t process) {
  struct object_ref ref = ref_of(process);
  struct office_told t = {.rc = 0};
  struct buf left = {0};
  bool bound = false;
  uint64_t id;
  int rc = f->below->outcome(f->below->ctx, &ref, &t.info, &left, &bound);
  bool over = rc || has_ended(&t.info);
  t.rc = rc ? rc : bound ? -SBX_EHERE : 0;
  if (t.rc)
    t.info.has_result = false;
  if (over) {
    FAULT("office.before-tell");
    rc = net_create_end(&f->n, net_who_of_process(process), &id);
    if (rc == 0)
      rc = office_set(&f->n, id, &t, t.rc ? NULL : &left);
    struct net_object *o = rc == 0 ? net_find(&f->n, OBJECT_EVENT, id) : NULL;
    if (o)
      net_forget_object(&f->n, o);
  }
  buf_release(&left);
  return over && rc == 0;
}

static void forget(struct office *f, struct watched *w) {
  if (w->pidfd >= 0)
    close(w->pidfd);
  *w = f->list[--f->count];
}

/* Those that nobody has asked for go, if their record is used again; where that does not give much, the list grows. */
static void make_room(struct office *f) {
  struct process_info info;
  for (uint32_t i = f->count; i-- > 0;) {
    struct object_ref ref = ref_of(f->list[i].process);
    if (!f->list[i].wanted && f->below->outcome(f->below->ctx, &ref, &info, NULL, NULL))
      forget(f, &f->list[i]);
  }
  if (f->count < f->cap - f->cap / 4)
    return;
  uint32_t cap = f->cap ? 2 * f->cap : 16;
  struct watched *grown = realloc(f->list, cap * sizeof *grown);
  if (!grown)
    return;
  f->list = grown;
  f->cap = cap;
}

/* Its entry, made if there is none. NULL: no memory. */
static struct watched *find(struct office *f, uint64_t process) {
  for (uint32_t i = 0; i < f->count; i++)
    if (f->list[i].process == process)
      return &f->list[i];
  if (f->count == f->cap)
    make_room(f);
  if (f->count == f->cap)
    return NULL;
  f->list[f->count] = (struct watched){.process = process, .pidfd = -1};
  return &f->list[f->count++];
}

void office_note(struct office *f, uint64_t process) { find(f, process); }

/* Somebody waits for its end. */
static void watch(struct office *f, uint64_t process) {
  struct process_info info;
  struct object_ref ref = ref_of(process);
  struct watched *w = find(f, process);
  if (!w || w->wanted)
    return; /* it will be asked again; or was before */
  w->wanted = true;
  if (f->below->outcome(f->below->ctx, &ref, &info, NULL, NULL) == 0 && !has_ended(&info))
    w->pidfd = pidfd_open_of((pid_t)info.pid);
  struct epoll_event e = {.events = EPOLLIN, .data.u64 = process};
  if (w->pidfd >= 0 && epoll_ctl(f->ends, EPOLL_CTL_ADD, w->pidfd, &e) == 0)
    return;
  if (w->pidfd >= 0)
    close(w->pidfd);
  w->pidfd = -1;
  f->due_ms = 1;
}

/* A process is a zombie before its reaper says how it ended. */
static void notice_ends(struct office *f) {
  struct epoll_event e[EVENTS];
  int n = epoll_wait(f->ends, e, EVENTS, 0);
  for (int i = 0; i < n; i++) {
    struct watched *w = find(f, e[i].data.u64);
    if (!w || w->pidfd < 0)
      continue;
    close(w->pidfd); /* and out of the epoll descriptor */
    w->pidfd = -1;
    f->due_ms = 1;
  }
}

static void tell_due(struct office *f) {
  bool due = false;
  for (uint32_t i = f->count; f->due_ms && i-- > 0;)
    if (f->list[i].wanted && f->list[i].pidfd < 0) {
      if (tell_end(f, f->list[i].process))
        forget(f, &f->list[i]);
      else
        due = true;
    }
  f->due_ms = !due ? 0 : f->due_ms < DUE_MOST_MS ? 2 * f->due_ms : f->due_ms;
}

/* -- requests -------------------------------------------------------------------------------------- */

static int carry_out(struct office *f, char kind, const struct office_request *q,
                     struct process_info *ret) {
  struct object_ref ref = ref_of(q->process);
  if (kind == OFFICE_WATCH) {
    watch(f, q->process);
    tell_due(f);
    return 0;
  }
  if (kind == OFFICE_LOOK)
    return f->below->outcome(f->below->ctx, &ref, ret, NULL, NULL);
  bool dead; /* then it may ask for nothing more */
  int rc = office_is_dead(&f->n, q->asker, &dead);
  if (rc || dead)
    return rc ? rc : -SBX_EFENCED;
  if (kind == OFFICE_SIGNAL)
    return f->below->signal(f->below->ctx, &ref, q->number);
  f->below->noted(f->below->ctx, &ref, kind == OFFICE_LOOKED);
  return 0;
}

static void answer(struct office *f, const char *to, const struct office_answer *a) {
  char key[ENGINE_KEY];
  struct engine_reply *r;
  const struct engine_arg push[] = {engine_text("RPUSH"),
                                    engine_bytes(key, office_answer_key(key, f->n.o.run, to)),
                                    engine_bytes(a, sizeof *a)};
  const struct engine_arg expire[] = {engine_text("EXPIRE"), push[1], engine_text("60")};
  if (engine_ask(f->n.engine, 3, push, &r) == 0)
    engine_free(r);
  if (engine_ask(f->n.engine, 3, expire, &r) == 0)
    engine_free(r);
}

static void hear(struct office *f, const struct link_message *m) {
  struct office_request q;
  struct office_answer a = {.rc = 0};
  if (m->len != sizeof q)
    return;
  memcpy(&q, m->data, sizeof q);
  if (q.process >> 48 != f->n.o.host || !memchr(q.answer, '\0', sizeof q.answer) ||
      (q.answer[0] && strcmp(q.answer, f->last) == 0)) /* it was sent twice: see engine_ask */
    return;
  memcpy(f->last, q.answer, sizeof f->last);
  a.rc = carry_out(f, m->kind, &q, &a.info);
  if (q.answer[0])
    answer(f, q.answer, &a);
}

void office_work(struct office *f) {
  struct link_message m;
  while (link_hear(&f->link, &m) == 1)
    hear(f, &m);
  notice_ends(f);
  tell_due(f);
}

int office_poll(const struct office *f, struct pollfd fds[OFFICE_FDS]) {
  fds[0] = (struct pollfd){.fd = link_fd(&f->link), .events = POLLIN};
  fds[1] = (struct pollfd){.fd = f->ends, .events = POLLIN};
  return f->due_ms ? f->due_ms : fds[0].fd < 0 ? SOON_MS : WAIT_MS;
}

/* -- its life --------------------------------------------------------------------------------------- */

int office_open(const struct net_options *o, const struct net_below *below, struct engine *engine,
                struct office **ret) {
  char inbox[ENGINE_KEY];
  struct office *f = calloc(1, sizeof *f);
  if (!f)
    return -SBX_ENOMEM;
  f->below = below;
  f->n.o = *o;
  f->n.below = below;
  f->n.engine = engine;
  f->n.who = net_who(o, office_serial);
  state_put64(f->n.who_bytes, f->n.who);
  engine_key(f->n.prefix, o->run, "%s", "");
  f->ends = epoll_create1(EPOLL_CLOEXEC);
  office_inbox(inbox, o->run, o->host);
  int rc = f->ends < 0 ? -SBX_EMFILE : link_open(&f->link, &o->engine, inbox, inbox);
  if (rc)
    office_close(f, false);
  else
    *ret = f;
  return rc;
}

/* What is its own in the engine goes. */
static void clear(struct office *f) {
  char keys[3][ENGINE_KEY];
  struct engine_reply *r;
  const struct engine_arg args[] = {
      engine_text("UNLINK"), engine_bytes(keys[0], office_inbox(keys[0], f->n.o.run, f->n.o.host)),
      engine_bytes(keys[1],
                   engine_key(keys[1], f->n.o.run, "u:%016llx", (unsigned long long)f->n.who)),
      engine_bytes(keys[2],
                   engine_key(keys[2], f->n.o.run, "r:%016llx", (unsigned long long)f->n.who))};
  if (engine_ask(f->n.engine, 4, args, &r) == 0)
    engine_free(r);
}

void office_close(struct office *f, bool tells) {
  if (!f)
    return;
  for (uint32_t i = 0; tells && i < f->count && (i == 0 || engine_epoch(f->n.engine)); i++)
    tell_end(f, f->list[i].process);
  if (engine_epoch(f->n.engine))
    clear(f);
  while (f->count)
    forget(f, &f->list[0]);
  link_close(&f->link);
  if (f->ends >= 0)
    close(f->ends);
  free(f->n.dead);
  buf_release(&f->n.scratch);
  free(f->list);
  free(f);
}
