/*
 * host/shake_internal.h - the parts of --shake; private to host/shake*.c.
 *
 * shake.c starts the runs, one after the other, and shake_tell.c says how they went; shake_judge.c is what the
 * process of a run does. shake_files.c has the files in memory that both use.
 */
#ifndef SBX_HOST_SHAKE_INTERNAL_H
#define SBX_HOST_SHAKE_INTERNAL_H

#include <sys/types.h>

#include "host/shake.h"

enum {
  LIMIT_LEAST_S = 20,     /* a run without --timeout may take so long and */
  LIMIT_TIMES = 10,       /* so many times as long as the slowest before it */
  OUTPUT_MOST = 64 << 20, /* bytes that a run may write */
  FLOOD_SHOWN = 16 << 10, /* of a run that wrote more */
  LOOK_MS = 200,          /* between two looks at the size of the output */
  WHY_MAX = 400,
  STATUS_CHILD_FAILED = 3, /* as supervisor_run says */
  STATUS_SIGNAL = 128
};

/* What the process of a run tells. Shared. */
struct outcome {
  enum { RUN_VANISHED, RUN_NOT_STARTED, RUN_GOOD, RUN_WRONG } kind;
  bool shown; /* its output is */
  bool flood; /* this process ends it: it writes without end */
  int status;
  char why[WHY_MAX]; /* what went wrong */
  char differs
      [WHY_MAX]; /* how the output of a good run differs from that of the first; "": all are the same */
};

struct shaken_run {
  const struct options *o;
  struct shake_options pauses; /* mode SHAKE_NONE: the run with which the others are compared */
  uint64_t number;             /* from 1; 0: the run with which the others are compared */
  bool last;
  int64_t limit_ns;
  int out, err;           /* files in memory; owned by the shaking */
  int real_out, real_err; /* in its process: what stdout and stderr were before; owned */
  int reference;          /* the output to be had, lines in any order; -1: any; borrowed */
  int first;     /* the output of the first run, which may be another one; -1: none; borrowed */
  bool progress; /* is shown on stderr */
  struct run_faults faults;
  struct outcome *outcome; /* borrowed */
};

/* All the runs. */
struct shaking {
  const struct options *o;
  int argc;
  char **argv;
  shaken_run_fn *once;
  void *ctx;
  uint64_t seed;
  int input;                /* stdin of each run; owned */
  int first_out, first_err; /* what the first run wrote, -1: nothing yet; owned */
  int reference;            /* -1: none; owned */
  int64_t slowest_ns, began_ns;
  bool progress; /* is shown on stderr */
  struct outcome *outcome;
  char differs[WHY_MAX]; /* of the first run that printed other lines than the first of all */
};

/* -- shake_files.c ------------------------------------------------------------------------------- */

/* A descriptor, the caller's; -1: errno says why. */
int shake_memory_file(const char *name);
void shake_close_file(int *fd);
/* Bytes; 0 of what is no file. */
int64_t shake_size(int fd);
/* Show what a run wrote, at most so many bytes of each. */
void shake_copy_both(int out, int err, off_t most);
/* What each run reads: the script, if it comes from stdin; what is left of a file; else nothing. */
int shake_read_input(const struct shaking *s);

/* -- shake_judge.c ------------------------------------------------------------------------------- */

/* It went wrong: why. */
__attribute__((format(printf, 2, 3))) void shake_why(struct outcome *o, const char *format, ...);
/* "run 5 of 100", on a terminal. */
void shake_progress(bool on, uint64_t number, uint64_t runs);

/* -- shake_tell.c -------------------------------------------------------------------------------- */

void shake_tell_wrong(const struct shaking *s, const struct shaken_run *r);
void shake_tell_good(const struct shaking *s);
void shake_tell_interrupted(const struct shaking *s, uint64_t number);
/* There can be no runs. Returns the exit status. */
int shake_cannot(const char *why);

#endif
