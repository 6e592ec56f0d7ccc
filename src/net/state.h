/*
 * net/state.h - the state of one object as the engine holds it: one string, with no pointers. Pure.
 *
 *    "sbx1"  type  words  name length  0        8 bytes
 *    generation   last ticket   aux             8 bytes each
 *    the words of its machine                   8 bytes each
 *    its name
 *    its line: a place is 24 bytes              who, ticket, kind (2), flags (1), since (5)
 *
 * All numbers stand with their highest byte first, so that the server's scripts (net/scripts.c) can
 * compare them as strings, and add to one by BITFIELD. Whatever else is in the string is refused:
 * somebody else writes to the engine.
 *
 * The generation grows with each change of the string. After a power cut the server may come back with an older
 * file, and count the same numbers again, for other states. So a generation is compared only over the connection over
 * which it was seen (net_commit), and a connection is to one start of the server; what was seen before is forgotten. The
 * places are in the order of their tickets.
 */
#ifndef SBX_NET_STATE_H
#define SBX_NET_STATE_H

#include "base/buf.h"
#include "object/hands.h"
#include "object/sync.h"

enum {
  STATE_HEAD = 32,    /* bytes before the words */
  PLACE_BYTES = 24,   /* of a place in line */
  PLACES_MOST = 1024, /* of those that wait; more are -SBX_ECROWD */
  PLACE_HAND =
      OP_QUEUE_TAKE /* as `kind`: no place, but an item of a queue with redeliver that `who` has in hand, or,
                                if that is 0, that came back (object/hands.h); `since` is its number */
};

enum place_flag {
  PLACE_PATIENT = 1, /* it would wait without end */
  PLACE_BRIEF = 2    /* of a queue without room: see object/queue.h */
};

struct net_place {
  uint64_t who, ticket;
  uint16_t kind; /* enum op_kind */
  uint8_t flags; /* enum place_flag */
  uint64_t
      since; /* it waits since then: TICKS_A_SECOND of the engine's clock, modulo 2^40; of queues 0 */
};

enum { TICKS_A_SECOND = 10000 };

struct net_state {
  enum object_type type;
  uint64_t generation;
  uint64_t last_ticket;
  uint64_t
      aux; /* CONDITION: the id of its lock; QUEUE, EVENT: of a mailbox, or an end, its process */
  uint32_t word_count;
  uint64_t words[SYNC_WORDS];
  char name[NAME_MAX_BYTES];
  struct net_place *line; /* owned */
  uint32_t line_count, line_cap;
};

/* Read a string. -SBX_ENOOBJECT: it is no state; -SBX_ENOMEM. `ret` may hold an older state, whose
 * memory is used; it is unchanged on failure. */
int state_read(struct net_state *ret, const void *bytes, size_t len);
/* Write it behind what is in `out`. -SBX_ENOMEM */
int state_write(const struct net_state *s, struct buf *out);
int state_copy(struct net_state *to, const struct net_state *from);
void state_release(struct net_state *s);

/* Stand in the line already, as what? NULL: no. */
struct net_place *state_place(const struct net_state *s, uint64_t who, enum op_kind kind);
/* Join it: the new ticket, or 0: it is full, or there is no memory. */
uint64_t state_join(struct net_state *s, uint64_t who, enum op_kind kind, bool patient,
                    uint64_t since);
/* Leave it. True: it stood there. */
bool state_leave(struct net_state *s, uint64_t who, enum op_kind kind);

/* The items of a queue that are in hands; HANDS_MOST at most. */
void state_get_hands(const struct net_state *s, struct queue_hands *ret);

/* A number of 8 bytes, the highest first. */
uint64_t state_get64(const void *at);
void state_put64(void *at, uint64_t n);

#endif
