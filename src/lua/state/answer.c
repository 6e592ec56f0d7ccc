/* lua/state/answer.c - see answer.h. */
#include "lua/state/answer.h"

#include <stdio.h>
#include <string.h>

#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/report.h"
#include "lua/state/traceback.h"

enum { STACK_FOR_ANSWER = 40 };

/* -- where are you? ---------------------------------------------------------------------------- */

enum { HEAD_BYTES = NAME_MAX_BYTES + WHERE_MAX + 64 };

/* "[writer#2] waiting in put at x.lua:12", "[writer#2] running at x.lua:9"; without a place if
 * `where` is NULL. */
static void make_head(struct lib *lib, const struct op *op, const char *where,
                      char head[HEAD_BYTES]) {
  struct process_info me = {0};
  struct object *self;
  if (lib->b->self->process_self(lib->b, &self) == 0) {
    op_process_who(lib->b, self, &me);
    op_handle_release(lib->b, self);
  }
  snprintf(head, HEAD_BYTES, "[%s#%u] %s%s%s%s", me.name, (unsigned)me.id,
           op ? "waiting in " : "running", op ? op_describe(op->kind)->verb : "",
           where ? " at " : ", at its end", where ? where : "");
}

/* The process is at its end: no Lua runs. */
static void tell_end(struct lib *lib, const struct op *op) {
  char head[HEAD_BYTES];
  make_head(lib, op, NULL, head);
  strcat(head, "\n");
  struct buf out = {.data = (uint8_t *)head, .len = strlen(head)};
  report_write(out.data, out.len);
}

static bool starts(const char *text, const char *end, const char *with) {
  return (size_t)(end - text) >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Where the interesting frames of `text` end, one in a line: before the first frame of the module
 * `floor`, and before the frames that led from it to the script. */
static const char *end_of_frames(const char *text, const char *end, const char *floor) {
  const char *last = end;
  for (const char *p = text; floor && p < last; p++)
    if (starts(p, end, "\n\t[") && starts(p + 3, end, floor))
      last = p;
  while (last < end && last > text) {
    const char *line = last - 1;
    while (line > text && *line != '\n')
      line--;
    if (!starts(line, last, "\n\t(...tail calls...)") && !starts(line, last, "\n\t[C]: ") &&
        !starts(line, last, "\n\t[sandbox "))
      break;
    last = line;
  }
  return last;
}

/* Append the lines of a traceback, without its title. Returns whether there were any. */
static bool add_frames(lua_State *L, luaL_Buffer *text, lua_State *of, int level) {
  luaL_traceback(L, of, NULL, level);
  size_t len;
  const char *frames = lua_tolstring(L, -1, &len), *end = frames + len;
  const char *first = strchr(frames, '\n');
  first = first ? first : end;
  end = end_of_frames(first, end, lib_find(L)->questions.floor);
  bool any = end > first;
  lua_pushlstring(L, first, (size_t)(end - first));
  lua_remove(L, -2);
  traceback_clean(L);
  luaL_addvalue(text);
  return any;
}

void answer_traceback(lua_State *L, int level) {
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addstring(&text, "stack traceback:");
  bool any = add_frames(L, &text, L, level);
  for (const struct resumer *r = lib_find(L)->running.resumers; r; r = r->up) {
    luaL_addstring(&text, "\n\t(a coroutine, resumed by:)");
    any = add_frames(L, &text, r->L, 0) || any;
  }
  if (!any)
    luaL_addstring(&text, "\n\t(none)");
  luaL_pushresult(&text);
}

/* protected: [op|nil] writes the place and the traceback of L, below this function, to stderr */
static int tell_stack(lua_State *L) {
  struct lib *lib = lib_find(L);
  char where[WHERE_MAX], head[HEAD_BYTES];
  luaL_Buffer text;
  lua_Debug ar;
  if (!lua_getstack(L, 1, &ar)) {
    tell_end(lib, lua_touserdata(L, 1));
    return 0;
  }
  running_locate(lib, L, 1, where);
  make_head(lib, lua_touserdata(L, 1), where, head);
  luaL_buffinit(L, &text);
  luaL_addstring(&text, head);
  luaL_addchar(&text, '\n');
  answer_traceback(L, 1);
  luaL_addvalue(&text);
  luaL_addchar(&text, '\n');
  luaL_pushresult(&text);
  size_t len;
  const char *bytes = lua_tolstring(L, -1, &len);
  struct buf out = {.data = (uint8_t *)(uintptr_t)bytes, .len = len};
  report_write(out.data, out.len);
  return 0;
}

/* -- anything ---------------------------------------------------------------------------------- */

/* [] */
static int call_answer(lua_State *co) {
  struct lib *lib = lib_find(co);
  lib->questions.answer(co, lib->questions.ctx);
  return 0;
}

/* protected: [op|nil]. A coroutine of its own has a hook of its own, also inside a hook: so the
 * answer can be interrupted. */
static int tell_lua(lua_State *L) {
  struct lib *lib = lib_find(L);
  struct resumer link;
  int results;
  lua_State *before = lib->running.current;
  lua_State *co = lua_newthread(L);
  lua_pushcfunction(co, call_answer);
  running_enter(lib, &link, L, co);
  if (lua_resume(co, L, 0, &results) != LUA_OK)
    lua_resetthread(co);
  running_leave(lib, &link, before);
  return 0;
}

/* -- answering --------------------------------------------------------------------------------- */

static void protect(lua_State *L, lua_CFunction f, const struct op *op) {
  int top = lua_gettop(L);
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, (void *)(uintptr_t)op);
  lua_pcall(L, 1, 0, 0);
  lua_settop(L, top);
}

static void answer(struct lib *lib, const struct op *op, bool paused) {
  lua_State *L = lib->life.finished ? NULL : lib->running.current;
  unsigned questions = lib->b->self->questions(lib->b);
  bool room = L && lua_checkstack(L, STACK_FOR_ANSWER);
  if (questions & QUESTION_STACK) {
    if (room)
      protect(L, tell_stack, op);
    else
      tell_end(lib, op);
    lib->b->self->answered(lib->b, QUESTION_STACK);
  }
  if (questions & QUESTION_COLLECT) {       /* handles are short, and garbage may hold some */
    lua_State *any = L ? L : lib->life.own; /* at its end a process runs no Lua, but has garbage */
    if (any)
      lib_collect(any, paused);
    lib->b->self->answered(lib->b, QUESTION_COLLECT);
  }
  if ((questions & QUESTION_LUA) && lib->questions.answer && room) { /* else it waits */
    lib->b->self->answered(lib->b, QUESTION_LUA); /* first: from now on it is another one */
    protect(L, tell_lua, op);
  }
}

/* What belongs to an op that waits or is being prepared. */
struct aside {
  struct messages messages;
  struct collector collector;
};

/* The collector stays paused, if it was: the pause belongs to the buffers. */
static struct aside put_aside(struct lib *lib) {
  struct aside a = {lib->messages, lib->collector};
  lib->messages = (struct messages){0};
  lib->collector = (struct collector){0};
  return a;
}

static void put_back(lua_State *L, struct lib *lib, const struct aside *a) {
  if (L && lib->collector.paused)
    lib_resume(L, lib); /* the answer failed */
  lib_read_begin(lib);  /* what the answer took before it failed */
  messages_release(&lib->messages);
  lib->messages = a->messages;
  lib->collector = a->collector;
}

void answer_questions(struct lib *lib, const struct op *op) {
  if (!lib->questions.asked || lib->questions.answering)
    return;
  uint32_t throws = lib->interrupts.throws;
  struct aside aside = put_aside(lib);
  lib->questions.answering = true;
  lib->questions.asked = 0; /* before they are read */
  answer(lib, op, aside.collector.paused);
  put_back(lib->life.finished ? NULL : lib->running.current, lib, &aside);
  lib->questions.answering = false;
  interrupt_landed(lib, throws);
  running_refresh(lib);
}

void answer_check_given(lua_State *L, enum op_kind kind) {
  const struct op_description *what = op_describe(kind);
  bool takes =
      what->blocks && kind != OP_QUEUE_PUT && kind != OP_PROCESS_JOIN && kind != OP_CLOCK_SLEEP;
  if (takes)
    luaL_error(L, "%s: an answer in the middle of something else takes nothing", what->verb);
}

/* -- signals ----------------------------------------------------------------------------------- */

static void on_asked(void *ctx) {
  struct lib *lib = ctx;
  lib->questions.asked = 1;
  running_sync(lib);
}

/* An interrupt of the answer interrupts the op. */
static bool on_awake(void *ctx, const struct op *op) {
  struct lib *lib = ctx;
  uint32_t throws = lib->interrupts.throws;
  answer_questions(lib, op);
  return lib->interrupts.throws != throws && lib->interrupts.came;
}

/* Questions that came before they could be answered. */
static void look(struct lib *lib) {
  if (!lib->b->self->questions(lib->b))
    return;
  lib->questions.asked = 1;
  lib->running.alert = 1;
  running_refresh(lib);
}

void answer_by(struct lib *lib, answer_fn *answer_lua, void *ctx, const char *floor) {
  lib->questions.floor = floor;
  lib->questions.answer = answer_lua;
  lib->questions.ctx = ctx;
  look(lib);
}

void answer_forked(struct lib *lib) {
  unsigned blocked = running_block(lib);
  lib->questions.asked = lib->b->self->questions(lib->b) != 0;
  running_unblock(lib, blocked);
  lib->questions.answering = false;
  lib->questions.answer = NULL;
  lib->questions.floor = NULL;
}

void answer_open(struct lib *lib) {
  lib->b->asked = on_asked;
  lib->b->awake = on_awake;
  lib->b->forgot = child_forgot;
  look(lib);
}
