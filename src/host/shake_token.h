/*
 * host/shake_token.h - which pauses the runs of --shake have, and the token that repeats those of one run.
 *
 * A token is "sbxs1:", r or p for the mode, the level, ":" and the seed in hexadecimal:
 * sbxs1:r0:9f86d081884c7d65.
 */
#ifndef SBX_HOST_SHAKE_TOKEN_H
#define SBX_HOST_SHAKE_TOKEN_H

#include "os/shared/shake.h"

enum { SHAKE_TOKEN_MAX = 32 };

/* The pauses of the n-th run, from 1: the modes alternate, and half of each mode's runs have its first level, a
 * quarter the second, and so on. */
struct shake_options shake_of_run(uint64_t seed, uint64_t n);

void shake_token_format(const struct shake_options *o, char ret[SHAKE_TOKEN_MAX]);

/* False: that is not a token, and `ret` is untouched. */
bool shake_token_parse(const char *text, struct shake_options *ret);

#endif
