/*
 * host/lua_place.c - where Lua's interpreter begins: the last object before liblua5.4.a.
 *
 * The same interpreter is up to 15 % slower when its loop, luaV_execute, begins at the start of a
 * cache line instead of in its middle (n-body, AMD EPYC; tests/bench/README.md), and where it
 * begins would change with each line of ours. So what is linked next always begins at the same
 * place in a line, which puts luaV_execute of Debian 12's package to 32 modulo 64. For another
 * package, or on another processor, this is any place.
 */
#if defined(__x86_64__)
__asm__(".text\n"
        ".balign 64\n"
        ".skip 16, 0xcc\n");
#endif

typedef int lua_place; /* a translation unit declares something */
