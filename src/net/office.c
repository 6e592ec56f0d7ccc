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
  int trouble; /* why it could not be read how it ended, when that was tried last; 0 */
};

struct office {
  struct net n; /* as which ends are set: its own connection is borrowed */
  const struct net_below *below;
  struct office_owner owner;
  struct link link;
  struct watched *list; /* owned */
  uint32_t count, cap;
  int ends; /* an epoll descriptor of the pidfds */
  int due_ms; /* one has ended, and its reaper has not said how: look again then, ever later; 0: none */
};

/* -- keys and ends --------------------------------------------------------------------------------- */

size_t office_inbox(char ret[ENGINE_KEY], const char *run, uint16_t host) {
  return engine_key(ret, run, "office:%u", host);
}

size_t office_answer_key(char ret[ENGINE_KEY], const char *run, uint64_t asker, uint16_t home) {
  return engine_key(ret, run, "answer:%016llx:%u", (unsigned long long)asker, (unsigned)home);
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
  struct net_object *o;
  int rc = net_find_end(n, id, &o);
  if (rc)
    return rc;
  call_begin(&c, n, &op, o);
  c.storage = &storage;
  rc = buf_append(&c.keep, t, sizeof *t);
  if (rc == 0 && left && left->len)
    rc = buf_append(&c.keep, left->data, left->len);
  if (rc == 0)
    rc = call_look(&c, CALL_POLL);
  call_release(&c);
  return rc == -SBX_ECLOSED ? 0 : rc;
}

/* -- processes of this host ------------------------------------------------------------------------- */

static bool has_ended(const struct process_info *i) {
  return i->status != PROCESS_RUNNING && i->status != PROCESS_STOPPED;
}

static bool set_end(struct office *f, uint64_t process, const struct office_told *t,
                    const struct buf *left) {
  uint64_t id;
  FAULT("office.before-tell");
  int rc = net_create_end(&f->n, net_who_of_process(process), &id);
  if (rc == 0)
    rc = office_set(&f->n, id, t, t->rc ? NULL : left);
  struct net_object *o;
  if (rc == 0 && net_find_end(&f->n, id, &o) == 0)
    net_forget_object(&f->n, o);
  return rc == 0;
}

/* Tell how it ended, if it has: false: it lives, or that could not be told; *ret_trouble: a code if it could not be read. */
static bool tell_end(struct office *f, uint64_t process, int *ret_trouble) {
  struct object_ref ref = net_process_ref(process);
  struct office_told t = {.rc = 0};
  struct buf left = {0};
  bool bound = false;
  int rc = FAULT("office.outcome") ? -SBX_ENOMEM
                                   : f->below->outcome(f->below->ctx, &ref, &t.info, &left, &bound);
  *ret_trouble = rc == -SBX_EGONE ? 0 : rc; /* of this attempt: the next one may do better */
  t.rc = rc ? rc : bound ? -SBX_EHERE : 0;
  if (t.rc)
    t.info.has_result = false;
  bool over = *ret_trouble == 0 && (rc || has_ended(&t.info));
  bool told = over && set_end(f, process, &t, &left);
  buf_release(&left);
  return told;
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
    struct object_ref ref = net_process_ref(f->list[i].process);
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
static void watch(struct office *f, struct watched *w) {
  const uint64_t process = w->process;
  struct process_info info;
  struct object_ref ref = net_process_ref(process);
  if (w->wanted)
    return; /* as somebody did before */
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
      if (tell_end(f, f->list[i].process, &f->list[i].trouble))
        forget(f, &f->list[i]);
      else
        due = true;
    }
  f->due_ms = !due ? 0 : f->due_ms < DUE_MOST_MS ? 2 * f->due_ms : f->due_ms;
}

/* -- requests -------------------------------------------------------------------------------------- */

/* 0: its end is set, or will be; or why it could not be read how it ended */
static int watch_end(struct office *f, uint64_t process) {
  struct watched *w = find(f, process);
  if (!w)
    return -SBX_ENOMEM;
  watch(f, w);
  notice_ends(f); /* what a look told of it may be newer than what was noticed */
  tell_due(f);
  for (uint32_t i = 0; i < f->count; i++)
    if (f->list[i].process == process)
      return f->list[i].trouble;
  return 0;
}

/* It may never use an object itself: then its death would be no business of the engine's. */
static int note_mail(struct office *f, uint64_t process) {
  struct object_ref ref = net_process_ref(process);
  struct process_info info;
  uint64_t who = net_who_of_process(process);
  int rc = f->below->outcome(f->below->ctx, &ref, &info, NULL, NULL);
  if (rc == 0 && !has_ended(&info)) {
    f->owner.keep(f->owner.ctx, who, (pid_t)info.pid);
    return 0;
  }
  if (rc && rc != -SBX_EGONE)
    return rc;
  rc = net_bury(f->n.engine, &f->n.o, who);
  return rc ? rc : -SBX_EGONE;
}

static int carry_out(struct office *f, char kind, const struct office_request *q,
                     struct process_info *ret) {
  struct object_ref ref = net_process_ref(q->process);
  if (kind == OFFICE_WATCH)
    return watch_end(f, q->process);
  if (kind == OFFICE_MAIL)
    return note_mail(f, q->process);
  if (kind == OFFICE_LOOK)
    return f->below->outcome(f->below->ctx, &ref, ret, NULL, NULL);
  bool dead; /* then it may ask for nothing more */
  int rc = office_is_dead(&f->n, q->asker, &dead);
  if (rc || dead)
    return rc ? rc : -SBX_EFENCED;
  if (kind == OFFICE_SIGNAL)
    return f->below->signal(f->below->ctx, &ref, q->signal);
  f->below->noted(f->below->ctx, &ref, kind == OFFICE_LOOKED);
  return 0;
}

/* KEYS 1 the answer. ARGV 1 what it is, its number first; 2 seconds; 3 the asker's bell. A newer one stays: this one was still under
 * way over a connection that broke. */
static struct engine_script script_answer = {
    .text = "local old = redis.call('GET', KEYS[1])\n"
            "if old and old:sub(1, 8) > ARGV[1]:sub(1, 8) then return 0 end\n"
            "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])\n"
            "redis.call('PUBLISH', ARGV[3], '')\n"
            "return 1\n"};

static void answer(struct office *f, uint64_t asker, const struct office_answer *a) {
  char key[ENGINE_KEY], ttl[16];
  uint8_t bell[ENGINE_KEY + 16];
  struct engine_reply *r;
  const struct engine_arg args[] = {
      engine_bytes(key, office_answer_key(key, f->n.o.run, asker, f->n.o.host)),
      engine_bytes(a, sizeof *a),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S)),
      engine_bytes(bell, bell_channel(&f->n, asker, bell))};
  int rc;
  do
    rc = engine_eval(f->n.engine, &script_answer, 1, 4, args, &r);
  while (rc == -SBX_EAGAIN);
  if (rc == 0)
    engine_free(r);
}

static void hear(struct office *f, const struct link_message *m) {
  struct office_request q;
  struct office_answer a = {.rc = 0};
  if (m->len != sizeof q)
    return;
  memcpy(&q, m->data, sizeof q);
  if (q.process >> 48 != f->n.o.host)
    return;
  a.rc = carry_out(f, m->kind, &q, &a.info);
  state_put64(a.number, q.number);
  if (q.awaited || (m->kind == OFFICE_WATCH && a.rc))
    answer(f, q.asker, &a);
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
                const struct office_owner *owner, struct office **ret) {
  char inbox[ENGINE_KEY];
  struct office *f = calloc(1, sizeof *f);
  if (!f)
    return -SBX_ENOMEM;
  f->below = below;
  f->owner = *owner;
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
  int trouble;
  for (uint32_t i = 0; tells && i < f->count && (i == 0 || engine_epoch(f->n.engine)); i++)
    tell_end(f, f->list[i].process, &trouble);
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
