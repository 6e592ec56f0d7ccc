/*
 * host/prompt.c - a plain prompt; see prompt.h.
 *
 * Lines are read through stdio's stdin, since a statement may read from it, too (io.read). Nothing
 * here is allocated by malloc, since any Lua call may leave by longjmp.
 */
#include "host/prompt.h"

#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lua/state/call.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"

struct prompt {
  lua_State *L;
  bool interrupted;
};

static bool interrupted(struct prompt *p) {
  p->interrupted |= interrupt_came(p->L) != 0;
  if (p->interrupted)
    lib_find(p->L)->b->self->leave(lib_find(p->L)->b);
  return p->interrupted;
}

/*
 * On a terminal, wait until there is a line: a signal ends poll even where read would be restarted,
 * signal(7). A terminal hands out one line at a time, so stdio never holds back input that poll
 * could not see.
 */
static bool wait_for_line(struct prompt *p) {
  struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
  if (!isatty(STDIN_FILENO))
    return true;
  while (poll(&in, 1, -1) < 0 && errno == EINTR)
    if (interrupted(p))
      return false;
  return true;
}

/* The next character of stdin, or EOF at its end or after Ctrl-C; other signals are ignored. */
static int next_character(struct prompt *p) {
  int c = getc(stdin);
  while (c == EOF && ferror(stdin) && errno == EINTR && !interrupted(p)) {
    clearerr(stdin);
    c = getc(stdin);
  }
  return c;
}

/* Print the prompt in a global variable, or the default. */
static void show_prompt(lua_State *L, const char *variable, const char *otherwise) {
  if (lua_getglobal(L, variable) == LUA_TNIL)
    lua_pushstring(L, otherwise);
  fputs(luaL_tolstring(L, -1, NULL), stdout);
  fflush(stdout);
}

/* Push the next line without its newline. As in lua, the first line of a chunk may begin with "="
 * for "return ". Returns false, with nothing pushed, at the end of input. */
static bool push_line(lua_State *L, struct prompt *p, bool first, const char *variable,
                      const char *otherwise) {
  int top = lua_gettop(L);
  show_prompt(L, variable, otherwise);
  lua_settop(L, top);
  if (!wait_for_line(p))
    return false;
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  int c = next_character(p);
  bool got = c != EOF;
  if (first && c == '=') {
    luaL_addstring(&line, "return ");
    c = next_character(p);
  }
  for (; c != EOF && c != '\n'; c = next_character(p))
    luaL_addchar(&line, (char)c);
  luaL_pushresult(&line);
  got &= !p->interrupted;
  lua_settop(L, top + got);
  return got;
}

/* Push the text at index `i` as a function, or an error message. Returns Lua's status. */
static int load_text(lua_State *L, int i) {
  size_t len;
  const char *text = lua_tolstring(L, i, &len);
  return luaL_loadbuffer(L, text, len, "=stdin");
}

/* Push the line at index 1 as a function that returns its values; push nothing if it is no
 * expression. */
static bool load_expression(lua_State *L) {
  lua_pushliteral(L, "return ");
  lua_pushvalue(L, 1);
  lua_concat(L, 2);                    /* line text */
  bool ok = load_text(L, 2) == LUA_OK; /* line text function|message */
  lua_remove(L, 2);
  if (!ok)
    lua_pop(L, 1);
  return ok;
}

/* Does the message on top say that the statement is incomplete? More lines may complete it then. */
static bool incomplete(lua_State *L, int status) {
  static const char mark[] = "<eof>";
  const size_t mark_len = sizeof mark - 1;
  size_t len;
  if (status != LUA_ERRSYNTAX)
    return false;
  const char *message = lua_tolstring(L, -1, &len);
  return len >= mark_len && memcmp(message + len - mark_len, mark, mark_len) == 0;
}

/*
 * Push the statement that begins with the line at index 1 as a function, or an error message,
 * reading further lines as needed. Returns Lua's status.
 */
static int load_statement(lua_State *L, struct prompt *p) {
  int status = load_text(L, 1); /* text function|message */
  while (incomplete(L, status) && push_line(L, p, false, "_PROMPT2", ">> ")) {
    lua_remove(L, 2); /* text line */
    lua_pushliteral(L, "\n");
    lua_insert(L, 2);
    lua_concat(L, 3);
    status = load_text(L, 1);
  }
  return status;
}

/* Print the values on the stack with the current `print`. */
static void print_values(lua_State *L) {
  int count = lua_gettop(L);
  if (count == 0)
    return;
  luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
  lua_getglobal(L, "print");
  lua_insert(L, 1);
  if (call_function(L, count, 0) != LUA_OK) {
    lua_pushfstring(L, "error calling 'print' (%s)", lua_tostring(L, -1));
    call_report(L, true);
  }
}

/* Run the statement that begins with the line at index 1, and print its results. */
static void run_line(lua_State *L, struct prompt *p) {
  int status = load_expression(L) ? LUA_OK : load_statement(L, p);
  lua_remove(L, 1); /* function|message */
  if (status == LUA_OK)
    status = call_function(L, 0, LUA_MULTRET);
  if (status == LUA_OK)
    print_values(L);
  else if (!interrupted(p))
    call_report(L, true);
}

bool prompt_run(lua_State *L) {
  struct prompt p = {.L = L};
  lua_settop(L, 0); /* the functions above expect the line at index 1 */
  while (push_line(L, &p, true, "_PROMPT", "> ") && !p.interrupted) {
    run_line(L, &p);
    lua_settop(L, 0);
    if (interrupted(&p))
      break;
  }
  if (!p.interrupted)
    puts("");
  return !p.interrupted;
}
