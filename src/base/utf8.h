/*
 * base/utf8.h - the characters of a text in UTF-8, whatever the locale is.
 */
#ifndef SBX_BASE_UTF8_H
#define SBX_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD UINT32_MAX             /* a byte that is not UTF-8 */
#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, to be written for it */

/*
 * The character at the start of `text`, which has `len` > 0 bytes: its code point, or UTF8_BAD.
 * Returns its bytes, 1 for UTF8_BAD. Strict (RFC 3629): surrogates, overlong forms and what lies
 * beyond U+10FFFF are not UTF-8.
 */
size_t utf8_next(const char *text, size_t len, uint32_t *ret);

/* How many bytes of `text` are left without a character at its end that needs more of them. */
size_t utf8_whole(const char *text, size_t len);

/* Is UTF-8 the encoding of the environment's locale, by the variables that setlocale(3) reads? The
 * program itself sets no locale, as Lua does not. */
bool utf8_in_environment(void);

#endif
