/* prompt/session.c - see session.h. */
#include "prompt/session_internal.h"

#include <dirent.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "lua/state/answer.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/meta.h"
#include "lua/state/prelude.h"
#include "prompt/show_lua.h"

extern const struct prelude_source prompt_sources[]; /* src/prompt/lua */

static const char session_key, module_key; /* their addresses are keys of the registry */

struct session *session_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &session_key);
  struct session *s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!s || s->pid != getpid())
    luaL_error(L, "only the session itself has a prompt, not the processes it spawns");
  return s;
}

/* -- what the module in Lua is asked ----------------------------------------------------------- */

/* protected: [name, text|nil] -> what the method `name` of the module returns: three values */
static int method(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key);
  lua_pushvalue(L, 1);
  lua_gettable(L, -2);
  lua_insert(L, -2); /* ... function module */
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_call(L, 3, 3);
  return 3;
}

bool session_call(lua_State *L, const char *name, const struct buf *text, uint32_t number) {
  lua_pushcfunction(L, method);
  lua_pushstring(L, name);
  lua_pushlstring(L, (const char *)text->data, text->len);
  lua_pushinteger(L, number);
  if (lua_pcall(L, 3, 3, 0) == LUA_OK)
    return true;
  if (!lua_isstring(L, -1)) {
    lua_pop(L, 1);
    lua_pushliteral(L, "(error object is not a string)");
  }
  lua_pushnil(L);
  lua_pushnil(L);
  return false;
}

/* -- frames ------------------------------------------------------------------------------------ */

static enum frame_done done_of(const char *word) {
  if (word && strcmp(word, "incomplete") == 0)
    return DONE_INCOMPLETE;
  return word && strcmp(word, "ok") == 0 ? DONE_OK : DONE_ERROR;
}

static uint32_t count_chunks(lua_State *L) {
  bool ok = session_call(L, "count", &(struct buf){0}, 0);
  uint32_t n = ok ? (uint32_t)lua_tointeger(L, -3) : 0;
  lua_pop(L, 3);
  return n;
}

static void await_line(lua_State *L, struct session *s, enum frame_done done) {
  enum frame_kind kind = s->ready ? FRAME_DONE : FRAME_READY;
  size_t len;
  bool more = done == DONE_INCOMPLETE;
  uint32_t chunks = count_chunks(L);
  if (!session_call(L, "prompt", &(struct buf){0}, more)) {
    lua_pushstring(L, more ? ">> " : "> ");
    lua_replace(L, -4);
  }
  const char *prompt = lua_tolstring(L, -3, &len);
  interrupt_clear(L);
  fflush(NULL);
  s->ready = true;
  link_send(&s->link, kind, done | chunks << FRAME_CHUNKS, prompt, prompt ? len : 0);
}

/* A line that lets a paused chunk go on is done when that is, or pauses again. */
static void run_line(lua_State *L, struct session *s, const char *name) {
  interrupt_clear(L); /* one that came for what had just ended must not hit this */
  s->runs = true;
  bool ok = session_call(L, name, &s->frame.text, 0);
  s->runs = false;
  if (!ok)
    fprintf(stderr, "%s\n", lua_tostring(L, -3));
  interrupt_clear(L);
  if (!s->goes_on)
    await_line(L, s, ok ? done_of(lua_tostring(L, -3)) : DONE_ERROR);
}

/* complete() -> start, list of candidates */
static void complete(lua_State *L, struct session *s) {
  struct buf list = {0};
  uint32_t start = s->frame.number;
  if (session_call(L, "complete", &s->frame.text, s->frame.number) && lua_istable(L, -2)) {
    start = (uint32_t)lua_tointeger(L, -3) - 1;
    for (lua_Integer i = 1; lua_rawgeti(L, -2, i) == LUA_TSTRING; i++) {
      size_t len;
      const char *candidate = lua_tolstring(L, -1, &len);
      if (buf_append(&list, candidate, len) || buf_append_byte(&list, '\n'))
        break;
      lua_pop(L, 1);
    }
  }
  link_send(&s->link, FRAME_CANDIDATES, start, list.data, list.len);
  buf_release(&list);
}

static void answer(lua_State *L, struct session *s, const struct frame *f) {
  size_t len = 0;
  bool command = f->text.len > 0 && f->text.data[0] == ':';
  bool ok = session_call(L, command ? "command" : "evaluate", &f->text, 0);
  const char *text = command ? "" : lua_tolstring(L, ok ? -2 : -3, &len);
  fflush(NULL); /* what a command printed comes before the answer */
  link_send(&s->link, FRAME_ANSWER, f->number, text, text ? len : 0);
}

/* In the middle of a chunk: of frames there can be only inquiries. */
static void answer_inquiries(lua_State *L, void *ctx) {
  struct session *s = ctx;
  struct frame f = {0};
  int top = lua_gettop(L);
  bool runs = s->runs;
  s->runs = false;
  while (s->pid == getpid() && link_receive(&s->link, &f, false) == 1) {
    if (f.kind == FRAME_INQUIRE)
      answer(L, s, &f);
    lua_settop(L, top);
  }
  s->runs = runs;
  buf_release(&f.text);
}

static void carry_out(lua_State *L, struct session *s) {
  int top = lua_gettop(L);
  switch (s->frame.kind) {
  case FRAME_EVAL:
    run_line(L, s, "eval");
    break;
  case FRAME_COMMAND:
    run_line(L, s, "command");
    break;
  case FRAME_PROMPT:
    await_line(L, s, DONE_OK);
    break;
  case FRAME_COMPLETE:
    complete(L, s);
    break;
  case FRAME_INQUIRE:
    answer(L, s, &s->frame);
    break;
  default:
    break; /* a reply nobody waits for any more */
  }
  lua_settop(L, top);
}

/* -- what the module in Lua asks --------------------------------------------------------------- */

/* Wait for the reply to a request; inquiries are answered meanwhile. Pushes its text. Returns its
 * number. */
static uint32_t await_reply(lua_State *L, struct session *s) {
  struct frame f = {0};
  int rc = 1;
  for (;;) {
    rc = link_receive(&s->link, &f, true);
    if (rc == -SBX_EINTERRUPTED)
      continue; /* the supervisor answers in any case */
    if (rc < 0 || f.kind == FRAME_REPLY)
      break;
    if (f.kind == FRAME_INQUIRE) {
      int top = lua_gettop(L);
      bool runs = s->runs;
      s->runs = false;
      answer(L, s, &f);
      s->runs = runs;
      lua_settop(L, top);
    }
  }
  lua_pushlstring(L, rc < 0 ? "the prompt is gone" : (const char *)f.text.data,
                  rc < 0 ? 18 : f.text.len);
  uint32_t number = rc < 0 ? 1 : f.number;
  buf_release(&f.text);
  return number;
}

/* request(name, ...) -> text, or nil and a message */
static int l_request(lua_State *L) {
  struct session *s = session_of(L);
  luaL_Buffer text;
  int n = lua_gettop(L);
  fflush(NULL);
  luaL_buffinit(L, &text);
  for (int i = 1; i <= n; i++) {
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&text);
    luaL_addchar(&text, '\0');
  }
  luaL_pushresult(&text);
  size_t len;
  const char *bytes = lua_tolstring(L, -1, &len);
  link_send(&s->link, FRAME_REQUEST, (uint32_t)n, bytes, len);
  if (await_reply(L, s) == 0)
    return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* run(command) -> as os.execute: true or nil, "exit" or "signal", number */
static int l_run(lua_State *L) {
  struct session *s = session_of(L);
  size_t len;
  const char *command = luaL_checklstring(L, 1, &len);
  lua_pushfstring(L, "run%c%s%c", '\0', command, '\0');
  const char *bytes = lua_tolstring(L, -1, &len);
  fflush(NULL);
  link_send(&s->link, FRAME_REQUEST, 2, bytes, len);
  if (await_reply(L, s) != 0)
    return luaL_error(L, "%s", lua_tostring(L, -1));
  return luaL_execresult(L, atoi(lua_tostring(L, -1)));
}

/* fresh(): what is printed next begins on a line of its own, whatever a chunk left there */
static int l_fresh(lua_State *L) {
  lua_settop(L, 0);
  lua_pushliteral(L, "fresh");
  l_request(L);
  return 0;
}

/* top(): the supervisor shows it */
static int l_top(lua_State *L) {
  lua_settop(L, 0);
  lua_pushliteral(L, "top");
  l_request(L);
  return 0;
}

static int l_width(lua_State *L) {
  const struct session *s = session_of(L);
  struct winsize size;
  bool known = ioctl(s->place->terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  lua_pushinteger(L, known ? size.ws_col : 80);
  return 1;
}

static int l_say(lua_State *L) {
  fprintf(stderr, "%s\n", luaL_checkstring(L, 1));
  return 0;
}

/* clock() -> seconds of the machine's monotonic clock, whatever --speed says */
static int l_clock(lua_State *L) {
  lua_pushnumber(L, (double)clock_now_ns() / NS_PER_SECOND);
  return 1;
}

/* protected: [table, DIR] fills the table with names; those of folders end with a slash */
static int fill_list(lua_State *L) {
  DIR *folder = lua_touserdata(L, 2);
  lua_Integer n = 0;
  for (struct dirent *d; (d = readdir(folder));) {
    struct stat about;
    bool is_folder = d->d_type == DT_DIR;
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
      continue;
    if (d->d_type == DT_LNK || d->d_type == DT_UNKNOWN)
      is_folder = fstatat(dirfd(folder), d->d_name, &about, 0) == 0 && S_ISDIR(about.st_mode);
    lua_pushfstring(L, "%s%s", d->d_name, is_folder ? "/" : "");
    lua_rawseti(L, 1, ++n);
  }
  return 0;
}

/* list(folder) -> names in it; nil when it cannot be read */
static int l_list(lua_State *L) {
  DIR *folder = opendir(luaL_checkstring(L, 1));
  if (!folder)
    return 0;
  lua_newtable(L);
  lua_pushcfunction(L, fill_list);
  lua_pushvalue(L, -2);
  lua_pushlightuserdata(L, folder);
  int status = lua_pcall(L, 2, 0, 0);
  closedir(folder);
  return status == LUA_OK ? 1 : lua_error(L);
}

/* far() -> the module far (host/far_lua.h); nil: there is no engine */
static int l_far(lua_State *L) {
  if (prelude_has(L, prelude_sources, "far"))
    prelude_push(L, prelude_sources, "far");
  else
    lua_pushnil(L);
  return 1;
}

static void push_host(lua_State *L, const struct session *s) {
  static const luaL_Reg functions[] = {{"request", l_request},
                                       {"run", l_run},
                                       {"width", l_width},
                                       {"say", l_say},
                                       {"clock", l_clock},
                                       {"fresh", l_fresh},
                                       {"list", l_list},
                                       {"far", l_far},
                                       {"processes", show_lua_names},
                                       {"resume", pause_resume},
                                       {"locals", pause_locals},
                                       {"local_get", pause_local_get},
                                       {"local_set", pause_local_set},
                                       {"place", pause_place},
                                       {"stack", pause_stack},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushlstring(L, meta_sources[0].text, meta_sources[0].len);
  lua_setfield(L, -2, "meta");
  lua_pushboolean(L, s->place->color);
  lua_setfield(L, -2, "color");
  show_lua_push(L, &s->screen);
  lua_pushcfunction(L, l_top);
  lua_setfield(L, -2, "top");
  lua_setfield(L, -2, "commands");
}

/* -- the life ---------------------------------------------------------------------------------- */

void session_prepare(lua_State *L, struct backend *b, const struct session_place *place,
                     bool read_init) {
  prelude_push(L, prompt_sources, "std");
  struct session *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (struct session){.link.fd = place->link,
                        .b = b,
                        .place = place,
                        .pid = getpid(),
                        .read_init = read_init,
                        .runs = true};
  s->screen = (struct show_screen){.terminal = place->terminal, .color = place->color};
  lua_rawsetp(L, LUA_REGISTRYINDEX, &session_key);
  lua_pop(L, 1);
  pause_by(lib_find(L), pause_session, s);
}

static void make_module(lua_State *L, struct session *s) {
  prelude_push(L, prompt_sources, "session");
  lua_getfield(L, -1, "new");
  push_host(L, s);
  lua_call(L, 1, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
  lua_pop(L, 1);
}

/* $XDG_CONFIG_HOME/sandbox/init.lua, else ~/.config/sandbox/init.lua; a missing one is none. */
static void run_init(lua_State *L) {
  const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
  struct buf path = {0};
  if (config && *config == '/')
    lua_pushfstring(L, "%s/sandbox/init.lua", config);
  else
    lua_pushfstring(L, "%s/.config/sandbox/init.lua", home ? home : "");
  path.data = (uint8_t *)(uintptr_t)lua_tolstring(L, -1, &path.len);
  if (access((const char *)path.data, F_OK) == 0 && !session_call(L, "init", &path, 0))
    fprintf(stderr, "%s\n", lua_tostring(L, -3));
}

/* Before the first line: what a script need not pay that never pauses. */
static void begin(lua_State *L, struct session *s) {
  int top = lua_gettop(L);
  if (s->begun)
    return;
  s->begun = true;
  setvbuf(stdin, NULL, _IONBF, 0); /* what a chunk does not read is the prompt's */
  make_module(L, s);
  if (s->read_init)
    run_init(L);
  answer_by(lib_find(L), answer_inquiries, s, "sandbox session");
  lua_settop(L, top);
}

bool session_lines(lua_State *L, struct session *s) {
  int top = lua_gettop(L), rc;
  s->runs = false;
  begin(L, s);
  if (s->paused && !session_call(L, "pause_begin", &(struct buf){0}, 0))
    fprintf(stderr, "%s\n", lua_tostring(L, -3));
  await_line(L, s, DONE_OK);
  lua_settop(L, top);
  while (!s->goes_on &&
         ((rc = link_receive(&s->link, &s->frame, true)) == 1 || rc == -SBX_EINTERRUPTED))
    if (rc == 1) {
      carry_out(L, s);
    } else {
      interrupt_clear(L);
      answer_questions(lib_find(L), NULL);
    }
  bool goes_on = s->goes_on;
  s->goes_on = false;
  if (s->paused)
    session_call(L, "pause_finish", &(struct buf){0}, 0);
  lua_settop(L, top);
  return goes_on;
}

void session_run(lua_State *L) {
  struct session *s = session_of(L);
  session_lines(L, s);
  answer_by(lib_find(L), NULL, NULL, NULL);
  pause_by(lib_find(L), NULL, NULL);
  link_release(&s->link);
  buf_release(&s->frame.text);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &session_key);
}
