/*
 * base/width.h - the columns that a text takes on a terminal: UTF-8, wide and combining characters.
 *
 * Independent of the process's locale, which is "C" for Lua's sake. A byte that is not UTF-8 counts
 * as one column; so does a control character.
 */
#ifndef SBX_BASE_WIDTH_H
#define SBX_BASE_WIDTH_H

#include <stddef.h>

int width_of(const char *text, size_t len);

/* The longest prefix that takes at most `columns`, in bytes; whole characters. */
size_t width_prefix(const char *text, size_t len, int columns);

/* The longest suffix that does. */
size_t width_suffix(const char *text, size_t len, int columns);

#endif
