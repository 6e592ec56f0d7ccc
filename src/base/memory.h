/*
 * base/memory.h - blocks of memory, the large ones in huge pages.
 *
 * A new page costs a fault, which is dear in virtual machines: 2 MiB of small pages took 12 ms on
 * one where a huge page took 0.3 ms. Linux gives huge pages of 2 MiB to those who ask, if its
 * setting (/sys/kernel/mm/transparent_hugepage/enabled) is not "never" (madvise(2),
 * MADV_HUGEPAGE); who does not get them has small ones. A large block grows by copying: for that
 * time there are both.
 *
 * A huge page must be found and cleared, which took 0.2 ms there, and 9 ms when memory had to be
 * moved for it. So two blocks that were freed, of some MiB each, are kept for the next ones, until
 * the process has slept for a second.
 */
#ifndef SBX_BASE_MEMORY_H
#define SBX_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Change the size of a block from malloc, realloc or this function, or make one (`block` NULL,
 * `old` 0). Both sizes in bytes, `size` at least 1. Returns the block, to be freed with free or
 * memory_free; or NULL when there is no memory, and then the old one is as it was.
 */
void *memory_resize(void *block, size_t old, size_t size);

/* Free a block of `size` bytes from memory_resize; NULL, 0 does nothing. */
void memory_free(void *block, size_t size);

/* Is anything kept? */
bool memory_keeps(void);

/*
 * Of a program whose own this process is: what malloc keeps has a bound, whatever sizes it has seen
 * (mallopt(3): by itself it takes the largest block that was freed, up to 32 MiB, for small, and
 * keeps twice as much).
 */
void memory_bound(void);

/*
 * Free the blocks that are kept. To be called before a fork: parent and child would have them in
 * common, and who writes into a huge page that is not its own alone gets hundreds of small ones.
 */
void memory_keep_nothing(void);

#endif
