/*
 * host/replay_token.h - the token of a script's schedule (sim/explore/token.h), and the command that replays it.
 */
#ifndef SBX_HOST_REPLAY_TOKEN_H
#define SBX_HOST_REPLAY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct script; /* host/program.h */
struct exploration;

/* The file of a script; NULL: it has none. */
const char *replay_path(const struct script *s);
/* Of the statements of the command line, and the script. False: it has no text that can be read. */
bool replay_hash(const struct script *s, uint32_t *ret);

struct failure; /* host/explore_failures.h */

/* Print how to see a path of the script again. Nothing for a script from standard input. */
void replay_tell(FILE *f, const struct script *script, const struct exploration *x,
                 const struct failure *of);

/* The same in short, below one of several outcomes. */
void replay_tell_token(FILE *f, const struct script *script, const struct exploration *x,
                       const struct failure *of);

#endif
