/*
 * look/json_text.h - the parts of a JSON text that need care.
 *
 * What is written here is ASCII or valid UTF-8, whatever the names in it are, and may stand
 * inside <script> of an HTML page: `<`, `>`, `&`, U+2028 and U+2029 are escaped. Each function
 * returns 0 or -SBX_ENOMEM; a failure may leave a part of the text in `out`.
 */
#ifndef SBX_LOOK_JSON_TEXT_H
#define SBX_LOOK_JSON_TEXT_H

#include "base/buf.h"

/* A string with its quotes. Each byte that is not UTF-8 becomes U+FFFD. */
int json_text(struct buf *out, const char *text, size_t len);
int json_string(struct buf *out, const char *s);

/* A number with as many digits as it needs to be read back exactly; `null` if it is not finite. */
int json_number(struct buf *out, double d);

/* Nanoseconds as seconds, exactly: 1.5, -0.000000001, 3. */
int json_seconds(struct buf *out, int64_t ns);

#endif
