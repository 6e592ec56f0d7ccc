/*
 * base/memory.h - blocks of memory, large ones in huge pages.
 *
 * A new page costs a page fault, which is expensive in virtual machines: 2 MiB of small pages took
 * 12 ms on one where a huge page took 0.3 ms. Linux gives huge pages of 2 MiB to programs that ask
 * for them, unless its setting (/sys/kernel/mm/transparent_hugepage/enabled) is "never"
 * (madvise(2), MADV_HUGEPAGE); otherwise the block has small pages. A large block grows by copying:
 * meanwhile both copies exist.
 *
 * The system must find and clear a huge page, which took 0.2 ms on that machine, and 9 ms when it
 * had to move other memory. So two freed blocks, of some MiB each, are kept for reuse until the
 * process has slept for a second.
 */
#ifndef SBX_BASE_MEMORY_H
#define SBX_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Resize a block from malloc, realloc or this function, or make one (`block` NULL, `old` 0). Both
 * sizes are in bytes, `size` at least 1. Returns the block, to be freed with free or memory_free;
 * or NULL without memory, and then the old block is unchanged.
 */
void *memory_resize(void *block, size_t old, size_t size);

/* Free a block of `size` bytes from memory_resize; NULL, 0 does nothing. */
void memory_free(void *block, size_t size);

/* Free a block of `size` bytes that will not be wanted again soon; NULL, 0 does nothing. */
void memory_drop(void *block, size_t size);

/*
 * From now on the functions above take blocks from this arena (base/arena.h), where they are part of
 * an image of the process; NULL: from malloc, as at first. In a process of a run it is the arena of the
 * Lua state. Blocks from before are never freed while an arena is used; those of an arena must be
 * freed while it is.
 */
struct arena;
void memory_use(struct arena *a);
struct arena *memory_used(void);

/* Are any freed blocks kept? */
bool memory_keeps(void);

/*
 * Limit what malloc keeps, whatever sizes it has seen. (By itself it raises its threshold for mmap
 * to the largest block that was freed, up to 32 MiB, and keeps up to twice as much: mallopt(3).)
 * Only for a program that owns its process.
 */
void memory_bound(void);

/*
 * Free the kept blocks. To be called before a fork: parent and child would share them, and a
 * process that writes to a shared huge page gets hundreds of small ones instead.
 */
void memory_keep_nothing(void);

#endif
