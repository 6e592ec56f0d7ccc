/*
 * os/process/outlet.h - writing whole lines where several processes write.
 *
 * Lines are the unit. The kernel keeps a write(2) together up to PIPE_BUF bytes in a pipe, and
 * longer ones as long as nothing interrupts it and there is room; stdio breaks what is longer than
 * its buffer. So a line is put together by its process (os/process/output.c), whatever its length, and
 * is written while that holds the outlet: a word of the control block, one for each place where output goes.
 *
 *   1. The holder writes itself into `writer`, by compare-and-swap from 0, and 0 when it is done.
 *   2. Before a write that the kernel may break off it sets `torn`, afterwards it clears it.
 *   3. A waiter sleeps on the futex `contended`, which it sets before it looks at `writer` for the
 *      last time, and the holder clears after it has let go: no wake-up is lost. Those it does not
 *      wake are woken by the next holder, who sets `contended` if it has waited.
 *   4. A holder that is gone never lets go, nor does one that is stopped. So waiters look at it
 *      every LOOK_NS, and take its place: at once if it is gone, after a while if it is stopped. A
 *      holder that is killed is found by its waiters, or by the next one who comes.
 *   5. Whoever finds `torn` set writes a newline first. So a process that is killed inside a line
 *      loses the rest of its own line, and tears no other.
 *   6. A stopped holder that is continued and finds that it was replaced waits for its turn, and
 *      then writes the rest of its line on a line of its own.
 *
 * Below the cursor. On a terminal the supervisor may show a few rows, bars of progress, that are no
 * output: they stand below the place where output has ended, be that inside of a line, and the
 * cursor stays at that place.
 *
 *   7. The supervisor, holding the outlet, makes room below the cursor (IND scrolls if need be, and
 *      keeps the column), saves the cursor, writes the rows, restores the cursor, and sets `below`.
 *   8. A process that writes, holding the outlet, clears `below` and then erases all that is behind
 *      the cursor (ED), which is the rows and nothing else. What it writes goes on where output had
 *      ended. Afterwards it tells the supervisor, which draws again, first of all by erasing: so a
 *      process that is killed between the two does no harm.
 *
 * Nothing else need be known: not where the rows are, nor how the terminal has changed meanwhile.
 */
#ifndef SBX_OS_PROCESS_OUTLET_H
#define SBX_OS_PROCESS_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "os/shared/control.h"

#define OUTLET_SUPERVISOR UINT64_MAX      /* in place of a process (who_of) */
#define OUTLET_COPIER (UINT64_C(1) << 63) /* the same, with a pid: os/process/copier.h */
#define OUTLET_ERASE_BELOW "\033[J"

/* Do stdout and stderr of the calling process go to the same place? Then they have one outlet. */
bool outlet_is_one_place(void);
struct outlet *outlet_of_stderr(struct control *c);

/* Hold it, now. False: another process does. */
bool outlet_try_hold(struct outlet *o, uint64_t who);
/* Hold it. 0, EINTR (an interrupt came), EAGAIN (the supervisor waits no longer). */
int outlet_hold(const struct control *c, struct outlet *o, uint64_t who);
void outlet_let_go(struct outlet *o, uint64_t who);
/* Will this holder not let go? `looks`: how often it was seen stopped, in a row. */
bool outlet_holder_is_lost(const struct control *c, uint64_t holder, unsigned *looks);

/* The holder begins: after a line that another process did not finish, on a new one. Returns whether it
 * has erased what stood below. */
bool outlet_begin(int fd, struct outlet *o, uint64_t who, bool whole_lines);
/* The holder erases what stands below. Returns whether there was something. */
bool outlet_clear_below(int fd, struct outlet *o);
/* Errors are ignored. */
void outlet_write_all(int fd, const void *data, size_t len);

/* Is what they hold whole lines? */
bool outlet_ends_line(const struct iovec parts[2]);

/*
 * Write both parts while no other process of the run writes there. They are used up.
 *   whole  so many bytes are never broken off
 *   opens  they are the beginning of a line, of which others are to know
 * 0, or an errno.
 */
int outlet_emit(const struct control *c, struct outlet *o, int fd, uint64_t who, size_t whole,
                bool opens, struct iovec parts[2]);

/* Is a process of the run inside a line that goes to stdout, and about to end it? A hint. */
bool outlet_in_flight(const struct control *c);

#endif
