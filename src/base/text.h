/*
 * base/text.h - short texts without printf: who writes one in every spawn, in the parent or in the
 * child, should not touch the ten pages of the C library that snprintf(3) takes.
 */
#ifndef SBX_BASE_TEXT_H
#define SBX_BASE_TEXT_H

#include <stddef.h>

enum { TEXT_NUMBER_MAX = 12 }; /* bytes of the longest number, with its sign and a NUL */

/* Copy a string to where `size` > 0 bytes are, and cut what does not fit. Returns where its NUL is.
 */
char *text_copy(char *to, size_t size, const char *from);

/* Copy a name. One that does not fit is cut at a character of UTF-8 and ends in an ellipsis; `size`
 * is 8 at least. Returns where its NUL is. */
char *text_copy_name(char *to, size_t size, const char *from);

/* Write a number, of at most TEXT_NUMBER_MAX bytes. Returns where its NUL is. */
char *text_number(char *to, int n);

#endif
