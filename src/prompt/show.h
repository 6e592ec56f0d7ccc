/*
 * prompt/show.h - the live state of a run as text: tables and sentences made of a snapshot, for a
 * terminal of any width. Prints nothing.
 *
 * All functions append whole lines to `out` and return 0 or -SBX_ENOMEM.
 */
#ifndef SBX_PROMPT_SHOW_H
#define SBX_PROMPT_SHOW_H

#include "base/table.h"
#include "look/snapshot.h"
#include "look/trace/model.h"

/*
 * What the functions need besides the snapshot.
 *   idle  id of the process that could help everybody but waits for the person: the idle session;
 *         0: none. It is called "you" in sentences.
 */
struct show {
  struct style style;
  uint64_t idle;
};

/*
 * Processes, one a row: id, name, state, what it waits for and how long, CPU seconds, memory of its
 * own, items put and got, pid, file:line, and marks ("daemon", "muted"). Then a line on those who
 * are stuck, if waits_find was called and found some. Needs SNAPSHOT_USAGE.
 */
int show_ps(const struct snapshot *s, const struct show *how, struct buf *out);

/* All that is known of the process with this number in the table, a few lines. Needs SNAPSHOT_USAGE
 * and SNAPSHOT_QUEUES. */
int show_process(const struct snapshot *s, uint32_t process, const struct show *how,
                 struct buf *out);

/* Queues, one a row: id, name, items, capacity, state, who sleeps in get and in put, bytes, how
 * many hold it, transport. Needs SNAPSHOT_QUEUES. */
int show_queues(const struct snapshot *s, const struct show *how, struct buf *out);

/* Locks, semaphores, events, conditions, barriers, values, dicts and ends of pipes, one a row: id,
 * type, name, state, in whose hands it is, who waits, what was done to it last and where, how many
 * have a handle. Needs SNAPSHOT_QUEUES and SNAPSHOT_OBJECTS. */
int show_objects(const struct snapshot *s, const struct show *how, struct buf *out);

/*
 * Who waits for whom, one a row: who, in what, for what, how long, who could help. Then a line for
 * each deadlock ("deadlock: a#2 waits in get ..."), and for those whom only `idle` could help.
 * Needs SNAPSHOT_QUEUES and waits_find.
 */
int show_waits(const struct snapshot *s, const struct show *how, struct buf *out);

/*
 * One picture of `top`: a line on the whole run, then processes, those first that used most CPU
 * since `before`. Needs SNAPSHOT_USAGE.
 *   before  an earlier snapshot; NULL: shares are of the whole run
 *   rows    lines that there is room for; 0: any number
 */
int show_top(const struct snapshot *now, const struct snapshot *before, const struct show *how,
             int rows, struct buf *out);

/* The marks of a recorded run, the last 100: time (the run's), process, name, value. */
int show_marks(const struct trace_model *m, const struct show *how, struct buf *out);

/* "2 processes still run: writer#2 (in put for queue jobs#1), reader#3"; nothing if there is nobody
 * but `idle` and main. One line. */
int show_running(const struct snapshot *s, const struct show *how, struct buf *out);

/* Lines, each wrapped between words to so many columns; what goes on in the next is indented more. 0
 * or -SBX_ENOMEM. */
int show_wrapped(const char *text, size_t len, int columns, struct buf *out);

/* Columns of the terminal `fd`: as the kernel says, else as COLUMNS does, else 80. */
int show_columns(int fd);

#endif
