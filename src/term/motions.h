/*
 * term/motions.h - where words begin and end, as emacs and vi see them. Pure: places are indexes of
 * characters, `n` is how often to move. A motion stops at the end of the text.
 */
#ifndef SBX_TERM_MOTIONS_H
#define SBX_TERM_MOTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* To the end of this word or the next one; to the beginning of this word or the one before. */
size_t word_end(const wchar_t *text, size_t len, size_t at, int n);
size_t word_start(const wchar_t *text, size_t at, int n);

/* vi: w and W (`big`: only blanks separate words), b and B, e and E. `tight`: leave out the blanks
 * after the last word, as `cw` does. */
size_t vi_word_next(const wchar_t *text, size_t len, size_t at, int n, bool big, bool tight);
size_t vi_word_start(const wchar_t *text, size_t at, int n, bool big);
size_t vi_word_end(const wchar_t *text, size_t len, size_t at, int n, bool big);

/* The n-th `wanted` after `at`, or before it if `step` is -1. False: there are not so many. */
bool find_character(const wchar_t *text, size_t len, size_t at, wchar_t wanted, int step, int n,
                    size_t *ret);

/* The partner of the first bracket at or after `at`. False: there is none. */
bool find_bracket(const wchar_t *text, size_t len, size_t at, size_t *ret);

#endif
