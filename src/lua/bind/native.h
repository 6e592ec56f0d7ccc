/*
 * lua/bind/native.h - the functions of `sandbox` that are written in Lua (src/lua/prelude), and what
 * these need from C.
 *
 * In the table of the library such a function is a stub, which loads its module when it is called
 * for the first time; so a script that needs none pays for a few closures. Modules reach what a
 * script cannot by `use "native"`:
 *
 *   raise(message)           an error at the line of the script that called into the prelude
 *   where()                  that line, "file:line"
 *   object(class, state)     a userdata with the metatable `class` and a state; it cannot be sent
 *   state(object, class)     its state; nil if it is something else
 *   send(q, timeout, ...)    q:put of several values as one item
 *   recv(q, timeout)         q:get of such an item: the values
 *   encode(what, ...)        the bytes of values, and whether they name handles; nil and a message
 *                            if one cannot be sent
 *   decode(bytes)            the values. What the bytes name must be held by somebody meanwhile
 *   pack(list, first, n)     the bytes of n elements; nil if there are others than numbers,
 * strings, booleans, nil and sandbox.null, or the list has a metatable unpack(bytes, list, at)
 * list[at], list[at + 1], ... = what was packed; how many list(n)                  an empty table
 * with room for n elements place(list, at, ...)     list[at], list[at + 1], ... = ... chunk() what
 * a worker has of the chunk in hand (chunk.c) begin(c, bytes, n)       the next one: its n items,
 * as pack gives them take(c)                  the next of its items, `part` or the last ones put(c,
 * ...)              results of the next items packed(c)                all results, as pack gives
 * them, and then it is empty; nil if pack would results(c)               the results put so far, a
 * list hold()                   forget interrupts that came, for what must be done in a `<close>`;
 *   restore(held)            let them go on
 *   local _ <close> = defer()  until the block ends, what computes is not interrupted
 *   throws()                 how many interrupts were raised so far
 *   pass(throws, error)      what a protected call since then caught: an interrupt is raised again, as
 *                            it is, and is not over at that call
 *   idle(whether)            this process, a worker of a pool, waits for a task from now on; or has one
 *   descendants(p, list)     append the living processes that p has spawned, and those spawned by
 * these, and so on; p itself may have ended expected(p)              has anybody interrupted,
 * terminated or killed it on purpose? feed(co, give_way, ...)  as coroutine.resume(co, ...), of an
 * iterator whose ops give way (feed.h): then it yields `gave_way` generation()             how many
 * forks lie between the first process and this one: tells whether a value was made here, or came
 * along with a fork
 *   look(failure)            somebody looks at it: it will not be reported
 *   task_failing(fields, order, where)
 *                            a task that was submitted at `where` fails: two numbers that name
 *                            the failure; nothing if there is no room: then it was reported.
 *                            Reports that are due at one time come in the order of `order`
 *   task_failed(...)         so named, it is reported from now on, unless somebody looks. To
 *                            be called by the worker when it has sent the name, and by the
 *                            owner, which may end the worker before it does that
 *   unread(fields, ...)      the failure so named, with these fields
 *   task_joined(...)         its task was joined, which is to be told once
 */
#ifndef SBX_LUA_BIND_NATIVE_H
#define SBX_LUA_BIND_NATIVE_H

#include <lua.h>
#include <stdbool.h>

/* Set the stubs in the library's table. */
void lib_open_native(lua_State *L, int table);

/* [arguments...] Call a function of a module of the prelude; returns how many results are on the
 * stack in the place of the arguments. */
int native_call(lua_State *L, const char *module, const char *function);

/* failure.c, chunk.c: functions of the table above. */
int native_look(lua_State *L);
int native_unread(lua_State *L);
int native_task_failing(lua_State *L);
int native_task_failed(lua_State *L);
int native_task_joined(lua_State *L);
int native_chunk(lua_State *L);
int native_begin(lua_State *L);
int native_take(lua_State *L);
int native_put(lua_State *L);
int native_packed(lua_State *L);
int native_results(lua_State *L);

#endif
