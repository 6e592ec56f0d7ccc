/*
 * os/queue/queue.h - the queue of real processes: a pipe of records, and a log for what the pipe
 * cannot take. The protocol is proved here; the files of the queue refer to its steps.
 *
 * What a script may rely on
 *   1. When put returns, the item is in the queue for every process; len, empty and full are exact.
 *   2. A writer may put any amount and exit before anybody reads.
 *   3. A process may be killed at any instruction: at most the item in its own hands is lost. No
 *      other item is lost, doubled or torn, no process hangs, and len stays exact.
 *   4. close ends the stream: readers drain it, then get -SBX_ECLOSED.
 *
 * Where an item is
 *   pipe  One record of 512 bytes, if the item fits. Such a write is all or nothing, and
 *         FIONREAD / 512 is the kernel's exact count (pipe(7)).
 *   log   A ring in shared memory (os/queue/log.h). It needs no system call.
 *   Where both are possible, `transport` decides: "pipe" takes the pipe, "shm" the log. "auto" takes
 *   the pipe when a reader is asleep, since only the kernel can wake it, and then the item itself is
 *   the wake-up; and the log when readers are awake. A reader that finds nothing spins for a moment
 *   before it sleeps, where that pays; one that takes item after item lets some gather meanwhile
 *   (os/shared/spin.h).
 *
 * The shared words: two sides (os/shared/side.h), each with its lock
 *   put   PUT_ITEMS  put into the log        GET_ITEMS    got from the log       get
 *         PUT_TAIL   end of the log          GET_HEAD     begin of the log
 *         pipe       writes to the pipe, *2  pipe         those accounted for
 *         rung       the readers' bell       rung         the writers' bell
 *                                            got_by_pipe  got from the pipe
 *   A producer holds put, a consumer holds get, so they do not meet; an op that needs both takes put
 *   first. Each side reads the other's words as seldom as it can, and remembers them (`seen`). The
 *   head, the tail and the room only grow, so an old value errs to the safe side.
 *
 * Put, holding put
 *   P1  Closed: an error. Full: wait (W1).
 *   P2  To the pipe, but only if the log is empty, and the item carries no handles:
 *         a  put.pipe becomes odd: a write may be going on
 *         b  write(2) of the record: THE COMMIT
 *         c  put.pipe becomes even, one write more; asleep = 0
 *       If the pipe is full, b does nothing, c counts a write that was none, and P3 follows.
 *   P3  To the log:
 *         a  fill an entry behind the tail, where nothing is current
 *         b  ring the readers' bell, unless `rung`
 *         c  PUT_TAIL and PUT_ITEMS, by one release store of put.generation: THE COMMIT
 *
 * Get, holding get
 *   G1  Is there an entry of the log that was seen when the pipe was last found empty? Then G5.
 *   G2  Load `closed`, then the log's tail, then put.pipe: IN THIS ORDER.
 *   G3  If put.pipe equals get.pipe, the pipe is empty. Else:
 *         a  ring the writers' bell, if the queue is bounded, unless `rung`
 *         b  read(2) of a record: THE COMMIT
 *         c  got_by_pipe += 1, get.pipe += 2; or, if the pipe was empty, get.pipe = the put.pipe of
 *            G2, provided that it was even
 *   G4  The pipe is empty, and the head is the tail of G2: an error if `closed`, else wait (W1).
 *   G5  From the log:
 *         a  copy the entry
 *         b  ring the writers' bell, as G3a
 *         c  GET_HEAD and GET_ITEMS, by one release store of get.generation: THE COMMIT
 *
 * Close, holding both: ring both bells, which stay rung; then closed = 1.
 *
 * Wait
 *   W1  Spin for a moment, as long as the other side's generation and `pipe` do not change.
 *   W2  Take both locks. If the op is enabled now, try it again.
 *   W3  Else silence the bell to be slept on (rung = 0, then read(2) of its eventfd); asleep = 1.
 *   W4  Release the locks, and poll the bell; a reader polls the pipe, too.
 *
 * Why it holds
 *   Order. A record in the pipe is older than every entry of the log, since P2 finds the log empty;
 *       so G3 comes before G5. What G1 takes is older than any record: as long as it is in the log,
 *       P2 puts none. In G2 the tail is loaded before put.pipe: an entry that is seen was put after
 *       the records before it had been counted, so G3 looks for these. The other way round, a record
 *       and then an entry could be put between the two loads, and the entry would be taken first.
 *   Each item once. An op has one commit, and so has a run of puts into the log or of gets from it.
 *       Before it nothing is current, and afterwards only words are missing that may lag:
 *         killed in P2 between a and b   put.pipe stays odd; the next writer goes on from there
 *         between b and c                the same, and the record is there: readers look, since an
 *                                        odd put.pipe never equals get.pipe
 *         in G3 between b and c          the item was in the reader's hands. get.pipe counts too few,
 *                                        and so readers look into the pipe once more
 *       get.pipe never counts a write that may still be going on: it becomes put.pipe only if that
 *       was even when loaded, so that all these writes were over before the read(2) found nothing.
 *   Length. len = PUT_ITEMS - GET_ITEMS + FIONREAD / 512: each term changes by the commits alone.
 *   End. `closed` changes under both locks, so nothing is put after it was loaded in G2.
 *   Wake-ups. A bell is rung BEFORE the commit that it announces (P3b, G3a, G5b): a kill between the
 *       two costs a spurious wake, never a lost one. It is silenced only under both locks, when there
 *       is nothing to announce (W2), so each later commit rings it again. `rung` is set after
 *       ringing and cleared before silencing: a kill in between errs to a needless ring. A record
 *       needs no bell, since readers poll the pipe. `asleep` is a hint and no more: a reader went to
 *       sleep, and nothing went through the pipe since.
 *
 * A queue without room (object/queue.h) is one with a place for one item, in the log: so its putter
 * can withdraw it. Two lines (os/shared/line.h) are changed under get's lock:
 *   second  the readers that wait in get, from their first look in vain on
 *   line    those that wait for a reader: putters in MEET and in selects. Joiners stand there, too
 *   M1  An item is on offer by P3; its number, PUT_ITEMS, is its putter's ticket. A brief put holds
 *       both locks and looks at `second` first.
 *   M2  The putter waits in `line`. Under get's lock it looks: the item is taken if GET_ITEMS is the
 *       ticket or more, since nobody but the putter withdraws it.
 *   M3  Withdrawing is G5 with the item thrown away; then done += 1. The lock of get, which readers
 *       hold as well, makes it either taken or withdrawn; the commit of G5 makes it one step.
 *   M4  Those in `line` are signalled before the commit that takes an item, before a reader joins or
 *       leaves `second`, and before a close. They take the lock to look, so they see the change.
 *   Kills. A putter between P3c and M3: its item stays on offer, for the next reader. Between M3's
 *       commit and `done`: a join waits on, as for a reader that was killed with an item in its
 *       hands. A reader in `second`: its place tells of nobody any more; brief putters look again by
 *       themselves.
 *
 * A queue with redeliver (object/queue.h) has all its items in the log, too. A get leaves the item where it lies, and
 * writes down in a table whose it is now: the list of object/hands.h, in two copies, of which the generation of get's
 * side says which is current. So a change of the table is one with that of the words, by one commit:
 *   GET_ITEMS  taken, without what came back       GET_HANDS  how long the list is
 *   GET_DONE   given up                            GET_NEXT   the oldest entry that was never taken
 *   GET_HEAD   the oldest entry of the list; if it is empty, GET_NEXT. What the log holds behind it stays, also
 *              what was given up out of turn: as long as the oldest item is in hand, the log grows
 *   H1  Each op first gives back what is in the hands of processes that are gone: a change of its own.
 *   H2  The process that ends by itself changes the table before anybody can learn of its end.
 *   H3  A change after which a reader may go on (something came back; nothing will come any more) rings the readers'
 *       bell before its commit. The holder of get may do that: the bell is silenced under both locks. Of a death
 *       nobody tells: a reader that sleeps watches the pidfds of those that have something in hand.
 *   H4  They may become others, and the bell does not tell a reader of that: another reader may have silenced it before
 *       this one, which it woke, could run. So a reader that goes to sleep stands in `second`, from the look on by which
 *       it learns whom to watch (`told` = 0, under get's lock). A change by which a process has something in hand, and
 *       had nothing before, signals all that stand there, then sets `told`, and then commits. Where `told` is set, it need
 *       not signal. When a reader wakes, its place tells of nobody any more.
 *         A change before the look: the look shows it. After the look: the reader has been signalled since, by this
 *         change or an earlier one, so it looks again, for which it takes the lock, and sees what was committed. If the
 *         changer was killed before its commit, it sees the old state, and a needless signal was all. One that is
 *         killed between its signals and `told` leaves another needless signal to the next.
 *   H5  So each reader that sleeps watches all that have something in hand, with two exceptions, in which it looks
 *       again by itself: more than TAKERS_WATCHED processes have something in hand (20 times a second), or there is
 *       no descriptor, or no place in the line, left (200 times).
 *
 * An item that carries handles goes to the log. It is marked in its entry's head, and ends with a trailer: the handles
 * (struct object_ref), and a struct carried. Its number tells when the queue names them no more (os/shared/names.h); so
 * does a log that is empty, should a reader be killed between its commit and that.
 */
#ifndef SBX_OS_QUEUE_QUEUE_H
#define SBX_OS_QUEUE_QUEUE_H

#include <stdint.h>

#include "object/queue.h"
#include "os/queue/log.h"
#include "os/shared/self.h"
#include "os/shared/spin.h"
#include "os/shared/wait.h"

enum {
  RECORD_BYTES = 512, /* divides PIPE_BUF and the page */
  RECORD_HEAD = 12,   /* the item's length and its number */
  RECORD_ITEM_MAX = RECORD_BYTES - RECORD_HEAD,
  LEND_BYTES = 16 << 10 /* an item so large is shown where it lies, if the op asks for that */
};

/* The descriptors of a queue, in the order in which they travel. */
enum queue_fd {
  FD_LOG,
  FD_GET_BELL,
  FD_PUT_BELL,
  FD_PIPE_READ,
  FD_PIPE_WRITE,
  QUEUE_FDS,
  FD_HANDS = FD_PIPE_WRITE /* of a queue with redeliver, which has no pipe: its table */
};

/* A queue as one process holds it. */
struct queue {
  struct queue *next;
  uint32_t slot;
  uint64_t serial;
  uint32_t refs;       /* struct objects of this process; 0: laid by (queue_share.c), or kept */
  bool kept;           /* it was dropped while the process had something of it in hand */
  uint32_t forks;      /* the backend's count when it came to this process */
  int fds[QUEUE_FDS];  /* owned; the log's belongs to `log` */
  struct log_ring log; /* closed when refs is 0 */
  struct hands_table *hands; /* with redeliver: its table, mapped; else NULL */
  uint64_t holder;           /* serial of the process that has something in hand; 0: none known */
  struct spin get_spin, put_spin;
};

/* Make a queue. -SBX_EMFILE, -SBX_ENOMEM, -SBX_EOBJECTS; nothing is leaked on failure. */
int queue_create(struct os_backend *b, const struct queue_options *o, struct queue **ret);

/* Hold a queue whose descriptors came from elsewhere; takes them on success only. */
int queue_adopt(struct os_backend *b, uint32_t slot, uint64_t serial, const int fds[QUEUE_FDS],
                struct queue **ret);

/* The queue if this process holds it already, else NULL. Counts no reference. */
struct queue *queue_find(struct os_backend *b, uint32_t slot, uint64_t serial);

/* Hold a queue that a message, or an end of a pipe, names; queue_import if it was not laid by.
 * -SBX_EGONE, -SBX_EDATA, -SBX_EMFILE */
int queue_hold(struct os_backend *b, uint32_t slot, uint64_t serial, struct queue **ret);

/*
 * One reference less; at none the descriptors are closed. If the process has something of it in hand, which is to be
 * given up at its end at the latest, the queue is kept until then, as long as anybody else can ever have it.
 */
void queue_drop(struct os_backend *b, struct queue *q);
/* In a child just forked: its queues are its parent's, too, and it has nothing in hand. */
void queue_enter_child(struct os_backend *b);
/* Drop what is kept, and nobody else can have any more. How many were dropped. */
uint32_t queue_drop_kept(struct os_backend *b);
/* The same of one that was laid by, and will not be used. */
void queue_drop_laid_by(struct os_backend *b, struct queue *q);

/* -- descriptors of queues, and of the queues of pipes (queue_share.c) ------------------------- */

/* Get the descriptors of a queue from the supervisor, and hold it. As broker_request; -SBX_EGONE */
int queue_import(struct os_backend *b, const struct op *op, uint32_t slot, uint64_t serial,
                 struct queue **ret);
/* For os/shared/hand.h, of an object of any type. */
bool queue_by_handle(const struct os_backend *b, uint32_t slot);
int queue_share_fetch(struct os_backend *b, const struct op *op, const struct object_ref *ref);
int queue_share_keep(struct os_backend *b, const struct op *op, const struct object_ref *ref);
void queue_share_drop(struct os_backend *b, const struct object_ref *ref);
void queue_share_drop_all(struct os_backend *b);

/*
 * Of a process that uses no queue any more, and ends: unmap the logs. What looks through all of its
 * memory at the end (memcheck's search for leaks) would read, and so fill, a quarter of the
 * machine's memory for each queue.
 */
void queue_unmap_all(struct os_backend *b);

/* For os/shared/hand.h: give back what logs of this process's queues have grown by, if they are
 * empty. Takes the locks of their put sides. */
void queue_trim_all(struct os_backend *b);

/*
 * OP_QUEUE_PUT. 0, -SBX_ETIMEDOUT (full), -SBX_ECLOSED, -SBX_ECAP, -SBX_ENOSPC, -SBX_ETOOBIG,
 * -SBX_EINTERRUPTED. On failure the queue is unchanged.
 */
int queue_put(struct os_backend *b, struct op *op);

/* OP_QUEUE_GET. 0, -SBX_ETIMEDOUT (empty), -SBX_ECLOSED, -SBX_ENOMEM (the item stays),
 * -SBX_EINTERRUPTED, -SBX_ELENT (it is asked for, and the item is in the log and large). */
int queue_get(struct os_backend *b, struct op *op);

/*
 * As perform_run: several items by one commit, of P3 or G5. What that cannot do is left to queue_put and
 * queue_get, which also wait: -SBX_EAGAIN.
 */
int queue_put_run(struct os_backend *b, struct op *ops, uint32_t count, uint32_t *ret_done);
int queue_get_run(struct os_backend *b, struct op *ops, uint32_t count, uint32_t *ret_done);

/* OP_QUEUE_TAKE. 0, -SBX_EAGAIN: what was lent is not the oldest item any more; -SBX_EINTERRUPTED.
 */
int queue_take(struct os_backend *b, struct op *op);

/* OP_QUEUE_PEEK: as get with a deadline in the past, but the item stays. With op->number n > 0: up
 * to n of the oldest items of one moment, each behind its length in 8 bytes. */
int queue_peek(struct os_backend *b, struct op *op);

/* The calling process is at its end: it gives up what it has in hand (`well`), or gives it back. */
void queue_leave_hands(struct os_backend *b, bool well);
static inline void queue_leave_all(struct os_backend *b, bool well) {
  if (b->in_hand) /* else it never had any */
    queue_leave_hands(b, well);
}

/* OP_QUEUE_CLOSE. 0 or -SBX_EINTERRUPTED. */
int queue_close(struct os_backend *b, struct op *op);

/*
 * OP_QUEUE_TASK_DONE: one of the items that were got has been worked off. 0, or -SBX_ETASKS (more
 * often than items were got; with redeliver, than the process has in hand).
 */
int queue_task_done(struct os_backend *b, struct op *op);

/* OP_QUEUE_JOIN: wait until every item that was put has been marked so. 0, -SBX_ETIMEDOUT,
 * -SBX_EINTERRUPTED. */
int queue_join(struct os_backend *b, struct op *op);

/*
 * The state of one moment, without a lock: nothing has moved while the sides and the pipe were
 * read. When others are so busy that this does not come about, some moment in between has to do.
 *   pipe       any descriptor of the queue's pipe, -1: none is at hand
 *   ret_bytes  what the items occupy, in the pipe's records and the log's entries; may be NULL
 */
struct queue_state queue_look(const struct queue_record *r, int pipe, uint64_t *ret_bytes);

/*
 * PUT or GET could not go on: make sure of it, and name what wakes when it may. Returns 0 (sleep;
 * or look again, which the bell tells), or what a lock returned.
 */
int queue_arm(struct os_backend *b, struct op *op, struct wait_set *w);

/* A select that armed it is over. */
void queue_disarm(struct os_backend *b, struct op *op);

/*
 * OP_QUEUE_MEET, of a queue without room: wait until the item op->ticket is taken, or withdraw it. 0:
 * it was taken; -SBX_ETIMEDOUT, -SBX_ECLOSED, -SBX_EINTERRUPTED: it is withdrawn. Should the process
 * be interrupted while the holder of the lock is stopped, it stays on offer.
 */
int queue_meet(struct os_backend *b, struct op *op);

void queue_describe(struct os_backend *b, struct queue *q, struct queue_info *ret);

#endif
