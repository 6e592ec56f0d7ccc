/*
 * look/trace/xml_text.h - text inside an SVG picture, whatever a name contains.
 *
 * Each function returns 0 or -SBX_ENOMEM; a failure may leave a part of the text in `out`.
 */
#ifndef SBX_LOOK_TRACE_XML_TEXT_H
#define SBX_LOOK_TRACE_XML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A string as element content or in double quotes. Bytes that are not UTF-8, and characters that
 * XML does not have, become U+FFFD. */
int xml_string(struct buf *out, const char *s);

/* As xml_string; of more than `most` characters, the last of them become an ellipsis, or, if
 * `tail`, the first: the end of "some/path/file.lua:12" says more than its begin. */
int xml_cut(struct buf *out, const char *s, size_t most, bool tail);

/* The characters of a string. */
size_t xml_length(const char *s);

#endif
