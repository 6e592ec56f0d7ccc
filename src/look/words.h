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
#include <stdint.h>

#include "base/buf.h"
#include "object/op.h"

/*
 * Append a text as it can be shown. Control characters and bytes that are not UTF-8 are escaped:
 * \n, \x1b. Characters that would turn the order of the text around, and in ASCII all beyond it,
 * become a `?`. Of a row of combining characters two are kept.
 * Returns 0 or -SBX_ENOMEM, as all that append.
 */
int words_text(struct buf *out, const char *text, bool ascii);

/* Would this character have an effect beyond its place in the line? (Unicode: line separators, marks and controls of direction,
 * invisible characters.) */
bool words_unruly(uint32_t c);

/* Append as much of `text` (shown, see words_text) as fits into `columns`, with an ellipsis. */
int words_cut(struct buf *out, const char *text, size_t len, int columns, bool ascii);

/*
 * What the library makes of several objects has the name of the whole: "monitor", "topic jobs". Such
 * a name says what it is: no noun stands before it. A name with a number in it ("topic#4", of the lock
 * that belongs to it) has no other one behind it.
 */
bool words_name_is_whole(const char *name);
bool words_name_has_number(const char *name);

/* Such wholes: the type of the object that stands for it, how its name begins, and a word for it. */
struct whole {
  enum object_type type;
  const char *name, *word;
};
enum { WHOLES = 4 };
extern const struct whole words_wholes[WHOLES];

/* The whole that an object of this type and name stands for. NULL: none. */
const struct whole *words_whole(enum object_type type, const char *name);

/* What a script does with such a whole, by what the library does with the objects in it: "when" is an update of a
 * monitor. */
struct whole_verb {
  enum op_kind kind;
  const char *whole, *verb;
};
enum { WHOLE_VERBS = 7 };
extern const struct whole_verb words_whole_verbs[WHOLE_VERBS];

/* The verb of an op on an object of this name; NULL: that of the op. */
const struct whole_verb *words_whole_verb(enum op_kind kind, const char *name);

#endif
