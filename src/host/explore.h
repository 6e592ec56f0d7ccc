/*
 * host/explore.h - --explore: what every interleaving of a script does, told to a person.
 */
#ifndef SBX_HOST_EXPLORE_H
#define SBX_HOST_EXPLORE_H

#include "host/script.h"
#include "look/story.h"
#include "sim/explore/explore.h"

enum { EXIT_FOUND = 5, EXIT_NOT_ALL = 125 };

/* Explore the script, print the report on stdout. Returns the exit status: 0, EXIT_FOUND, ... */
int explore_script(struct script *script);

/* Print the report of an exploration on stdout. `again` is the script, to tell how to replay it; NULL:
 * it is none. Returns the exit status: 0, EXIT_FOUND. */
int explore_report(struct exploration *x, const char *script, const struct script *again);

/* End the exploration that is under way, and tell what is known. Async-signal-safe. */
void explore_stop(void);
bool explore_stopped(void);

/* -- step.c: choose each step by hand ------------------------------------------------------------ */

/* Ask on stdin, show on stdout, until the person leaves. Returns the exit status. */
int step_by_hand(struct exploration *x, const char *script);

/* -- explore_story.c ----------------------------------------------------------------------------- */

/* The story of a path, with all that it borrows. */
struct told;

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

/* One plain value in a message of the codec as text: "5", "false", "\"x\"", "a table". */
int told_message(const uint8_t *message, size_t len, struct buf *out);

#endif
