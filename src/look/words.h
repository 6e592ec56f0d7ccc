/*
 * look/words.h - names and texts of a script as a terminal can show them.
 *
 * They come from scripts and from files, so they may be anything: what is appended here is valid
 * UTF-8, or ASCII if `ascii`, on one line and without control characters.
 */
#ifndef SBX_LOOK_WORDS_H
#define SBX_LOOK_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Append a text as it can be shown. Control characters and bytes that are not UTF-8 are escaped:
 * \n, \x1b. Characters that would turn the order of the text around, and in ASCII all beyond it,
 * become a `?`. Of a row of combining characters two are kept.
 * Returns 0 or -SBX_ENOMEM, as all that append.
 */
int words_text(struct buf *out, const char *text, bool ascii);

/* Append as much of `text` (shown, see words_text) as fits into `columns`, with an ellipsis. */
int words_cut(struct buf *out, const char *text, size_t len, int columns, bool ascii);

/*
 * What the library makes of several objects has the name of the whole: "monitor", "topic jobs". Such
 * a name says what it is: no noun stands before it. A name with a number in it ("topic#4", of the lock
 * that belongs to it) has no other one behind it.
 */
bool words_name_is_whole(const char *name);
bool words_name_has_number(const char *name);

#endif
