/*
 * look/story.h - a schedule that went wrong, told as a table: a column for each process, the user's
 * own lines, what changed, from which step on nothing could be saved, and why. Pure.
 *
 * Who explores or replays fills a `struct story`; story_write prints it, and story_why names the
 * mistake, if it is one of those that are known: it recognises them by the steps alone.
 */
#ifndef SBX_LOOK_STORY_H
#define SBX_LOOK_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "object/op.h"

#define STORY_NONE UINT32_MAX

/* A process or an object of a story. Strings are borrowed. */
struct story_process {
  const char *name;   /* "main", "writer#2" */
  bool ended;         /* at the end of the story */
  const char *waits;  /* what it waits in at the end: "lock.acquire of fork2"; NULL: it does not */
  const char *where;  /* "x.lua:7", of that */
  uint32_t waits_for; /* of the one process that could help; STORY_NONE */
  uint32_t wanted;    /* object that it waits for; STORY_NONE */
  bool stuck;         /* it waits for ever */
  bool in_circle;     /* and is one of those that wait for each other, not only behind them */
};

struct story_object {
  enum object_type type;
  const char *name; /* the script's own word for it: "fork1", "count"; else "lock#3" */
  bool shown;       /* its state is a column of the table: a value, a queue's length, units */
};

struct story_step {
  uint32_t process;   /* who takes it */
  enum op_kind kind;  /* OP_PROCESS_END: it ends */
  uint32_t object;    /* STORY_NONE: none. Of a condition's wait: the condition, or in its last step
                         the lock */
  uint32_t phase;     /* of a CONDITION_WAIT: 1 it begins to wait, 2 it is woken up, 3 it has the
                         lock again; of a BARRIER_WAIT: 1 arrives, 2 leaves; else 0 */
  int rc;             /* of its op, if it is over with this step: 0 or -SBX_* */
  bool over;          /* its op is over */
  bool preempts;      /* the process of the step before could have gone on */
  bool vain;          /* NOTIFY: nobody waited. A try of a lock in vain has rc -SBX_ETIMEDOUT */
  bool killed;        /* it is no op: the process is killed */
  bool abandoned;     /* ACQUIRE: from one that had ended */
  uint32_t woke;      /* process that may go on by it; STORY_NONE */
  const char *call;   /* the call as the user wrote it, or would: "count:get()" */
  const char *result; /* "0", "true", "nil, timeout"; NULL: nothing to tell */
  const char *put;    /* what it writes: the value of SET, PUT, CAS; NULL */
  const char *expected; /* CAS: what it expects; NULL */
  const char *source;   /* "x.lua" */
  int line;             /* 0: not known */
  const char *text;     /* the whole line of the script, without blanks around; NULL: not known */
  const char *before, *after; /* the object's state as a short text: "0", "free", "held by inc#2" */
  double p_fail;    /* of a random scheduler to fail from here on, before the step; < 0: unknown */
  bool last_chance; /* before it all could end well, after it nothing can */
};

enum story_end {
  STORY_ERROR,    /* a process failed: `message` */
  STORY_DEADLOCK, /* processes wait for ever, all or some */
  STORY_LIVELOCK, /* the steps from `loop` on can be repeated for ever, and nobody gets anywhere */
  STORY_STARVES,  /* the same, and others get on */
  STORY_HELD,     /* a process ended with a lock held: `message` */
  STORY_STATUS,   /* main ended with a status other than 0: `message` */
  STORY_UNREAD,   /* items were never read: `message` */
  STORY_OUTPUT,   /* it printed something else than the other runs: `message` */
  STORY_ENDLESS   /* as LIVELOCK, but in the circle processes get on: it only never ends */
};

struct story {
  const char *script; /* "philosophers.lua" */
  enum story_end end;
  const char *message; /* of the error: "count is 1, expected 2" */
  const char *where;   /* "x.lua:5"; NULL */
  uint32_t loop;       /* LIVELOCK, STARVES: the step where the circle begins */
  uint32_t victim;     /* STARVES: who never gets on; ERROR, HELD: who failed; else STORY_NONE */
  const struct story_process *processes;
  uint32_t process_count;
  const struct story_object *objects;
  uint32_t object_count;
  const struct story_step *steps;
  uint32_t step_count;
  /* What came of trying the cure: "with line 3 in one step ..."; NULL: it was not tried. */
  const char *checked;
};

struct story_options {
  int width;  /* columns of the terminal, at least 40 */
  bool color; /* with escape sequences */
  bool utf8;
};

/* Is it a circle in which processes get on: items, units or signals pass, and nothing is tried in vain? */
bool story_gets_on(const struct story *s);

/* Print what went wrong, the table, and what stands below it: who waits for whom, why, what to try.
 * Lines have two blanks before them, and are not wider than the terminal. -SBX_ENOMEM */
int story_write(const struct story *s, const struct story_options *o, struct buf *out);

/* Append what a process waits in: "in acquire at line 4 for knife". -SBX_ENOMEM */
int story_waits(const struct story *s, uint32_t process, struct buf *out);

enum story_cause {
  CAUSE_UNKNOWN,
  CAUSE_LOST_UPDATE,       /* get ... set of another ... set */
  CAUSE_CHECK_THEN_ACT,    /* what was tested is no longer true when it is used */
  CAUSE_LOCK_ORDER,        /* locks taken in a circle */
  CAUSE_LOST_WAKEUP,       /* notified, or set, before it waited */
  CAUSE_IF_FOR_WHILE,      /* woken up, and what it waited for is no longer true */
  CAUSE_WRONG_NOTIFIED,    /* the notification woke one who could not use it */
  CAUSE_ABA,               /* cas: the same value again, but not the same state */
  CAUSE_MISSING_RELEASE,   /* a process ended, or failed, with a lock held */
  CAUSE_MISSING_SENTINEL,  /* fewer ends of the stream than readers; nobody closes the queue */
  CAUSE_JOIN_BEFORE_DRAIN, /* joins a process that waits for room in a queue */
  CAUSE_EMPTY_READER,      /* reads until empty() while others still put */
  CAUSE_OVERTAKING,        /* others pass again and again before the victim */
  CAUSE_HELD_WAIT,         /* waits for a condition, queue or semaphore while it holds the lock that
                            who would help needs */
};

/* Why did it go wrong? Appends one or two sentences in terms of the code to `why`, and to `cure`
 * what to try; either may stay empty. -SBX_ENOMEM */
int story_why(const struct story *s, struct buf *why, struct buf *cure, enum story_cause *ret);

/* What of the cure can be checked by exploring the script as if it were made. */
enum story_check {
  CHECK_NOTHING,
  CHECK_ONE_STEP,   /* what is done in the lines is one step */
  CHECK_LOCK_ORDER, /* locks are taken in one order */
  CHECK_WHILE,      /* `while` instead of `if` in the line */
  CHECK_NOTIFY_ALL  /* notify_all instead of notify in the line */
};

struct story_lines {
  uint32_t step; /* with which they begin */
  int first, last;
};

struct story_proposal {
  enum story_check check;
  struct story_lines lines[2];
  uint32_t count; /* of them */
};

void story_propose(const struct story *s, struct story_proposal *ret);

/*
 * All of it as one JSON value for the page of a trace: {script, end, message, where, loop, victim,
 * cause, why, cure, checked, processes: [...], objects: [...], steps: [...]}. Members are called as the fields
 * above; what is NULL, STORY_NONE or false is left out. A process, object or step is its index, from
 * 0. Of a step `op` is the verb of its op, and `note` what stands beside it in the table. Strings may
 * stand inside <script>. -SBX_ENOMEM
 */
int story_json(const struct story *s, struct buf *out);

#endif
