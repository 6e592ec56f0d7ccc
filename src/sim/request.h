/*
 * sim/request.h - an op and its answer as bytes, apart from the process that asked.
 *
 * A process of a simulated run is an image (image.h): while it waits in perform(), its memory is not
 * there. So perform() writes what the op asks into a message, the request; the world (world.h)
 * performs that, and writes a message with the answer; when the image is there again, the answer is
 * delivered into the op. Equal requests are equal bytes, and equal answers, too: what a process does
 * next depends on nothing else.
 */
#ifndef SBX_SIM_REQUEST_H
#define SBX_SIM_REQUEST_H

#include "base/buf.h"
#include "object/op.h"
#include "object/sync.h"

/* A request, opened: its pointers lead into the message, which must outlive it. */
struct request {
  enum op_kind kind;
  struct object_ref object; /* of type OBJECT_NONE: none */
  int64_t deadline_ns;
  int number;
  uint64_t count;
  bool late;           /* as in struct op, or one of `subs` is */
  bool wants_out;      /* GET, PEEK, RECV, JOIN: there is room for the bytes of a message */
  const uint8_t *data; /* of PUT, SEND, SET, ...: what is sent, in one piece */
  size_t len;
  const struct object_ref *refs; /* handles in `data` */
  uint32_t ref_count;

  /* VALUE_*, DICT_*, ARRAY_* */
  bool has_value;
  bool none; /* DICT_SET, DICT_REPLACE: remove the key */
  struct number value, expected;
  const uint8_t *expected_data;
  size_t expected_len;
  const uint8_t *key;
  uint32_t key_len;
  uint64_t hash;

  /* SPAWN, NEW, END, FAILURE_*, MARK */
  const char *name;  /* NULL: none */
  const char *where; /* "file:line" of a SPAWN */
  bool daemon, quiet, stdin_too;
  struct sync_options sync; /* name, lock and elements are not in it: `name`, `lock`, `data` */
  struct object_ref lock;   /* of a CONDITION_NEW; type OBJECT_NONE: one of its own */
  uint64_t max;             /* QUEUE_NEW */
  int transport;            /* QUEUE_NEW */
  bool redeliver;           /* QUEUE_NEW */
  struct object_ref ref;    /* HANDLE_IMPORT, HANDLE_LAND, FAILURE_* */
  bool has_result;          /* END: `data` is the result, or the failure as a message */
  const uint8_t *report;    /* END, FAILURE_NEW: its text; NULL: none */
  size_t report_len;
  int exit_code;  /* END */
  uint64_t order; /* FAILURE_NEW */

  /* Where it was asked for. */
  const char *source; /* of op.place; NULL: not known */
  int line;

  uint32_t sub_count; /* SELECT */
  struct request *subs;
  struct request *owned; /* of request_close */
};

/* As object_ops.object_ref: the name of an object. */
typedef void object_ref_fn(const struct object *o, struct object_ref *ret);

/* Append what an op asks for to `out`; its handles are named by `ref_of`. -SBX_ENOMEM */
int request_write(const struct op *op, object_ref_fn *ref_of, struct buf *out);

/* Is it the NEW of a type of object/sync.h? */
bool op_makes_sync(enum op_kind kind);

/* Open a message that request_write wrote. -SBX_ENOMEM. To be closed. */
int request_open(const uint8_t *message, size_t len, struct request *ret);
void request_close(struct request *r);

/* Of a SELECT: does it wait for one of several processes to end, as join_all does? */
bool request_joins_only(const struct request *r);
/* Is it no step of a schedule, as far as its own kind decides that (object/quiet.h)? */
bool request_is_quiet(const struct request *r);

/* An answer. Begins zeroed; what is not said is 0. */
struct answer {
  int rc; /* 0 or -SBX_* */
  bool abandoned, same, none;
  int number;                 /* as in struct op */
  uint64_t count, item;       /* as in struct op */
  int64_t now_ns;             /* CLOCK_NOW, CLOCK_WALL */
  struct object_ref made;     /* SPAWN, NEW, PARENT, IMPORT, FAILURE_NEW; type OBJECT_NONE: none */
  struct object_ref made_too; /* PIPE_NEW: the other end */
  struct number value;        /* VALUE_GET, ADD, UPDATE, ... as op.value->number */
  bool has_out;               /* `out` is to be appended to op.out */
  struct buf out;             /* owned */
  struct buf refs; /* owned; struct object_ref: op.refs->taken, op.value->out_refs; CHILDREN,
                             DESCENDANTS: the processes */
  union {
    struct process_info process; /* PROCESS_LOOK */
    struct queue_info queue;     /* QUEUE_LOOK, PIPE_LOOK */
    struct sync_info sync;       /* LOOK of the others */
  };
};

void answer_release(struct answer *a);

/* Append an answer to `out`, as bytes that are equal if the answers are. -SBX_ENOMEM */
int answer_write(const struct answer *a, enum op_kind kind, struct buf *out);

/* Read it again; to be released. */
int answer_read(const uint8_t *message, size_t len, struct answer *ret);

/*
 * Deliver it into the op of which the request was made. `object_of` makes the process's own handle
 * of an object, or returns NULL without memory. Returns the op's rc, or -SBX_ENOMEM.
 */
int answer_deliver(const struct answer *a, struct op *op,
                   struct object *(*object_of)(void *ctx, const struct object_ref *ref), void *ctx);

#endif
