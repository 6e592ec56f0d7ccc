/*
 * host/far_standin.c - the process that stands for one on another host; see far.h and far_lua.h.
 *
 * It asks for the far process, prints what that prints, sends signals on, and looks at the beats of its host.
 */
#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "host/engine.h"
#include "host/far.h"
#include "host/far_lua.h"
#include "lua/state/child.h"
#include "lua/state/lib.h"
#include "net/link.h"
#include "os/process/signals.h"
#include "os/shared/wait.h"

#define STAND_IN "sandbox.standin"

struct stand_in {
  struct link link;
  char host[NAME_MAX_BYTES], life[ENGINE_RUN], run[ENGINE_RUN], id[ENGINE_RUN];
  char record[ENGINE_KEY];      /* with its beat */
  char host_record[ENGINE_KEY]; /* of the host's agent */
  struct host_watch watch;
  int64_t look_ns;
  int64_t missing_ns; /* since when the host has no record; 0: it has one */
  bool open;
};

static struct stand_in *check_stand_in(lua_State *L) { return luaL_checkudata(L, 1, STAND_IN); }

static void end_link(struct stand_in *s) {
  if (!s->open)
    return;
  s->open = false;
  /* Nobody waits for an engine that is away: what is left there has an end of its own. */
  if (engine_epoch(s->link.say)) {
    far_forget(s->link.say, s->record);
    far_forget(s->link.say, s->link.in);
  }
  link_close(&s->link);
}

static int l_close(lua_State *L) {
  end_link(check_stand_in(L));
  return 0;
}

/* Of a child that a stand-in's copy of Lua would have: nothing is told to the engine. */
static int l_gc(lua_State *L) {
  struct stand_in *s = check_stand_in(L);
  if (s->open)
    link_close(&s->link);
  s->open = false;
  return 0;
}

/* Without what would end it early. */
static void copy_line(char *ret, size_t size, const char *text) {
  text_copy(ret, size, text);
  for (char *c = ret; *c; c++)
    if (*c == '\n')
      *c = ' ';
}

static void fill_request(lua_State *L, struct stand_in *s, struct far_request *r) {
  const struct backend *b = &the_backend->base;
  const struct process_record *me = my_record(the_backend);
  *r = (struct far_request){.seed = me->seed,
                            .speed = b->run->clock(&the_backend->base)->speed,
                            .now = clock_run_now(b->run->clock(&the_backend->base), clock_now_ns()),
                            .lost_ns = far_setup.lost_ns,
                            .trace = far_setup.trace,
                            .serial = the_backend->serial,
                            .stand_in = engine_process(the_backend->slot, the_backend->serial),
                            .spawner = engine_process(me->spawner, me->spawner_serial)};
  if (far_setup.far)
    text_copy(r->parent, sizeof r->parent, far_setup.id);
  memcpy(r->key, b->run->key(&the_backend->base), sizeof r->key);
  text_copy(r->run, sizeof r->run, s->run);
  text_copy(r->id, sizeof r->id, s->id);
  copy_line(r->name, sizeof r->name, me->name);
  copy_line(r->spawned_at, sizeof r->spawned_at, me->spawned_at);
  text_copy(r->from, sizeof r->from, far_setup.here);
  if (!getcwd(r->cwd, sizeof r->cwd) || strchr(r->cwd, '\n'))
    r->cwd[0] = '\0';
  r->call = luaL_checklstring(L, 3, &r->call_len);
}

static int send_request(lua_State *L, struct stand_in *s) {
  struct far_request r;
  struct buf bytes = {0};
  char inbox[ENGINE_KEY];
  fill_request(L, s, &r);
  host_inbox(inbox, s->host);
  int rc = host_beat_own(s->link.say, s->record);
  if (rc == 0)
    rc = far_request_write(&r, &bytes);
  if (rc == 0)
    rc = link_add(s->link.say, inbox, FAR_REQUEST, bytes.data, bytes.len);
  buf_release(&bytes);
  return rc;
}

/* begin(host, life, call) -> link */
static int l_begin(lua_State *L) {
  char up[ENGINE_KEY], down[ENGINE_KEY];
  const char *host = luaL_checkstring(L, 1), *life = luaL_checkstring(L, 2);
  struct stand_in *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (struct stand_in){.open = false};
  if (luaL_newmetatable(L, STAND_IN)) {
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  text_copy(s->host, sizeof s->host, host);
  text_copy(s->life, sizeof s->life, life);
  text_copy(s->run, sizeof s->run, far_setup.run);
  engine_draw_run(s->id);
  far_key(up, s->run, s->id, "up");
  far_key(down, s->run, s->id, "down");
  far_key(s->record, s->run, s->id, "");
  host_record(s->host_record, host);
  int rc = link_open(&s->link, &far_setup.engine, down, up);
  s->open = true;
  if (rc == 0)
    rc = send_request(L, s);
  if (rc)
    return far_raise(L, rc);
  host_watch_begin(&s->watch, engine_epoch(s->link.say), far_setup.lost_ns);
  return 1;
}

/* Send on the signals that came. */
static int send_signals(struct stand_in *s) {
  uint32_t wanted = atomic_exchange(&my_record(the_backend)->wanted, 0);
  int rc = 0;
  for (int n = 1; n < 32 && rc == 0; n++)
    if (wanted & 1U << n) {
      char number[8];
      text_number(number, n);
      rc = link_say(&s->link, FAR_SIGNAL, number, strlen(number));
    }
  return rc;
}

/* Is the host lost? Then `why` tells. */
static int look_at_host(struct stand_in *s, int64_t now_ns, char *why, size_t size,
                        bool *ret_lost) {
  int64_t age_ns;
  char life[ENGINE_RUN];
  *ret_lost = false;
  int rc = host_beat_own(s->link.say, s->record);
  if (rc == 0 || rc == -SBX_ENOSPC) /* the engine may have room again at the next beat */
    rc = far_renew(s->link.say, s->link.out);
  if (rc == 0)
    rc = host_age(s->link.say, s->host_record, &age_ns, life);
  if (rc)
    return rc;
  if (age_ns >= 0)
    s->missing_ns = 0;
  else if (s->missing_ns == 0)
    s->missing_ns = now_ns;
  if (age_ns < 0)
    age_ns = now_ns - s->missing_ns;
  else if (strcmp(life, s->life) != 0)
    *ret_lost = true;
  bool overdue = host_is_overdue(&s->watch, engine_epoch(s->link.say), age_ns, far_setup.lost_ns);
  if (*ret_lost)
    snprintf(why, size, "its agent was started anew");
  else if (overdue)
    *ret_lost = true,
    snprintf(why, size, "no sign of life for %.1f s", (double)far_setup.lost_ns / 1e9);
  return *ret_lost ? far_declare_dead(s->link.say, s->run, s->id, s->record) : 0;
}

/* Sleep until a message comes, a signal, or it is time to beat. False: a signal came. */
static bool sleep_for_news(const struct stand_in *s) {
  enum { SOON_NS = 20 * 1000 * 1000 };
  struct pollfd fd = {.fd = link_fd(&s->link), .events = POLLIN};
  int64_t until_ns = fd.fd < 0 ? clock_now_ns() + SOON_NS : s->look_ns;
  struct timespec left;
  sigset_t block, old;
  sigemptyset(&block);
  sigaddset(&block, SIGINT);
  sigaddset(&block, WAKE_SIGNAL);
  sigprocmask(SIG_BLOCK, &block, &old);
  bool woken = atomic_load(&my_record(the_backend)->wanted) != 0 ||
               (ppoll(&fd, 1, clock_left(until_ns, &left), &old) < 0 && errno == EINTR);
  sigprocmask(SIG_SETMASK, &old, NULL);
  return !woken;
}

static void print(FILE *f, const struct link_message *m) {
  fwrite(m->data, 1, m->len, f);
  if (m->len > 0 && ((const char *)m->data)[m->len - 1] != '\n')
    fflush(f);
}

static int push_end(lua_State *L, const struct link_message *m) {
  struct far_end end;
  if (m->len < sizeof end)
    return luaL_error(L, "the end of the process came cut off");
  memcpy(&end, m->data, sizeof end);
  lua_pushliteral(L, "end");
  lua_pushinteger(L, end.exit_code);
  lua_pushinteger(L, end.signal);
  static const char *const outcomes[] = {"nothing", "results", "failure"};
  lua_pushstring(L, outcomes[end.outcome >= 0 && end.outcome <= FAR_FAILURE ? end.outcome : 0]);
  lua_pushlstring(L, (const char *)m->data + sizeof end, m->len - sizeof end);
  return 5;
}

/* "KEY NAME" */
static int push_module(lua_State *L, const struct link_message *m) {
  const char *blank = memchr(m->data, ' ', m->len);
  if (!blank)
    return 0;
  size_t key = (size_t)(blank - (const char *)m->data);
  lua_pushliteral(L, "module");
  lua_pushlstring(L, m->data, key);
  lua_pushlstring(L, blank + 1, m->len - key - 1);
  return 3;
}

static int push_lost(lua_State *L, const char *why, size_t len) {
  lua_pushliteral(L, "lost");
  lua_pushlstring(L, why, len);
  return 2;
}

static int take(lua_State *L, const struct link_message *m) {
  switch (m->kind) {
  case FAR_OUT:
    print(stdout, m);
    return 0;
  case FAR_ERR:
    print(stderr, m);
    return 0;
  case FAR_MODULE:
    return push_module(L, m);
  case FAR_LOST:
    return push_lost(L, m->data, m->len);
  case FAR_END:
    return push_end(L, m);
  default:
    return 0;
  }
}

static int l_next(lua_State *L) {
  struct stand_in *s = check_stand_in(L);
  struct link_message m;
  char why[128];
  bool lost = false;
  luaL_argcheck(L, s->open, 1, "it is closed");
  lua_settop(L, 1);
  int rc = send_signals(s);
  if (rc == 0)
    rc = link_hear(&s->link, &m);
  if (rc == 1)
    return take(L, &m);
  int64_t now_ns = clock_now_ns();
  if (rc == 0 && now_ns >= s->look_ns) {
    rc = look_at_host(s, now_ns, why, sizeof why, &lost);
    s->look_ns = now_ns + HOST_BEAT_NS;
  }
  if (rc)
    return far_raise(L, rc);
  if (lost)
    return push_lost(L, why, strlen(why));
  sleep_for_news(s);
  return 0;
}

/* answer(link, key, bytes) */
static int l_answer(lua_State *L) {
  struct stand_in *s = check_stand_in(L);
  size_t len;
  const char *key = luaL_checkstring(L, 2), *bytes = luaL_checklstring(L, 3, &len);
  struct engine_reply *r;
  luaL_argcheck(L, s->open, 1, "it is closed");
  int rc = engine_ask(
      s->link.say, 3,
      (struct engine_arg[]){engine_text("RPUSH"), engine_text(key), engine_bytes(bytes, len)}, &r);
  if (rc == 0) {
    engine_free(r);
    rc = far_renew(s->link.say, key);
  }
  return rc ? far_raise(L, rc) : 0;
}

static int l_die(lua_State *L) {
  int n = (int)luaL_checkinteger(L, 1);
  sigset_t set;
  fflush(NULL);
  signal(n, SIG_DFL);
  sigemptyset(&set);
  sigaddset(&set, n);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  kill(getpid(), n);
  kill(getpid(), SIGKILL); /* it was one that ends nothing */
  return 0;
}

static int l_leave(lua_State *L) {
  lua_settop(L, 1);
  lua_pushlightuserdata(L, lib_find(L));
  lua_pushnil(L);
  lua_pushcclosure(L, child_os_exit, 2);
  lua_insert(L, 1);
  lua_call(L, 1, 0);
  return 0;
}

const luaL_Reg far_stand_in[] = {{"begin", l_begin},   {"next", l_next}, {"close", l_close},
                                 {"answer", l_answer}, {"die", l_die},   {"leave", l_leave},
                                 {NULL, NULL}};
