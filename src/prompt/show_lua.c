/*
 * prompt/show_lua.c - see show_lua.h.
 *
 * Lua errors leave by longjmp, so nothing is raised while a snapshot or a buffer is owned: what is
 * to be raised is first pushed as a string.
 */
#include "prompt/show_lua.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "look/waits.h"
#include "lua/state/answer.h"
#include "lua/state/lib.h"
#include "prompt/act.h"
#include "prompt/show.h"
#include "prompt/waits_file.h"

static struct backend *backend_of(lua_State *L) { return lib_find(L)->b; }

/* -- what is done to processes --------------------------------------------------------------- */

/* Raise the sentence in `why`, or the code's text, and release the buffer. */
static int raise_why(lua_State *L, const char *name, int rc, struct buf *why) {
  luaL_where(L, 1);
  lua_pushfstring(L, "%s: ", name);
  if (why->len > 0)
    lua_pushlstring(L, (const char *)why->data, why->len);
  else
    lua_pushstring(L, error_text(rc));
  buf_release(why);
  lua_concat(L, 3);
  return lua_error(L);
}

/* The process that `who` (a string) means; fills slot and serial. Owns nothing when it returns. */
static int find(struct backend *b, const char *who, struct object_ref *ret, struct buf *why) {
  struct snapshot s;
  uint32_t process = 0;
  int rc = b->run->look(b, 0, &s);
  if (rc)
    return rc;
  rc = act_find(&s, who, &process, why);
  if (rc == 0)
    *ret =
        (struct object_ref){.slot = s.processes[process].slot, .serial = s.processes[process].id};
  snapshot_release(&s);
  return rc;
}

/* What the handle at index 1 names; false if there is none. */
static bool ref_of_handle(lua_State *L, struct object_ref *ret) {
  const struct handle *h = luaL_testudata(L, 1, PROCESS_TYPE);
  if (!h || !h->object)
    return false;
  backend_of(L)->objects->object_ref(h->object, ret);
  return true;
}

/* The name or number at index 1, which is no handle. */
static const char *check_name(lua_State *L, const char *name) {
  if (lua_type(L, 1) != LUA_TSTRING && !lua_isinteger(L, 1))
    luaL_error(L, "%s: a process, its number or its name is wanted, not %s", name, lib_say(L, 1));
  return lua_tostring(L, 1);
}

/* Its own traceback: to be asked it would have to go on first. */
static int show_own_stack(lua_State *L) {
  answer_traceback(L, 1);
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  return 0;
}

static int act(lua_State *L, const char *name, enum steer what) {
  struct backend *b = backend_of(L);
  struct object_ref ref;
  struct buf why = {0};
  int rc = 0;
  if (!ref_of_handle(L, &ref)) {
    const char *who = check_name(L, name);
    rc = find(b, who, &ref, &why);
  }
  if (rc == 0)
    rc = act_allowed(what, ref.slot, &why);
  if (rc == 0 && ref.slot == 0 && what == STEER_KILL)
    rc = buf_format(&why, "main runs what is typed here; os.exit() ends it") ? -SBX_ENOMEM
                                                                             : -SBX_EINVAL;
  if (rc == 0 && what == STEER_STACK && ref.serial == b->self->id(b))
    return show_own_stack(L);
  if (rc == 0)
    rc = act_on(b, what, ref.slot, ref.serial);
  if (rc && why.len == 0)
    buf_format(&why, "%s", act_why(b, what, ref.slot, rc));
  return rc ? raise_why(L, name, rc, &why) : 0;
}

static int l_kill(lua_State *L) { return act(L, "kill", STEER_KILL); }
static int l_pause(lua_State *L) { return act(L, "pause", STEER_PAUSE); }
static int l_resume(lua_State *L) { return act(L, "resume", STEER_RESUME); }

static int l_bt(lua_State *L) {
  return lua_isnoneornil(L, 1) ? show_own_stack(L) : act(L, "bt", STEER_STACK);
}

static int l_mute(lua_State *L) {
  bool on = lua_isnoneornil(L, 2) || lua_toboolean(L, 2);
  return act(L, "mute", on ? STEER_MUTE : STEER_UNMUTE);
}

static int l_follow(lua_State *L) {
  struct backend *b = backend_of(L);
  if (!lua_isnoneornil(L, 1))
    return act(L, "follow", STEER_FOLLOW);
  b->run->steer(b, STEER_FOLLOW, 0, 0, 0);
  return 0;
}

/* -- what is shown --------------------------------------------------------------------------- */

/* The session is where the functions are called: it could help everybody. */
static struct show show_for(struct backend *b, const struct show_screen *screen) {
  return (struct show){.style = {.columns = show_columns(screen->terminal), .color = screen->color},
                       .idle = b->self->id(b)};
}

typedef int show_fn(const struct snapshot *s, const struct show *how, struct buf *out);

static void write_out(struct buf *text) {
  fwrite(text->data, 1, text->len, stdout);
  fflush(stdout);
  buf_release(text);
}

static int print(lua_State *L, const char *name, unsigned parts, show_fn *show) {
  struct backend *b = backend_of(L);
  struct show how = show_for(b, lua_touserdata(L, lua_upvalueindex(1)));
  struct snapshot s = {0};
  struct buf text = {0};
  int rc = b->run->look(b, parts, &s);
  if (rc == 0 && (parts & SNAPSHOT_QUEUES))
    rc = waits_find(&s, how.idle);
  if (rc == 0)
    rc = show(&s, &how, &text);
  snapshot_release(&s);
  if (rc) {
    text.len = 0;
    return raise_why(L, name, rc, &text);
  }
  write_out(&text);
  return 0;
}

static int l_queues(lua_State *L) { return print(L, "queues", SNAPSHOT_QUEUES, show_queues); }
static int l_objects(lua_State *L) {
  return print(L, "objects", SNAPSHOT_QUEUES | SNAPSHOT_OBJECTS, show_objects);
}

/* waits([file]) */
static int l_waits(lua_State *L) {
  struct backend *b = backend_of(L);
  struct buf text = {0};
  if (lua_isnoneornil(L, 1))
    return print(L, "waits", SNAPSHOT_QUEUES, show_waits);
  if (lua_type(L, 1) != LUA_TSTRING)
    return luaL_error(L, "waits: the name of a file is wanted, \"waits.svg\", not %s",
                      lib_say(L, 1));
  int rc = waits_write(b, b->self->id(b), lua_tostring(L, 1), b->policy, &text);
  if (rc)
    return raise_why(L, "waits", rc, &text);
  write_out(&text);
  return 0;
}

/* ps(process): the one that index 1 means. */
static int show_one(const struct snapshot *s, const struct show *how, const char *who,
                    uint64_t serial, struct buf *out) {
  uint32_t process = 0;
  int64_t known = serial ? snapshot_find_process(s, serial) : -1;
  if (serial && known < 0)
    return buf_format(out, "it has ended") ? -SBX_ENOMEM : -SBX_EGONE;
  int rc = serial ? 0 : act_find(s, who, &process, out);
  return rc ? rc : show_process(s, serial ? (uint32_t)known : process, how, out);
}

static int l_ps(lua_State *L) {
  struct backend *b = backend_of(L);
  struct object_ref ref = {0};
  struct snapshot s = {0};
  struct buf text = {0};
  if (lua_isnoneornil(L, 1))
    return print(L, "ps", SNAPSHOT_QUEUES | SNAPSHOT_USAGE, show_ps);
  const char *who = ref_of_handle(L, &ref) ? NULL : check_name(L, "ps");
  struct show how = show_for(b, lua_touserdata(L, lua_upvalueindex(1)));
  int rc = b->run->look(b, SNAPSHOT_QUEUES | SNAPSHOT_USAGE, &s);
  if (rc == 0)
    rc = show_one(&s, &how, who, ref.serial, &text);
  snapshot_release(&s);
  if (rc)
    return raise_why(L, "ps", rc, &text);
  write_out(&text);
  return 0;
}

/* [array, snapshot] */
static int push_names(lua_State *L) {
  const struct snapshot *s = lua_touserdata(L, 2);
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_process *p = &s->processes[i];
    uint32_t same = 0;
    if (!p->lives || p->name[0] == '\0')
      continue;
    for (uint32_t k = 0; k < s->process_count; k++)
      same += s->processes[k].lives && strcmp(s->processes[k].name, p->name) == 0;
    if (same == 1 || p->slot == 0)
      lua_pushstring(L, p->slot == 0 ? "main" : p->name);
    else
      lua_pushfstring(L, "%s#%I", p->name, (lua_Integer)p->id);
    lua_rawseti(L, 1, luaL_len(L, 1) + 1);
  }
  return 0;
}

int show_lua_names(lua_State *L) {
  struct backend *b = backend_of(L);
  struct snapshot s = {0};
  lua_newtable(L);
  if (b->run->look(b, 0, &s))
    return 1; /* nobody is known */
  lua_pushcfunction(L, push_names);
  lua_pushvalue(L, -2);
  lua_pushlightuserdata(L, &s);
  int status = lua_pcall(L, 2, 0, 0);
  snapshot_release(&s);
  return status == LUA_OK ? 1 : lua_error(L);
}

/* -- opening --------------------------------------------------------------------------------- */

static const luaL_Reg functions[] = {
    {"ps", l_ps},         {"queues", l_queues}, {"objects", l_objects},
    {"waits", l_waits},   {"kill", l_kill},     {"pause", l_pause},
    {"resume", l_resume}, {"mute", l_mute},     {"follow", l_follow},
    {"bt", l_bt},         {NULL, NULL}};

int show_lua_push(lua_State *L, const struct show_screen *screen) {
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, (void *)(uintptr_t)screen);
  luaL_setfuncs(L, functions, 1);
  return 1;
}

void show_lua_open(lua_State *L, const struct show_screen *screen) {
  lua_pushglobaltable(L);
  lua_pushlightuserdata(L, (void *)(uintptr_t)screen);
  luaL_setfuncs(L, functions, 1);
  lua_pop(L, 1);
}
