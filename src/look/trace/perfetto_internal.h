/*
 * look/trace/perfetto_internal.h - what writing and reading a Perfetto file have in common.
 *
 * A file is a row of packets. Those with one `trusted_packet_sequence_id` share interned names and a
 * clock, whose timestamps are differences to the packet before. There are
 *
 *   SEQUENCE_RUN           first: descriptors of tracks; instants of the categories "run", "object"
 *                          and "source" with what has no other place; last: "edge" and "end"
 *   SEQUENCE_MARKS         marks, each with the uuid of its track
 *   SEQUENCE_PROCESS + i   process number i: a slice of the category "process" around its life, then
 *                          its events by time
 *   after those            one for each counter of a queue's depth
 *
 * Each sequence stands in one piece, but for SEQUENCE_RUN, which has two.
 *
 * An event of a process is told by its name: the first one of a name on its sequence has the
 * annotations "op", "object" and "flags", and those that follow are of the same op, object and
 * flags. Annotations of its own are "ops" (how many, if not 1), "where", and the item's number, which
 * is left out where the event's first flow says it.
 *
 * Sources: protos/perfetto/trace and docs/reference/synthetic-track-event.md of google/perfetto.
 */
#ifndef SBX_LOOK_TRACE_PERFETTO_INTERNAL_H
#define SBX_LOOK_TRACE_PERFETTO_INTERNAL_H

#include <stdint.h>

#include "object/op.h"

enum { FORMAT = 2 }; /* a reader refuses what is newer */

/* Numbers of fields. */
enum {
  TRACE_PACKET = 1,

  PACKET_CLOCK_SNAPSHOT = 6,
  PACKET_TIMESTAMP = 8,
  PACKET_SEQUENCE = 10,
  PACKET_TRACK_EVENT = 11,
  PACKET_INTERNED = 12,
  PACKET_FLAGS = 13,
  PACKET_TIMESTAMP_CLOCK = 58,
  PACKET_DEFAULTS = 59,
  PACKET_TRACK = 60,

  SNAPSHOT_CLOCKS = 1,
  CLOCK_ID = 1,
  CLOCK_TIMESTAMP = 2,
  CLOCK_INCREMENTAL = 3,

  DEFAULTS_TRACK_EVENT = 11,

  INTERNED_CATEGORIES = 1,
  INTERNED_NAMES = 2,
  INTERNED_NOTE_NAMES = 3,
  INTERNED_NOTE_TEXTS = 29,
  ENTRY_IID = 1,
  ENTRY_TEXT = 2,

  TRACK_UUID = 1,
  TRACK_NAME = 2,
  TRACK_PROCESS = 3,
  TRACK_THREAD = 4,
  TRACK_PARENT = 5,
  TRACK_COUNTER = 8,
  PROCESS_PID = 1,
  PROCESS_NAME = 6,
  THREAD_PID = 1,
  THREAD_TID = 2,
  THREAD_NAME = 5,
  COUNTER_UNIT = 3,

  EVENT_CATEGORY_IID = 3,
  EVENT_NOTE = 4,
  EVENT_TYPE = 9,
  EVENT_NAME_IID = 10,
  EVENT_TRACK = 11,
  EVENT_CATEGORY = 22,
  EVENT_NAME = 23,
  EVENT_COUNTER = 30,
  EVENT_COUNTER_DOUBLE = 44,
  EVENT_FLOW = 36,     /* flow_ids_old, a varint: half of what flow_ids (47, fixed64) takes */
  EVENT_FLOW_END = 42, /* terminating_flow_ids_old */

  NOTE_NAME_IID = 1,
  NOTE_BOOL = 2,
  NOTE_UINT = 3,
  NOTE_INT = 4,
  NOTE_DOUBLE = 5,
  NOTE_TEXT = 6,
  NOTE_NAME = 10,
  NOTE_TEXT_IID = 17
};

/* Values. */
enum { FLAG_CLEARED = 1, FLAG_NEEDS_STATE = 2 };
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { CLOCK_REALTIME_ID = 1, CLOCK_BOOTTIME_ID = 6, CLOCK_OURS = 64 };
enum { UNIT_COUNT = 2 };

enum { SEQUENCE_RUN = 1, SEQUENCE_MARKS = 2, SEQUENCE_PROCESS = 16 };

/* The run begins at this time of the file's clock, since 0 may mean "none" to a reader. */
#define EPOCH_NS INT64_C(1000000000)

/* Tracks: the process of Perfetto's that is the run; a child for what is told of it; lanes of
 * processes; counters. */
enum { UUID_RUN = 1, UUID_ABOUT = 2, PID_RUN = 1 };
#define UUID_LANE(id, lane) (((uint64_t)(id) + 1) << 4 | (unsigned)(lane))
#define UUID_MARK(k) (UINT64_C(1) << 40 | (k))
#define UUID_DEPTH(id) (UINT64_C(1) << 41 | (id))

/* Names of annotations that are interned on each sequence of a process, by iid. */
enum note_name {
  ITEM = 1, /* number in its queue */
  SIGNAL,   /* of a signal: its number */
  NUMBER,   /* another n of trace_event */
  OPS,
  WHERE,
  DURATION, /* ns; of an event that is an instant, since its slice would not nest */
  OP,
  OBJECT,
  FLAGS,
  NOTES
};
#define NOTE_NAMES                                                                                 \
  {                                                                                                \
    [ITEM] = "item", [SIGNAL] = "signal", [NUMBER] = "number", [OPS] = "ops", [WHERE] = "where",   \
    [DURATION] = "duration_ns", [OP] = "op", [OBJECT] = "object", [FLAGS] = "flags"                \
  }

/*
 * The id of a flow is the number of its item, shifted by the "flow_bits" of the run, and the id of its
 * queue below that, which fits. So it is unique, and as a varint it is short. Field numbers of
 * TrackEvent: trace_processor takes flow_ids_old where there are no flow_ids
 * (src/trace_processor/importers/proto/track_event_parser.cc, MaybeParseTrackEventFlows).
 */
enum { FLOW_BITS_MAX = 32 };

/* Words that stand for numbers in a file; NULL: none. perfetto_words.c */
extern const char *const perfetto_details[3]; /* by enum trace_detail */
extern const char *const perfetto_ops[OP_COUNT];

#endif
