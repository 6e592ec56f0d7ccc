/*
 * object/rwlock.h - the state machine of locks for readers and writers: many may read at a time, or
 * one may write.
 *
 * Nobody starves: whoever comes goes behind those who wait already, and all are let in in the order in
 * which they came. Writers wait in the second line, so the machine knows the first of each kind:
 *
 *   a reader is let in if nobody writes, and no writer came before it
 *   a writer is let in if nobody reads or writes, and nobody came before it
 *
 * A waiter that is stopped holds up nobody (sync_world_ops.first). A process that reads may read again,
 * and passes a writer that waits: it would wait for itself. One that writes, or wants to write while it
 * reads, would wait for itself, too: an error.
 *
 * So many processes may read at a time as there is room for (RWLOCK_READERS); others wait until one of
 * them is done. A reader that ends, in whatever way, reads no more, and has changed nothing. A writer
 * that ends may have left its work half done: each reader is told that the lock was abandoned, until a
 * writer, who is told, too, has it.
 */
#ifndef SBX_OBJECT_RWLOCK_H
#define SBX_OBJECT_RWLOCK_H

#include "object/sync.h"

enum rwlock_word {
  RWLOCK_WRITER,  /* the process that writes; 0: none. It may be gone */
  RWLOCK_SPOILED, /* 1: a writer left it in the middle, and none has had it since */
  RWLOCK_COUNT,   /* words in use from here on, each a reader: process << 8 | how many times */
  RWLOCK_FIRST,
  RWLOCK_READERS = SYNC_WORDS - RWLOCK_FIRST
};

#endif
