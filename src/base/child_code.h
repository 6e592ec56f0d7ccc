/*
 * base/child_code.h - functions that each child runs between its fork and its end lie together in the program.
 *
 * A child begins without a page of the program's code. The system maps what it comes to, 64 KiB at a time: each time is a page
 * fault, and 16 pages that are unmapped when the child ends. So a function that every child runs is marked CHILD_CODE, and
 * src/host/layout.ld puts those beside Lua. A function without its mark costs time and nothing else; tests/bench/pages_spec.lua
 * counts the pages, tests/bench/README.md tells how to find the function.
 */
#ifndef SBX_BASE_CHILD_CODE_H
#define SBX_BASE_CHILD_CODE_H

#define CHILD_CODE __attribute__((section(".text.child")))

#endif
