/*
 * look/story_internal.h - the parts of look/story.h.
 *
 *   story_past.c    what the steps say: the state of an object at a step, who held which lock
 *   story_why.c     the mistakes that are known, and how the steps give each away
 *   story_cycle.c   those of them by which processes wait for ever
 *   story_words.c   the sentences about them, and the notes beside steps
 *   story_cure.c    what to try against them, and what of that can be checked
 *   story_pen.c     columns, colours, lines that are broken
 *   story_fold.c    which processes and steps are worth showing
 *   story_table.c   the table
 *   story.c         what stands above and below it
 *   story_json.c    the same for programs
 *
 * Steps are numbered from 0 here, and from 1 in what is printed.
 */
#ifndef SBX_LOOK_STORY_INTERNAL_H
#define SBX_LOOK_STORY_INTERNAL_H

#include "look/story.h"

/* -- what the steps say (story_past.c) --------------------------------------------------------- */

/* Is the number that of a process, of an object, of a step? */
static inline bool story_process_is(const struct story *s, uint32_t process) {
  return process < s->process_count;
}
static inline bool story_object_is(const struct story *s, uint32_t object) {
  return object < s->object_count;
}

enum object_type story_type(const struct story *s, uint32_t object);
/* The name of a process or object; "a process", "it" if there is none. */
const char *story_process_name(const struct story *s, uint32_t process);
const char *story_object_name(const struct story *s, uint32_t object);

/* Strings that may be NULL: both known, and equal. */
bool story_equal(const char *a, const char *b);

/* Did the step look at its object, and leave it as it was? */
bool story_reads(const struct story_step *step);
/* Did it change its object? Where the state is not known, its op says. */
bool story_changes(const struct story_step *step);
/* Is it the first step of a wait for a condition; its last? */
bool story_begins_wait(const struct story_step *step);
bool story_ends_wait(const struct story_step *step);

/* The state of an object before step `at`; NULL: not known. */
const char *story_state(const struct story *s, uint32_t object, uint32_t at);

/* The last step before `at` of a process on an object; of any process or object: STORY_NONE. Returns
 * STORY_NONE if there is none. story_next: the first from `at` on. */
uint32_t story_last(const struct story *s, uint32_t process, uint32_t object, uint32_t at);
uint32_t story_next(const struct story *s, uint32_t process, uint32_t object, uint32_t at);
/* The same for steps of an op. */
uint32_t story_last_op(const struct story *s, uint32_t process, uint32_t object, uint32_t at,
                       enum op_kind kind);
uint32_t story_next_op(const struct story *s, uint32_t process, uint32_t object, uint32_t at,
                       enum op_kind kind);

/* The step in which a process took the lock, or the unit of a semaphore, that it has before step
 * `at`; STORY_NONE: it has none. A wait for a condition gives its lock back. */
uint32_t story_taken(const struct story *s, uint32_t process, uint32_t object, uint32_t at);
/* A lock that the process has without a break from before step `from` until `to`; STORY_NONE. */
uint32_t story_kept(const struct story *s, uint32_t process, uint32_t from, uint32_t to);

/* The step after which a process failed, at the place of the error; STORY_NONE: not known. */
uint32_t story_failed(const struct story *s);

/* Does the process wait for ever in an op with this verb ("get", "join")? */
bool story_waits_in(const struct story *s, uint32_t process, const char *verb);

/* Is a text the whole number *ret? */
bool story_number(const char *text, int64_t *ret);

/* "line 3"; "lib.lua:3" in another file than the script; "step 4" if the line is not known. */
struct story_place {
  char text[SOURCE_MAX + 32];
};
struct story_place story_place(const struct story *s, uint32_t step);
/* The same of "x.lua:7"; "" of NULL. */
struct story_place story_place_of(const struct story *s, const char *where);

/* -- why (story_why.c) ------------------------------------------------------------------------- */

/* A mistake, and the parts in it. What each of them is stands above the function that finds it;
 * STORY_NONE where it has no such part. */
struct finding {
  enum story_cause cause;
  int variant;
  uint32_t who, other;        /* processes */
  uint32_t from, between, at; /* steps, in this order */
  uint32_t again;             /* one more */
  uint32_t object, lock;
};

/* Of a mistake that is not known the cause is CAUSE_UNKNOWN. */
void story_find(const struct story *s, struct finding *ret);

/* Those of which processes wait for ever (story_cycle.c). */
bool find_lock_order(const struct story *s, struct finding *f);
bool find_held_wait(const struct story *s, struct finding *f);
bool find_join_before_drain(const struct story *s, struct finding *f);
bool find_lost_wakeup(const struct story *s, struct finding *f);
bool find_wrong_notified(const struct story *s, struct finding *f);
bool find_missing_sentinel(const struct story *s, struct finding *f);
bool find_overtaking(const struct story *s, struct finding *f);

/* -- words (story_words.c) --------------------------------------------------------------------- */

/* Text that is being appended, until memory is short. */
struct story_text {
  struct buf *out;
  int rc;
};

#define STORY_SAY(t, ...) ((t)->rc = (t)->rc ? (t)->rc : buf_format((t)->out, __VA_ARGS__))

void story_say_why(const struct story *s, const struct finding *f, struct story_text *t);
/* Do two steps stand in the same line? */
bool story_same_place(const struct story *s, uint32_t a, uint32_t b);
/* Of a circle of locks: how many are told; what a process in it holds, for which the one before it waits; do two
 * of them have the same name? A variable may mean another in each process. */
enum { LINKS = 6 };
uint32_t story_held_in_circle(const struct story *s, uint32_t process);
bool story_names_clash(const struct story *s);

/* story_cure.c */
void story_say_cure(const struct story *s, const struct finding *f, struct story_text *t);
/* Of CAUSE_IF_FOR_WHILE: the step in which it asked for what it then waited for, or began to wait. */
uint32_t story_question(const struct story *s, const struct finding *f);
/* What there is to say beside a step; nothing for most. */
void story_say_note(const struct story *s, const struct finding *f, uint32_t step,
                    struct story_text *t);
/* Was it the last that could be saved? */
void story_say_chance(const struct story *s, uint32_t step, struct story_text *t);
/* "in acquire at line 7 for fork2": what a process waits in. */
void story_say_waits(const struct story *s, uint32_t process, struct story_text *t);
/* More about one that waits for ever, behind a semicolon. */
void story_say_wait(const struct story *s, const struct finding *f, uint32_t process,
                    struct story_text *t);

/* -- the pen (story_pen.c) --------------------------------------------------------------------- */

struct story_pen {
  struct buf *out;
  const struct story_options *o;
  int column; /* of the line, where the next character goes */
  int want;   /* where it shall go instead, if that is farther */
  int rc;     /* 0 or -SBX_ENOMEM, of anything done so far */
};

/* Go to a column of the line; blanks are written when something follows. */
void pen_to(struct story_pen *p, int column);
/* A text as it can be shown, in one line, cut to `most` columns; `color` as of base/table.h. */
void pen_cut(struct story_pen *p, const char *color, const char *text, int most);
void pen_line(struct story_pen *p);
/* Break a text between words: its lines begin at column `left`, where the pen may be already, and end
 * before `right`. Words too long for a line are cut. Stays in the last line. */
void pen_fill(struct story_pen *p, const char *color, const char *text, int left, int right);
/* The same of a name, of which the number at the end is kept: "phil...4". */
void pen_name(struct story_pen *p, const char *color, const char *text, int most);
/* Text as of printf, broken between words as pen_fill does, from here to the end of the line. */
void pen_say(struct story_pen *p, const char *color, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The columns that a text takes as it is shown. */
int pen_width(struct story_pen *p, const char *text);

/* Parts of the drawing, in ASCII or else. */
struct story_signs {
  const char *gives, *note, *wakes, *edge, *points;
};
const struct story_signs *pen_signs(const struct story_options *o);

/* -- what is shown (story_fold.c) -------------------------------------------------------------- */

struct story_view {
  bool *process; /* owned; of each: has it a column? */
  bool *object;  /* owned; of each: are steps on it shown? */
  bool *state;   /* owned; of each: is its state a column? */
  bool *step;    /* owned; of each: is it shown? */
};

int view_make(const struct story *s, const struct finding *f, struct story_view *ret);
void view_release(struct story_view *v);

/* -- the table (story_table.c) ----------------------------------------------------------------- */

void story_table(const struct story *s, const struct finding *f, const struct story_view *v,
                 struct story_pen *p);

#endif
