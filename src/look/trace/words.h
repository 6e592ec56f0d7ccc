/*
 * look/trace/words.h - names, times and counts of a trace as text for a terminal.
 * What is appended is text as it can be shown (look/words.h); 0 or -SBX_ENOMEM.
 */
#ifndef SBX_LOOK_TRACE_WORDS_H
#define SBX_LOOK_TRACE_WORDS_H

#include "look/trace/model.h"
#include "look/words.h"

enum { WORDS_MAX = 48 }; /* bytes of a time or a count as text */

/*
 * Append a label such as "writer#2" in at most `columns`: the name is cut, and ends in `…` (`~` in
 * ASCII), but a number at the end stays, since it tells equal names apart.
 *   label  with the number in it, as trace_process_label makes it
 *   more   appended after the number: " max 3"; "" for nothing
 */
int words_label(struct buf *out, const char *label, const char *more, int columns, bool ascii);

/* Three digits and a unit: "950ns", "12.3ms", "9.01s", "12m05", "3h12", "2d03h". */
char *words_duration(int64_t ns, bool ascii, char ret[WORDS_MAX]);

/* With a comma between each three digits: "1,234,567". */
char *words_count(uint64_t n, char ret[WORDS_MAX]);

/* "1 event", "2 events" */
char *words_plural(uint64_t n, const char *noun, char ret[WORDS_MAX]);

/* "1 name or line", "3 names or lines" */
char *words_nameless(uint64_t n, char ret[WORDS_MAX]);

/* Did the run end in a deadlock? */
bool words_deadlock(const struct trace_model *m);

#endif
