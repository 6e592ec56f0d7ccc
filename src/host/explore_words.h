/*
 * host/explore_words.h - what an exploration has found, as words: a number, a message.
 */
#ifndef SBX_HOST_EXPLORE_WORDS_H
#define SBX_HOST_EXPLORE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* 98,184; about 1.2e+30, from NUMBER_ABOUT on. Returns `to`. */
enum { NUMBER_TEXT = 64 };
#define NUMBER_ABOUT 1e15
const char *explore_number(double n, char to[NUMBER_TEXT]);

/* The first value in a message of the codec as Lua has it in a source, cut if it is long: "5", "false", "\"x\"",
 * "{1, name = 2}"; "a function", "a value" of a handle. */
int told_message(const uint8_t *message, size_t len, struct buf *out);

#endif
