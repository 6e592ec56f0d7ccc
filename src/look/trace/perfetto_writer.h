/*
 * look/trace/perfetto_writer.h - how the packets of a Perfetto file are put together.
 *
 * Packets of events are small and many: perfetto_process.c puts them together by hand, where
 * writer_room has made room. Others are built as nested messages in `packet`. The first failure stays
 * in `rc`, and all that follows is dropped.
 */
#ifndef SBX_LOOK_TRACE_PERFETTO_WRITER_H
#define SBX_LOOK_TRACE_PERFETTO_WRITER_H

#include "look/trace/model.h"
#include "look/trace/perfetto_internal.h"
#include "look/trace/protobuf.h"
#include "look/trace/sink.h"

/* Numbers from 1 by key. */
struct map {
  struct map_cell {
    uint64_t key;
    uint32_t epoch, value;
  } * cells; /* owned */
  uint32_t cap, count;
  uint32_t epoch; /* cells of another one are free: all can be forgotten at once */
};

struct writer {
  const struct trace_model *m;
  const struct trace_sink *sink;
  int rc;
  struct buf page;   /* to be handed to the sink */
  struct pb packet;  /* that is being built */
  uint32_t sequence; /* of what is written now */
  uint64_t clock_ns; /* of its last packet, in time of the file */

  /* Of the sequence. */
  struct map names; /* of events: kind, flags and object; of marks: their string -> iid */
  struct map texts; /* number of a string, or TEXT_OF_OP + kind -> iid */

  uint32_t *flow_first; /* owned; event -> its part of `flows`; one more than events */
  uint64_t *flows;      /* owned; ids, in the order of items */
  unsigned flow_bits;   /* of an id, which stand for the queue */
  uint64_t written;     /* events */
};

#define TEXT_OF_OP (UINT64_C(1) << 32)

/* The number of a key; *ret_new: it had none. 0: no memory. */
uint32_t map_number(struct map *map, uint64_t key, bool *ret_new);

void writer_flush(struct writer *w);
/* Room for `size` bytes at the end of the page; NULL after a failure. */
uint8_t *writer_room(struct writer *w, size_t size);
/* Nanoseconds from the packet before to one at `t_ns` of the run, which is not earlier. */
uint64_t writer_pass(struct writer *w, int64_t t_ns);

/* A packet of the sequence, without a time: fields may be added to w->packet. */
void packet_begin(struct writer *w, uint32_t flags);
void packet_end(struct writer *w);

/* A new sequence, whose events are on the track `uuid` unless they say another. */
void sequence_begin(struct writer *w, uint32_t id, uint64_t uuid);

/* A packet that describes a track; `parent` 0, `name` "": none. Returns what track_end closes. */
size_t track_begin(struct writer *w, uint64_t uuid, uint64_t parent, const char *name);
void track_end(struct writer *w, size_t at);

/* Give a name an iid, in a packet of its own. `field` is of InternedData. */
void intern(struct writer *w, uint32_t field, uint32_t iid, const char *s);

/* An event that is told in full: nothing of it is interned. `uuid` 0: the track of the sequence.
 * Returns what told_end closes. Empty texts and false flags are left out. */
size_t told_begin(struct writer *w, unsigned type, int64_t t_ns, uint64_t uuid,
                  const char *category, const char *name);
void told_end(struct writer *w, size_t at);
void note_uint(struct writer *w, const char *name, uint64_t value);
void note_int(struct writer *w, const char *name, int64_t value);
void note_flag(struct writer *w, const char *name, bool value);
void note_double(struct writer *w, const char *name, double value);
void note_bytes(struct writer *w, const char *name, const char *s, size_t len);
void note_text(struct writer *w, const char *name, const char *s);

/* The sequence of one process: perfetto_process.c. */
struct lanes;
void perfetto_process(struct writer *w, struct lanes *lanes, uint32_t index);

#endif
