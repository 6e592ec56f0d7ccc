/*
 * object/hands.h - of a queue with redeliver: which items are in whose hands. Pure.
 *
 * The list has all items that were taken at some time and not given up since, the oldest first: each is in the hands
 * of a process, or came back. All others of the queue are younger. So the oldest item that a GET can have is the
 * first of the list that came back; else the oldest of those that were never taken.
 *
 * A backend keeps the list with the state of the queue (object/queue.h), and changes both in one step.
 */
#ifndef SBX_OBJECT_HANDS_H
#define SBX_OBJECT_HANDS_H

#include "object/queue.h"

enum { HANDS_MOST = 1024 }; /* in a list */

struct queue_hand {
  uint64_t who;    /* as who_of (object/sync.h); 0: it came back */
  uint64_t number; /* of the item, as its PUT told */
  uint64_t at;     /* the backend's: where the item is */
};

struct queue_hands {
  struct queue_hand *list; /* room for HANDS_MOST; the backend's */
  uint32_t count;
};

/* How many the process has in hand. */
uint32_t hands_of(const struct queue_hands *h, uint64_t who);
/* The place of its oldest, or of the oldest that came back (`who` 0); h->count: there is none. */
uint32_t hands_first(const struct queue_hands *h, uint64_t who);
/* Is it in the hands of another process than the item before it? So each process is asked about once, mostly. */
static inline bool hands_is_new(const struct queue_hands *h, uint32_t place) {
  return h->list[place].who && (place == 0 || h->list[place].who != h->list[place - 1].who);
}

/* What the machine must know of the list: ask->who is given. */
void hands_tell(const struct queue_hands *h, struct queue_ask *ask);
/* The process takes the item at hands_first(h, 0), and there is one; or a new one, which is not in the list. */
void hands_take(struct queue_hands *h, uint64_t who);
void hands_add(struct queue_hands *h, const struct queue_hand *item);
/* It is given up. */
void hands_remove(struct queue_hands *h, uint32_t place);
/* So many of its oldest are given up. */
void hands_remove_first(struct queue_hands *h, uint64_t who, uint32_t count);
/* What a process had in hand comes back. How many items. */
uint32_t hands_return(struct queue_hands *h, uint64_t who);
/* The same of each process that is gone. */
uint32_t hands_return_if(struct queue_hands *h, bool (*gone)(void *ctx, uint64_t who), void *ctx);

#endif
