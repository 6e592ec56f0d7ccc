/*
 * tests/support/os_steps.h - a process is stopped after its n-th instruction.
 *
 * A first victim is single-stepped by ptrace(2), and the addresses it passes are written down. On
 * x86-64 the others run to the n-th of them by a breakpoint, and so need a few stops instead of n;
 * elsewhere they are stepped, too. Instructions that repeat themselves (rep movsb) count as one
 * there.
 *
 * The victim is a child of the caller and does what the first did; its text is its own (a private
 * mapping).
 */
#ifndef TEST_OS_STEPS_H
#define TEST_OS_STEPS_H

#include "support/os_world.h"

enum { STEPS_MAX = 100 * 1000 };

/* The victim: steps are counted from here on, up to the next SIGSTOP. */
void steps_begin(void);

/* Wait for the victim to stop; false if it stopped by itself. */
bool steps_stopped_inside(pid_t pid);

/* The first victim, from steps_begin() to its end. Returns how many instructions it did, more
 * than 50. */
long steps_record(pid_t pid);

/* Another one, from steps_begin() to where the first was after n. False if it was over before. */
bool steps_run(pid_t pid, long n);

/*
 * Which n to try, of `steps`: about `most` of them (0: all), and fewer under sanitizers, or where
 * victims must be stepped all the way; all of them if SANDBOX_EVERY_STEP is set. The first is by
 * chance, so that all have their turn in time. ret_stride   from one to the next
 */
long steps_first(long steps, long most, long *ret_stride);

/* The next after n; larger than what was recorded: no more. */
long steps_next(long n, long stride);

/* An op of a victim, and what must hold when the victim is dead. Each function but `act` and `check` may be NULL. */
struct steps_scene {
  const char *name;
  void (*before)(void);  /* the caller, before each victim */
  void (*prelude)(void); /* the victim, a process of the world; not stepped */
  void (*act)(void);     /* the victim, stepped */
  bool (*check)(void);   /* the caller, when the victim is dead: has the op happened? */
  /* If the victim waits in an op, this does what it waits for: a helper, the waker, when the victim sleeps in that op, or is
   * dead; before `check`. */
  void (*wake)(void);
  enum op_kind waits;
};

/* Of a scene with a waker: the victim, as who_of; 0: it has not begun. */
uint64_t steps_victim(void);

/* Play a scene with a victim that is killed at its end, and then about `most` that are killed on the way. Some of these must
 * die before the op has happened, and some after. */
void steps_play(const struct steps_scene *scene, long most);

/* The tests of a program: one for each scene, on a stage of its own. */
struct steps_tests {
  const char *group;
  const void *scenes; /* `count` structs of `size` bytes that begin with their name (const char *) */
  size_t count, size;
  void (*play)(const void *scene);
};

/* Its main. argv[1], if any, is a filter as of cmocka_set_test_filter. */
int steps_main(int argc, char **argv, const struct steps_tests *t);

#endif
