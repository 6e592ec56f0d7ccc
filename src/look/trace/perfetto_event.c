/* look/trace/perfetto_event.c - an event of a file, and its annotations; see perfetto_reader.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/perfetto_reader.h"

/* -- values ---------------------------------------------------------------------------------- */

bool bytes_are(struct pb_bytes b, const char *s) {
  return b.len == strlen(s) && memcmp(b.data, s, b.len) == 0;
}

/* A string of the model. */
int reader_keep(struct reader *r, struct pb_bytes b, uint32_t *ret) {
  r->text.len = 0;
  int rc = buf_append(&r->text, b.data, b.len);
  if (rc == 0)
    rc = buf_append_byte(&r->text, '\0');
  return rc ? rc : trace_add_string(r->m, (const char *)r->text.data, ret);
}

const struct note *event_note(const struct event *e, const char *name) {
  for (unsigned i = 0; i < e->note_count; i++)
    if (e->notes[i].iid == 0 && bytes_are(e->notes[i].name, name))
      return &e->notes[i];
  return NULL;
}

const struct note *event_note_iid(const struct event *e, enum note_name name) {
  for (unsigned i = 0; i < e->note_count; i++)
    if (e->notes[i].iid == (uint64_t)name)
      return &e->notes[i];
  return NULL;
}

/* Each of these leaves *ret as it is if there is no such annotation. */
int event_text(struct reader *r, const struct event *e, const char *name, const char **ret) {
  const struct note *n = event_note(e, name);
  uint32_t string;
  if (!n)
    return 0;
  int rc = reader_keep(r, n->text, &string);
  if (rc == 0)
    *ret = r->m->strings[string];
  return rc;
}

void event_u64(const struct event *e, const char *name, uint64_t *ret) {
  const struct note *n = event_note(e, name);
  if (n)
    *ret = n->value;
}

int event_u32(const struct event *e, const char *name, uint32_t *ret) {
  uint64_t value = *ret;
  event_u64(e, name, &value);
  if (value > UINT32_MAX)
    return -SBX_EDATA;
  *ret = (uint32_t)value;
  return 0;
}

int event_int(const struct event *e, const char *name, int *ret) {
  uint64_t value = (uint64_t)*ret;
  event_u64(e, name, &value);
  if ((int64_t)value < INT32_MIN || (int64_t)value > INT32_MAX)
    return -SBX_EDATA;
  *ret = (int)(int64_t)value;
  return 0;
}

/* -1: not known. */
int event_time(struct reader *r, const struct event *e, const char *name, int64_t *ret) {
  uint64_t value = (uint64_t)*ret;
  event_u64(e, name, &value);
  int64_t time = (int64_t)value;
  if (time < -EPOCH_NS || time > TIME_MAX)
    return -SBX_EDATA;
  r->latest_ns = time > r->latest_ns ? time : r->latest_ns;
  *ret = time;
  return 0;
}

/* The number of a word in a list. */
int event_word(const struct event *e, const char *name, const char *const *words, int count,
               int *ret) {
  const struct note *n = event_note(e, name);
  if (!n)
    return 0;
  for (int i = 0; i < count; i++)
    if (bytes_are(n->text, words[i])) {
      *ret = i;
      return 0;
    }
  return -SBX_EDATA;
}

int event_type(const struct event *e, enum object_type *ret) {
  const struct note *n = event_note(e, "type");
  for (int i = 0; n && i < OBJECT_TYPES; i++)
    if (bytes_are(n->text, object_type_word((enum object_type)i))) {
      *ret = (enum object_type)i;
      return 0;
    }
  return -SBX_EDATA;
}

/* Items are counted: sums of such numbers must not overflow. */
int event_count(const struct event *e, const char *name, uint64_t *ret) {
  event_u64(e, name, ret);
  return *ret > COUNT_MAX ? -SBX_EDATA : 0;
}

/* An op that this version does not have makes the file newer, not damaged. */
int event_op(struct reader *r, struct pb_bytes name, uint16_t *ret) {
  for (uint16_t i = 0; i < OP_COUNT; i++)
    if (bytes_are(name, perfetto_ops[i])) {
      *ret = i;
      return 0;
    }
  r->newer = name.len > 0;
  return -SBX_EDATA;
}

/* -- fields of an event ---------------------------------------------------------------------- */

static int read_note(struct pb_bytes from, struct note *ret) {
  struct pb_field f;
  int rc;
  *ret = (struct note){0};
  while ((rc = pb_next(&from, &f)) > 0)
    switch (f.number) {
    case NOTE_NAME_IID:
      ret->iid = f.value;
      break;
    case NOTE_NAME:
      ret->name = f.bytes;
      break;
    case NOTE_TEXT:
      ret->text = f.bytes;
      break;
    case NOTE_BOOL:
    case NOTE_UINT:
    case NOTE_INT:
    case NOTE_DOUBLE:
    case NOTE_TEXT_IID:
      ret->value = f.value;
      break;
    default:
      break;
    }
  return rc;
}

int event_read(struct pb_bytes from, struct event *ret) {
  struct pb_field f;
  int rc;
  ret->type = ret->name_iid = ret->uuid = ret->flow = ret->ends = 0;
  ret->category = (struct pb_bytes){0};
  ret->value = 0;
  ret->note_count = 0;
  while ((rc = pb_next(&from, &f)) > 0) {
    switch (f.number) {
    case EVENT_TYPE:
      ret->type = f.value;
      break;
    case EVENT_NAME_IID:
      ret->name_iid = f.value;
      break;
    case EVENT_TRACK:
      ret->uuid = f.value;
      break;
    case EVENT_CATEGORY:
      ret->category = f.bytes;
      break;
    case EVENT_COUNTER_DOUBLE:
      ret->value = pb_double_of(f.value);
      break;
    case EVENT_FLOW:
      ret->flow = ret->flow ? ret->flow : f.value;
      break;
    case EVENT_FLOW_END:
      ret->ends = ret->ends ? ret->ends : f.value;
      break;
    case EVENT_NOTE:
      if (ret->note_count == NOTES_MAX || read_note(f.bytes, &ret->notes[ret->note_count++]))
        return -SBX_EDATA;
      break;
    default:
      break;
    }
  }
  return rc;
}
