/*
 * base/flush.h - flush all streams, without a touch of what is written already.
 *
 * fflush(NULL) locks each stream, even if it holds nothing: that is a store, and after a fork each store into a page
 * copies it. A process that only spawns, or ends, has nothing to write.
 */
#ifndef SBX_BASE_FLUSH_H
#define SBX_BASE_FLUSH_H

/* As fflush(NULL), for which there is often nothing to do. */
void flush_pending(void);

#endif
