/*
 * base/text.h - short texts without printf. Every spawn writes some, in the parent and in the
 * child; snprintf(3) would make each process touch ten more pages of the C library.
 */
#ifndef SBX_BASE_TEXT_H
#define SBX_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { TEXT_NUMBER_MAX = 12 }; /* bytes of the longest number, with its sign and a NUL */

/* Copy a string into `size` > 0 bytes, truncating it if need be. Returns a pointer to its NUL. */
char *text_copy(char *to, size_t size, const char *from);

/* Copy a name. One that does not fit is cut between characters of UTF-8 and ends in an ellipsis;
 * `size` is at least 8. Returns a pointer to its NUL. */
char *text_copy_name(char *to, size_t size, const char *from);

/* Write a number, at most TEXT_NUMBER_MAX bytes. Returns a pointer to its NUL. */
char *text_number(char *to, int n);

/* Is it an embedding, an override or an isolate? The rest of the line is seen in another order then. */
bool text_turns(uint32_t code);

/* Append a text, with control characters but newline and tab as \x1b; those of Unicode (0x80 to 0x9f) too,
 * as \xc2\x9b, those that turn the direction of the text around, and what is no UTF-8. 0 or -SBX_ENOMEM. */
int text_show_controls(struct buf *to, const void *text, size_t len);

enum { TEXT_HELD_MAX = 64 };

/*
 * A stream of text that comes in pieces, on its way to a terminal. What text_show_controls lets pass gets there, carriage
 * returns, and sequences that change colours ("\033[1;31m"). All else is shown as by that function. Zero is the begin.
 */
struct text_stream {
  size_t held_len;
  unsigned char held[TEXT_HELD_MAX]; /* of a character, or a sequence, the rest of which may come */
};

/* Append what may be shown now. last: nothing follows, so nothing is held. 0 or -SBX_ENOMEM. */
int text_stream_show(struct text_stream *s, struct buf *to, const void *text, size_t len,
                     bool last);

#endif
