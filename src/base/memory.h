/*
 * base/memory.h - blocks of memory, the large ones in huge pages.
 *
 * A new page costs a fault, which is dear in virtual machines: 2 MiB of small pages took 12 ms on
 * one where a huge page took 0.3 ms. Linux gives huge pages of 2 MiB to those who ask, if its
 * setting (/sys/kernel/mm/transparent_hugepage/enabled) is not "never" (madvise(2),
 * MADV_HUGEPAGE); who does not get them has small ones. A large block grows by copying: for that
 * time there are both.
 */
#ifndef SBX_BASE_MEMORY_H
#define SBX_BASE_MEMORY_H

#include <stddef.h>

/*
 * Change the size of a block from malloc, realloc or this function, or make one (`block` NULL,
 * `old` 0). Both sizes in bytes, `size` at least 1. Returns the block, to be freed with free;
 * or NULL when there is no memory, and then the old one is as it was.
 */
void *memory_resize(void *block, size_t old, size_t size);

#endif
