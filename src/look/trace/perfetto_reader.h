/*
 * look/trace/perfetto_reader.h - what the parts of the reader share: perfetto_event.c takes an event apart,
 * perfetto_told.c adds what it tells to the model, perfetto_read.c reads packets and the file.
 *
 * The file may be anything. Each length is checked by protobuf.c, each number here; what is read
 * takes memory in proportion to the file. Only what is not derived is read: depths, flows (but for
 * item numbers) and names for people are passed over.
 */
#ifndef SBX_LOOK_TRACE_PERFETTO_READER_H
#define SBX_LOOK_TRACE_PERFETTO_READER_H

#include "base/buf.h"
#include "look/trace/lanes.h"
#include "look/trace/model_internal.h"
#include "look/trace/perfetto_internal.h"
#include "look/trace/protobuf.h"

enum { NOTES_MAX = 24 }; /* of one event */

/* The latest time, 104 days: sums of times must not overflow. */
#define TIME_MAX (INT64_C(1) << 53)
#define COUNT_MAX (UINT64_C(1) << 53)

struct note {
  uint64_t iid;         /* of its name; 0: `name` says it */
  struct pb_bytes name; /* borrowed, as all bytes here */
  uint64_t value;       /* of a number, a flag or a double; of a text its iid */
  struct pb_bytes text;
};

struct event {
  uint64_t type, name_iid, uuid; /* 0: none */
  struct pb_bytes category;
  double value;        /* of a counter */
  uint64_t flow, ends; /* the first of each; 0: none */
  struct note notes[NOTES_MAX];
  unsigned note_count;
};

/* What a name stands for, on the sequence of a process. */
struct meaning {
  struct pb_bytes text; /* for people */
  uint16_t kind, flags;
  uint32_t object; /* id */
  bool known;
};

/* The events of a lane whose end is to come: indices into the model's. */
struct pending {
  uint32_t *events; /* owned */
  uint32_t count, cap;
};

struct sequence {
  uint64_t id; /* 0: none */
  int64_t clock_ns;
  uint32_t process; /* its id; 0: not known yet */
  unsigned depth;   /* open slices of the process itself: 1 while it lives */

  struct meaning *names; /* owned; by iid - 1 */
  uint32_t name_count, name_cap;
  uint32_t *texts; /* owned; strings of the model by iid - 1 */
  uint32_t text_count, text_cap;
  struct pending lanes[LANES];
};

struct counter {
  uint32_t process, name;
};

struct reader {
  struct trace_model *m;
  struct sequence run, other; /* SEQUENCE_RUN; the last one of others */
  struct counter *counters;   /* owned; of marks, by number - 1 */
  uint32_t counter_count, counter_cap;
  struct buf text; /* with a terminating zero */
  int64_t latest_ns;
  uint64_t events;
  unsigned flow_bits; /* of the ids of flows, which stand for the queue */
  bool begun, ended, newer;
};

/* Are there slices without an end? */
bool sequence_open(const struct sequence *s);

/* -- an event (perfetto_event.c); codes are 0, -SBX_EDATA and -SBX_ENOMEM ------------------------ */

bool bytes_are(struct pb_bytes b, const char *s);
const struct note *event_note(const struct event *e, const char *name);
const struct note *event_note_iid(const struct event *e, enum note_name name);
/* A string of the model. */
int reader_keep(struct reader *r, struct pb_bytes b, uint32_t *ret);
/* Each of these leaves *ret as it is if there is no such annotation. */
int event_text(struct reader *r, const struct event *e, const char *name, const char **ret);
void event_u64(const struct event *e, const char *name, uint64_t *ret);
int event_u32(const struct event *e, const char *name, uint32_t *ret);
int event_int(const struct event *e, const char *name, int *ret);
/* -1: not known. */
int event_time(struct reader *r, const struct event *e, const char *name, int64_t *ret);
/* The number of a word in a list. */
int event_word(const struct event *e, const char *name, const char *const *words, int count,
               int *ret);
int event_type(const struct event *e, enum object_type *ret);
/* Items are counted: sums of such numbers must not overflow. */
int event_count(const struct event *e, const char *name, uint64_t *ret);
/* An op that this version does not have makes the file newer, not damaged. */
int event_op(struct reader *r, struct pb_bytes name, uint16_t *ret);
int event_read(struct pb_bytes from, struct event *ret);

/* -- what it tells (perfetto_told.c) -------------------------------------------------------------- */

/* Of the run, of marks and their tracks, of a process. */
int reader_told(struct reader *r, const struct event *e);
int reader_mark(struct reader *r, const struct event *e);
/* The counter of a mark; other tracks are for people. */
int reader_track(struct reader *r, struct pb_bytes from);
int reader_process(struct reader *r, const struct event *e);

#endif
