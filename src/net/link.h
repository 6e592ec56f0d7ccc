/*
 * net/link.h - messages between two processes of a run on different hosts, through the engine.
 *
 * Each direction is a stream (Redis's XADD, XREAD). Reading takes nothing away, so an answer that was lost
 * with its connection is read again; a message that was sent twice for the same reason is recognised by its
 * number: by the reader, or, where there are several writers, by the engine (link_add). What has been read is trimmed. A link has two connections, one of them for the XREAD that waits.
 */
#ifndef SBX_NET_LINK_H
#define SBX_NET_LINK_H

#include "net/engine.h"

enum { LINK_ID = 48, LINK_FULL = 512 /* messages that lie unread: then a writer should pause */ };

struct link {
  struct engine *say, *hear;
  char out[ENGINE_KEY], in[ENGINE_KEY]; /* the streams */
  uint64_t said, heard;                 /* numbers of the last messages */
  char last[LINK_ID];                   /* what was read up to here */
  bool asked;                           /* an XREAD is under way */
  struct engine_reply *batch; /* messages that were read, those before `at` were given out */
  size_t at;
};

/* What a message is. */
struct link_message {
  char kind;
  const void *data; /* borrowed until the next link_hear */
  size_t len;
};

/* Two connections, made when they are needed; `out` and `in` are copied. 0, -SBX_ENOMEM. */
int link_open(struct link *l, const struct engine_options *o, const char *out, const char *in);
void link_close(struct link *l);

/* Send one message. 0, as engine_ask, or as engine_refusal: it was not sent. */
int link_say(struct link *l, char kind, const void *data, size_t len);

/*
 * The same for a process that is not the only writer of the stream, which lives for a minute from now. What is sent again, since the answer was lost with its connection, is not added twice: the engine keeps the number of
 * the last message of each writer for a minute.
 */
int link_add(struct engine *e, const char *out, char kind, const void *data, size_t len);

/* How many messages the other side has not read. */
int link_unread(struct link *l, int64_t *ret);

/* 1 and the next message; 0: there is none now; or -SBX_EENGINE. */
int link_hear(struct link *l, struct link_message *ret);

/* The descriptor to poll for reading; -1: look again soon. */
int link_fd(const struct link *l);

#endif
