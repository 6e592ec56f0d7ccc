/* host/explore_words.c - see explore_words.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/explore_words.h"
#include "look/trace/words.h"
#include "wire/wire.h"

/* As Lua has it in a source, but for bytes that cannot be shown. */
static int put_text(struct reader *r, size_t len, struct buf *out) {
  enum { MOST = 24 };
  size_t shown = len < MOST ? len : MOST;
  const uint8_t *text;
  if (!take_bytes(r, len, &text))
    return 0;
  int rc = buf_append_byte(out, '"');
  for (size_t i = 0; i < shown && rc == 0; i++) {
    uint8_t c = text[i];
    if (c == '"' || c == '\\')
      rc = buf_append_byte(out, '\\');
    rc = rc ? rc : buf_append_byte(out, c >= ' ' && c != 0x7f ? c : '?');
  }
  return rc ? rc : buf_format(out, len > shown ? "...\"" : "\"");
}

static int put_real(double v, struct buf *out) {
  char text[40];
  snprintf(text, sizeof text, "%.14g", v);
  if (text[strspn(text, "-0123456789")] == '\0')
    strcat(text, ".0");
  return buf_append(out, text, strlen(text));
}

static int put_long(struct reader *r, uint8_t tag, struct buf *out) {
  uint64_t v;
  double f;
  if (tag == TAG_INTEGER && take_varint(r, &v))
    return buf_format(out, "%" PRId64, unzigzag(v));
  if (tag == TAG_STRING && take_varint(r, &v))
    return put_text(r, (size_t)v, out);
  if (tag == TAG_FLOAT && take_fixed(r, sizeof v, &v)) {
    memcpy(&f, &v, sizeof f);
    return put_real(f, out);
  }
  return buf_format(out, "a value");
}

/* One that is no table; its tag was taken. */
static int put_plain(struct reader *r, uint8_t tag, struct buf *out) {
  if (tag >= TAG_SMALL)
    return buf_format(out, "%d", tag - TAG_SMALL);
  if (tag >= TAG_SHORT)
    return put_text(r, (size_t)(tag - TAG_SHORT), out);
  switch (tag) {
  case TAG_NIL:
    return buf_format(out, "nil");
  case TAG_FALSE:
    return buf_format(out, "false");
  case TAG_TRUE:
    return buf_format(out, "true");
  case TAG_NULL:
    return buf_format(out, "null");
  case TAG_TABLE:
    return buf_format(out, "a table");
  case TAG_FUNCTION:
    return buf_format(out, "a function");
  default:
    return put_long(r, tag, out);
  }
}

/* -- tables -------------------------------------------------------------------------------------- */

/* A message is read as a whole, since the bodies of its tables follow each other; then it is written. */
enum { CELLS = 200, OBJECTS = 40, DEPTH = 4, SHOWN = 24 };

struct cell {
  uint8_t tag;
  uint32_t object;    /* of a table, function or handle: which */
  uint32_t from, len; /* of a plain value: its text in `texts` */
};

struct parsed {
  struct reader r;
  struct cell cells[CELLS];
  struct {
    uint8_t tag;
    uint32_t first, elements, end; /* cells: those of elements come before `elements` */
  } objects[OBJECTS];
  uint32_t count, object_count; /* cells, objects */
  struct buf texts;
};

/* Is it numbered, so that TAG_REF can name it? */
static bool is_object(uint8_t tag) {
  return tag == TAG_TABLE || tag == TAG_FUNCTION || (tag >= TAG_HANDLE && tag <= TAG_FIELD);
}

static struct cell *new_cell(struct parsed *m, uint8_t tag) {
  if (m->count == CELLS)
    return NULL;
  m->cells[m->count] = (struct cell){.tag = tag, .from = (uint32_t)m->texts.len};
  return &m->cells[m->count++];
}

static bool take_object(struct parsed *m, uint8_t tag) {
  struct cell *c = new_cell(m, tag);
  uint64_t n;
  const uint8_t *skipped;
  if (!c || m->object_count == OBJECTS)
    return false;
  c->object = m->object_count;
  m->objects[m->object_count++].tag = tag;
  switch (tag) {
  case TAG_TABLE:
    return take_bytes(&m->r, 2, &skipped);
  case TAG_FUNCTION:
    return take_bytes(&m->r, 8, &skipped) && take_fixed(&m->r, 4, &n) &&
           take_bytes(&m->r, n, &skipped);
  case TAG_HANDLE:
    return take_bytes(&m->r, WIRE_HANDLE_BYTES, &skipped);
  default: /* a module, and a field of one */
    for (int i = 0; i < (tag == TAG_FIELD ? 2 : 1); i++)
      if (!take_varint(&m->r, &n) || !take_bytes(&m->r, n, &skipped))
        return false;
    return true;
  }
}

/* Integers of equal width: as many cells. */
static bool take_integers(struct parsed *m) {
  size_t n;
  int width;
  const uint8_t *data;
  if (!take_run(&m->r, &n, &width, &data))
    return false;
  for (size_t i = 0; i < n; i++) {
    struct cell *c = new_cell(m, TAG_INTEGER);
    if (!c)
      return false;
    if (buf_format(&m->texts, "%" PRId64, run_integer(data + i * (size_t)width, width)))
      return false;
    c->len = (uint32_t)m->texts.len - c->from;
  }
  return true;
}

static bool take_cell(struct parsed *m, uint8_t tag) {
  uint64_t n;
  if (tag == TAG_RUN)
    return take_integers(m);
  if (is_object(tag))
    return take_object(m, tag);
  struct cell *c = new_cell(m, tag);
  if (c && tag == TAG_REF) {
    bool there = take_varint(&m->r, &n) && n < m->object_count;
    c->object = there ? (uint32_t)n : 0;
    return there;
  }
  if (!c || put_plain(&m->r, tag, &m->texts))
    return false;
  c->len = (uint32_t)m->texts.len - c->from;
  return true;
}

/* Cells, until an END. */
static bool take_cells(struct parsed *m) {
  uint64_t n;
  for (uint8_t tag; take_byte(&m->r, &tag);) {
    if (tag == TAG_END)
      return true;
    if (tag == TAG_METATABLE) {
      if (!take_byte(&m->r, &tag) || !take_cell(m, tag))
        return false;
      m->count--; /* it is not told */
    } else if (tag == TAG_JOIN) {
      if (!take_varint(&m->r, &n) || !take_varint(&m->r, &n))
        return false;
    } else if (!take_cell(m, tag)) {
      return false;
    }
  }
  return false;
}

static bool take_body(struct parsed *m, uint32_t object) {
  m->objects[object].first = m->count;
  if (m->objects[object].tag == TAG_FUNCTION)
    return take_cells(m);
  if (m->objects[object].tag != TAG_TABLE)
    return true;
  if (!take_cells(m))
    return false;
  m->objects[object].elements = m->count;
  bool well = take_cells(m);
  m->objects[object].end = m->count;
  return well && (m->count - m->objects[object].elements) % 2 == 0;
}

static int put_cell(const struct parsed *m, const struct cell *c, int depth, struct buf *out);

/* "name" or ["a name"], of a key */
static int put_key(const struct parsed *m, const struct cell *c, int depth, struct buf *out) {
  const char *text = (const char *)m->texts.data + c->from;
  bool name = c->len > 2 && text[0] == '"' && !(text[1] >= '0' && text[1] <= '9');
  for (uint32_t i = 1; name && i + 1 < c->len; i++)
    name = text[i] == '_' || (text[i] >= '0' && text[i] <= '9') ||
           (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
  if (name)
    return buf_append(out, text + 1, c->len - 2);
  int rc = buf_append_byte(out, '[');
  rc = rc ? rc : put_cell(m, c, depth, out);
  return rc ? rc : buf_append_byte(out, ']');
}

static int put_table(const struct parsed *m, uint32_t object, int depth, struct buf *out) {
  int rc = buf_append_byte(out, '{');
  uint32_t first = m->objects[object].first, pairs = m->objects[object].elements;
  if (depth == DEPTH && m->objects[object].end > first)
    return rc ? rc : buf_format(out, "...}");
  for (uint32_t i = first; i < m->objects[object].end && rc == 0; i++) {
    if (i > first)
      rc = buf_format(out, ", ");
    if (out->len > SHOWN)
      return rc ? rc : buf_format(out, "...}");
    if (rc == 0 && i >= pairs) {
      rc = put_key(m, &m->cells[i++], depth, out);
      rc = rc ? rc : buf_format(out, " = ");
    }
    rc = rc ? rc : put_cell(m, &m->cells[i], depth, out);
  }
  return rc ? rc : buf_append_byte(out, '}');
}

static int put_cell(const struct parsed *m, const struct cell *c, int depth, struct buf *out) {
  if (c->tag != TAG_REF && !is_object(c->tag))
    return buf_append(out, m->texts.data + c->from, c->len);
  if (m->objects[c->object].tag == TAG_TABLE)
    return put_table(m, c->object, depth + 1, out);
  return buf_format(out, m->objects[c->object].tag == TAG_FUNCTION ? "a function" : "a value");
}

/* The first value, which is a table; its tag was taken. One that is too large to be told is "a table". */
static int put_graph(struct reader *r, uint64_t count, struct buf *out) {
  struct parsed *m = calloc(1, sizeof *m);
  uint8_t tag = TAG_TABLE;
  if (!m)
    return -SBX_ENOMEM;
  m->r = *r;
  bool well = take_cell(m, tag);
  for (uint64_t i = 1; i < count && well; i++)
    well = take_byte(&m->r, &tag) && take_cell(m, tag);
  for (uint32_t i = 0; i < m->object_count && well; i++)
    well = take_body(m, i);
  int rc = well ? put_cell(m, &m->cells[0], 0, out) : buf_format(out, "a table");
  buf_release(&m->texts);
  free(m);
  return rc;
}

int told_message(const uint8_t *message, size_t len, struct buf *out) {
  struct reader r = reader_of(message, len);
  uint8_t format, tag;
  uint64_t count;
  if (!take_byte(&r, &format) || !take_varint(&r, &count) || !take_byte(&r, &tag))
    return 0; /* no value at all */
  if (format == FORMAT_GRAPH && tag == TAG_TABLE)
    return put_graph(&r, count, out);
  return put_plain(&r, tag, out);
}

/* -- numbers ------------------------------------------------------------------------------------- */

const char *explore_number(double n, char to[NUMBER_TEXT]) {
  if (n < NUMBER_ABOUT)
    return words_count((uint64_t)(n + 0.5), to);
  snprintf(to, NUMBER_TEXT, "about %.3g", n);
  return to;
}
