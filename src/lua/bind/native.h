/*
 * lua/bind/native.h - the functions of `sandbox` that are written in Lua (src/lua/prelude), and
 * what these need from C.
 *
 * In the table of the library such a function is a stub, which loads its module when it is called
 * for the first time; so a script that needs none pays for a few closures. With `use "native"` a
 * module gets functions that scripts cannot reach:
 *
 *   raise(message)           raise an error at the line of the script that called into the prelude
 *   where()                  that line, "file:line"
 *   object(class, state)     a userdata with the metatable `class` and a state; it cannot be sent
 *   state(object, class)     its state; nil if the value is something else
 *   send(q, timeout, ...)    q:put of several values as one item
 *   recv(q, timeout)         q:get of such an item: the values
 *   encode(what, ...)        the bytes of values, and whether they name handles; nil and a message
 *                            if one cannot be sent
 *   decode(bytes)            the values. Handles in them must be held elsewhere meanwhile
 *   pack(list, first, n)     the bytes of n elements; nil if there are others than numbers,
 *                            strings, booleans, nil and sandbox.null, or the list has a metatable
 *   unpack(bytes, list, at)  list[at], list[at + 1], ... = the elements; returns how many
 *   list(n)                  an empty table with room for n elements
 *   place(list, at, ...)     list[at], list[at + 1], ... = ...
 *   chunk()                  an object for the chunk that a worker has in hand (chunk.c)
 *   begin(c, bytes)          begin a chunk: its items, as pack encoded them. Returns how many
 *   run(c, f, seconds)       results of f for the next items: until all are done, or for about so long. Returns how many
 *                            are done
 *   packed(c)                all results, as pack encodes them; then c is empty. nil if pack would
 *                            return nil
 *   results(c)               the results so far, as a list, and how many
 *   put_run(q, list, at, timeout)
 *                            put list[at] and those after it, by few commits: how many were put; 0: put this one
 *                            by itself; nil, "timeout"
 *   get_run(q, list, n, timeout [, k])
 *                            append items of the queue to the list until it has n, by few commits: how many
 *                            there are; nil and why if it waited for the first in vain. `k`: of each item the k-th value
 *   hold()                   forget the interrupts that came, for a `<close>` that must be done;
 *   restore(held)            bring them back
 *   local _ <close> = defer()  until the block ends, code that computes is not interrupted
 *   throws()                 how many interrupts were raised so far
 *   pass(throws, error)      for the error of a protected call since then: if it is an interrupt,
 *                            it is raised again, and goes on as if it had not been caught
 *   idle(whether)            this process, a worker of a pool, waits for a task; or has one
 *   descendants(p, list)     append the living processes that p has spawned, that these have
 *                            spawned, and so on; p itself may have ended
 *   ending(p)                an entry for select: ready when p has ended, whose outcome is left to
 *                            those who join it
 *   expected(p)              was it interrupted, terminated or killed on purpose?
 *   feed(co, give_way, ...)  coroutine.resume(co, ...) for an iterator whose ops give way (feed.h):
 *                            then it yields `gave_way`
 *   late                     as `ordered` of a select's list: the first that is ready, when others may
 *                            be ready, too, that were not when this process began to wait
 *   number(handle)           the number of an object, by which reports name it
 *   generation()             how many forks lie between the first process and this one: tells
 *                            whether a value was made here, or was inherited
 *   ask(f, ...)              call a predicate, which may not wait; its first result
 *   update(x, f, timeout)    x:update(f) of a value; nil, "timeout" if it could not begin in time
 *   look(failure)            look at it: it will not be reported
 *   task_failing(fields, order, where)
 *                            a task that was submitted at `where` fails: two numbers that name the
 *                            failure; nothing if there is no room, and then it was reported.
 *                            Reports that are due at one time come in the order of `order`
 *   task_failed(...)         the failure so named is reported from now on, unless it is looked at.
 *                            To be called by the worker when it has sent the numbers, and by the
 *                            owner, which may end the worker before it does that
 *   unread(fields, ...)      the failure so named, with these fields
 *   task_joined(...)         its task was joined, which must be told once
 *   abroad(what, v, shared)  the bytes of a value for another host (codec_encode_abroad), and the modules
 *                            that they need, as a set; nil and a message if it cannot be sent
 *   named(f)                 the globals that a function names, and their values; nothing if it is
 *                            written in C or the library's own
 *   loaded()                 a set of the loaded modules, the globals among them
 *   set_global(name, v)      set a global, raw
 *   other_hosts()            the module `far` (host/far_lua.h); nil if the run has no other hosts
 *   worlds()                 the module `worlds` (host/world_lua.h); nil if the run cannot connect to other programs
 *   mailbox(p)               the queue that is the mailbox of a process; nil if that has ended; false if it was not started
 *   post(q, ...)             put a message there; false if its process has ended
 *   receive(q, timeout)      recv, told as a step of sandbox.receive
 */
#ifndef SBX_LUA_BIND_NATIVE_H
#define SBX_LUA_BIND_NATIVE_H

#include <lua.h>
#include <stdbool.h>

/* Set the stubs in the library's table. */
void lib_open_native(lua_State *L, int table);

/* [arguments...] Call a function of a module of the prelude. Returns how many results have replaced
 * the arguments. */
int native_call(lua_State *L, const char *module, const char *function);

/* Functions of the table above that are in abroad.c, batch.c, failure.c, chunk.c, mail.c, select.c and value.c. */
int native_abroad(lua_State *L);
int native_named(lua_State *L);
int native_loaded(lua_State *L);
int native_set_global(lua_State *L);
int native_look(lua_State *L);
int native_unread(lua_State *L);
int native_task_failing(lua_State *L);
int native_task_failed(lua_State *L);
int native_task_joined(lua_State *L);
int native_chunk(lua_State *L);
int native_begin(lua_State *L);
int native_ending(lua_State *L);
void *select_late_mark(void);
int native_run(lua_State *L);
int native_packed(lua_State *L);
int native_results(lua_State *L);
int native_mailbox(lua_State *L);
int native_update(lua_State *L);
int native_post(lua_State *L);
int native_receive(lua_State *L);
int native_put_run(lua_State *L);
int native_get_run(lua_State *L);

/* sandbox.find(name [, timeout]), in mail.c */
int native_find(lua_State *L);

#endif
