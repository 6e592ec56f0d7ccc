/*
 * host/explore_report.h - what an exploration has found: told to a person, written as a page, stepped through.
 */
#ifndef SBX_HOST_EXPLORE_REPORT_H
#define SBX_HOST_EXPLORE_REPORT_H

#include <stdio.h>

#include "host/program.h"
#include "sim/explore/explore.h"

enum { EXIT_FOUND = 5, EXIT_NOT_ALL = 125 };

struct cures; /* host/cure.h */

/* Print the report of an exploration, in lines of at most `width` columns. `again` is the script, to tell how to replay it; NULL:
 * it is none. `cures`: to check what is advised; may be NULL. Returns the exit status: 0, EXIT_FOUND. */
int explore_report(FILE *f, int width, struct exploration *x, const char *script,
                   const struct script *again, struct cures *cures);

enum { REPORT_WIDTH = 100 }; /* where there is no terminal */

/* -- step.c: choose each step by hand ------------------------------------------------------------ */

/* What is stepped through: a script, or a function. */
struct stepped {
  const char *name;
  const struct script *again; /* to tell how it is replayed; NULL: a function */
  uint32_t hash;              /* of the function's text */
};

/* Ask on stdin, show on stdout, until the person leaves. `ret_token`: the token of the steps that were taken is appended; NULL:
 * not wanted. Returns the exit status: EXIT_INTERRUPTED after SIGINT (Ctrl-C). */
int step_by_hand(struct exploration *x, const struct stepped *what, struct buf *ret_token);

/* -- explore_page.c ------------------------------------------------------------------------------ */

/* The data of a page, in JSON: the graph, the failures, and the text of the report. Fills *ret, the caller's. 0, or
 * -SBX_ENOMEM. */
int explore_page(struct exploration *x, const char *script, const char *report, struct cures *cures,
                 struct buf *ret);

/* -- explore_pages.c ----------------------------------------------------------------------------- */

/* The files of the command line that an exploration is written into. */
struct explore_pages;
/* Open them. 0, or an exit status after a message. *ret is to be released in any case. */
int explore_pages_open(const struct options *o, struct explore_pages **ret);
/* Write them; under a supervisor, whose main this is, hand the data over. What fails is a warning. */
void explore_pages_write(struct explore_pages *p, struct exploration *x, const char *script,
                         const char *report, struct cures *cures);
/* Under a supervisor. In main: close what is the supervisor's. In the supervisor, after the run: write what was handed over. */
void explore_pages_forget(const struct explore_pages *p);
void explore_pages_finish(struct explore_pages *p);
void explore_pages_free(struct explore_pages *p);

#endif
