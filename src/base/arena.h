/*
 * base/arena.h - all memory of one Lua state, in one range of addresses.
 *
 * The range is reserved once and filled from its start. A fork shares it like any memory, so a
 * block has the same address in every process of a run. Lua names the size of a block when it frees
 * it, so blocks need no headers:
 *
 *   small   up to ARENA_SMALL bytes: rounded up to one of some hundred sizes. Each size has a list
 *           of free blocks; when it is empty, the block is cut from the current span (16 pages),
 *           which serves all sizes, so objects that are made together lie together.
 *   large   runs of whole pages. Free neighbours merge; a run grows in place when the pages behind
 *           it are free, as they are at the end of what is used.
 *
 * Free pages go back to the system when they are more than an eighth of what is used, more than
 * ARENA_KEEP, and more than twice a size
 * of which large blocks come and go (128 MiB at most); spans in which every block is free become free pages when the total of small blocks
 * has shrunk to half its peak; arena_trim, which the program calls in a process that sleeps, gives
 * back all of both. Beyond the first 2 MiB the range uses huge pages where the system
 * has them: a page fault costs 0.7 us to 13 us for a page of 4 KiB, and not much more for 2 MiB.
 *
 * Not safe for threads; nothing here may be called in a signal handler.
 */
#ifndef SBX_BASE_ARENA_H
#define SBX_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/meter.h"

struct arena;

enum { ARENA_SMALL = 16 << 10, ARENA_KEEP = 8 << 20 }; /* bytes */

/*
 * Make an arena; the caller owns *ret. Reserves twice the machine's memory, or half of RLIMIT_AS or
 * RLIMIT_DATA if that is less (getrlimit(2)). Returns 0 or -SBX_ENOMEM.
 */
int arena_open(struct arena **ret);

/* Unmap everything. NULL does nothing. */
void arena_close(struct arena *a);

/*
 * The allocation function for lua_newstate (lua_Alloc); `arena` is a struct arena. Makes a block
 * (`block` NULL; `old` is not a size then), resizes it from `old` to `size` bytes, or frees it
 * (`size` 0). Blocks are aligned to 16 bytes. Returns NULL when the range is full; the old block is
 * then unchanged. Shrinking a block never fails.
 */
void *arena_resize(void *arena, void *block, size_t old, size_t size);

/*
 * To be called in a child after a fork: blocks that exist now are inherited; blocks made from now
 * on are the child's own and lie in pages that no ancestor has used. So an address tells which kind
 * a block is, and a child never copies a page of its parent only to make something new. An
 * inherited block can be freed like any other, but its place is not reused.
 */
void arena_forked(struct arena *a);

/*
 * From now on the pages in use are counted: those that this process has made. What the meter does not let
 * be taken is not there: arena_resize returns NULL. A program that collects its garbage then asks again.
 * arena_forked forgets it.
 *   place       borrowed as long as the arena lives; its meter may be NULL: nothing is counted
 *   on_refused  called before NULL is returned; may be NULL. `again`: the last time that more was asked for it
 *               was refused, too, or this is more than there will ever be. It may end the process
 */
void arena_meter(struct arena *a, const struct meter_place *place,
                 void (*on_refused)(void *ctx, bool again), void *ctx);

/*
 * Addresses in blocks that somebody remembers. `freed` becomes true when a block is freed, or moved, that lies among them: not only
 * one of those that hold them. A watch of zeros has none.
 */
struct arena_watch {
  const char *first, *last; /* both NULL: none */
  bool freed;
};
static inline void arena_watch_also(struct arena_watch *w, const void *address) {
  const char *p = address;
  w->first = !w->first || p < w->first ? p : w->first;
  w->last = p > w->last ? p : w->last;
}

/* Look after *w, which is borrowed; NULL: after nothing any more. There is one at a time. */
void arena_watch(struct arena *a, struct arena_watch *w);

/* Does `block` lie in a block of this arena that was made since the last arena_forked? Any address
 * may be asked about. */
bool arena_owns(const struct arena *a, const void *block);

/* As arena_owns, but for blocks made at any time. */
bool arena_holds(const struct arena *a, const void *block);

/* The memory that is in use: the arena's own records, and the blocks. Both begin at the same address
 * in every state of the arena, and may be read and written up to `bytes`, rounded up to ARENA_UNIT. What
 * lies behind `bytes` is 0 in the records, and means nothing in the heap. */
enum { ARENA_UNIT = 8 << 10 }; /* bytes */
struct arena_part {
  char *start;
  size_t bytes;
};
void arena_parts(struct arena *a, struct arena_part ret[2]);

/* The next run of free pages in the second part, from offset `from` on: nothing needs their contents.
 * *ret_at is its offset; returns its bytes, 0: there is none. */
size_t arena_free_run(const struct arena *a, size_t from, size_t *ret_at);

/* Bytes in blocks that are in use. */
size_t arena_used(const struct arena *a);

/*
 * Forget in which order blocks were freed, and what was in them: free blocks are cleared, and will be used from the lowest
 * address on. So a program that comes back to the same blocks, with the same in them, comes back to the same memory.
 */
void arena_tidy(struct arena *a);

/* Give all free pages back to the system. Looks at every free block. */
void arena_trim(struct arena *a);

/*
 * Bytes freed since the last trim and not given back, which is the most that another trim can give
 * back. 0 if they are not worth its cost: less than 1 MiB, or than an eighth of what is used.
 */
size_t arena_keeps(const struct arena *a);

#endif
