/*
 * host/explore_report.h - what an exploration has found: told to a person, written as a page, stepped through.
 */
#ifndef SBX_HOST_EXPLORE_REPORT_H
#define SBX_HOST_EXPLORE_REPORT_H

#include <stdio.h>

#include "host/program.h"
#include "look/story.h"
#include "sim/explore/explore.h"

enum { EXIT_FOUND = 5, EXIT_NOT_ALL = 125 };

struct cures; /* host/cure.h */

/* Print the report of an exploration, in lines of at most `width` columns. `again` is the script, to tell how to replay it; NULL:
 * it is none. `cures`: to check what is advised; may be NULL. Returns the exit status: 0, EXIT_FOUND. */
int explore_report(FILE *f, int width, struct exploration *x, const char *script,
                   const struct script *again, struct cures *cures);

/* 98,184; about 1.2e+30, from NUMBER_ABOUT on. Returns `to`. */
enum { NUMBER_TEXT = 64 };
#define NUMBER_ABOUT 1e15
const char *explore_number(double n, char to[NUMBER_TEXT]);

enum { REPORT_WIDTH = 100 }; /* where there is no terminal */

/* -- step.c: choose each step by hand ------------------------------------------------------------ */

/* What is stepped through: a script, or a function. */
struct stepped {
  const char *name;
  const struct script *again; /* to tell how it is replayed; NULL: a function */
  uint32_t hash;              /* of the function's text */
};

/* Ask on stdin, show on stdout, until the person leaves. `ret_token`: the token of the steps that were taken is appended; NULL:
 * not wanted. Returns the exit status. */
int step_by_hand(struct exploration *x, const struct stepped *what, struct buf *ret_token);

/* -- explore_failures.c -------------------------------------------------------------------------- */

/* The shortest schedule that fails in one way. */
struct failure {
  enum explore_end end;
  uint32_t *path, len; /* owned; as of exploration_path */
  uint32_t preemptions;
  uint32_t loop;   /* its steps from there on are a circle; EXPLORE_NONE: it ends */
  uint32_t victim; /* STARVES, LIVELOCK: the process that waits for ever */
};
enum { FAILURES_MAX = 5 };

/* One of each kind that there is; to be released. Returns how many, EXPLORE_NONE without memory. */
uint32_t failures_find(const struct exploration *x, struct failure ret[FAILURES_MAX]);
void failures_release(struct failure *list, uint32_t count);

/* Its story, the caller's. -SBX_ENOMEM */
struct told;
int failure_tell(struct exploration *x, const struct failure *f, const char *script,
                 struct told **ret);
/* "livelock", as sandbox.explore names it. */
const char *failure_kind(const struct failure *f);

/* -- explore_page.c ------------------------------------------------------------------------------ */

/* The files of the command line that an exploration is written into. */
struct explore_pages;
/* Open them. 0, or an exit status after a message. *ret is to be released in any case. */
int explore_pages_open(const struct options *o, struct explore_pages **ret);
/* Write them: the graph, the failures, and the text of the report. What fails is a warning. */
void explore_pages_write(struct explore_pages *p, struct exploration *x, const char *script,
                         const char *report, struct cures *cures);
void explore_pages_free(struct explore_pages *p);

/* -- explore_story.c ----------------------------------------------------------------------------- */

/* A story has all that it borrows. */

/*
 * Tell the path of `len` steps to its end, of this kind. `script` is the file's name. The caller
 * owns *ret. -SBX_ENOMEM
 */
int told_make(struct exploration *x, const uint32_t *path, uint32_t len, enum explore_end end,
              const char *script, struct told **ret);
/* Its steps from `loop` on are a circle, in which the process `victim` waits for ever. */
void told_circle(struct told *t, uint32_t loop, uint32_t victim);
const struct story *told_story(const struct told *t);
void told_free(struct told *t);

/* The first value in a message of the codec as Lua has it in a source, cut if it is long: "5", "false", "\"x\"",
 * "{1, name = 2}"; "a function", "a value" of a handle. */
int told_message(const uint8_t *message, size_t len, struct buf *out);

#endif
