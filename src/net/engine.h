/*
 * net/engine.h - a connection to the engine: the Redis server in which the objects of a run live.
 *
 * A process has one `struct engine`, and after a fork its child has a copy of it. The copy connects
 * anew when it is first used, so a child needs to do nothing. Nothing here is for several threads.
 *
 * One policy for all connections:
 *   connecting     takes at most ENGINE_CONNECT_NS a step; then it is authenticated, and its database chosen
 *   a cut link     is noticed within about 4 seconds (keepalive, TCP_USER_TIMEOUT)
 *   after a break  engine_call connects anew, again and again, until the engine has been away for
 *                  `timeout_ns`, and then tells that the connection is another one: what was asked
 *                  for may have been done or not. That time begins with the first call that got no answer,
 *                  and all calls and connections of the process share it: when it is over, each tries once. `epoch` grows with each connection: whatever was
 *                  read over an older one is to be forgotten, the server may have lost it
 *
 * This header knows no hiredis: without it the program is built all the same, engine_available says
 * no, and engine_open fails.
 */
#ifndef SBX_NET_ENGINE_H
#define SBX_NET_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"

#define ENGINE_CONNECT_NS (3 * NS_PER_SECOND)
#define ENGINE_STOP_NS (NS_PER_SECOND / 2)
#define ENGINE_TIMEOUT_NS (30 * NS_PER_SECOND) /* the default of engine_options.timeout_ns */

enum {
  ENGINE_PORT = 6379,
  ENGINE_TEXT = 256,   /* bytes of a host, a name, a path */
  ENGINE_WHY = 512,    /* bytes of a reason */
  ENGINE_RUN = 16 + 1, /* bytes of the name of a run, with its end */
  ENGINE_SPACE = 48,   /* of the name of a run or of a world */
  ENGINE_KEY = 96,     /* bytes of a key, with its end */
  ENGINE_TTL_S = 60    /* seconds that a key lives without a beat */
};

/* -- addresses ---------------------------------------------------------------------------------- */

struct engine_address {
  char host[ENGINE_TEXT]; /* or, if `port` is 0, the path of a unix socket */
  int port;
  int database;
  char user[ENGINE_TEXT];     /* "": none */
  char password[ENGINE_TEXT]; /* "": none */
};

/*
 * Read redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], or unix:///PATH[?db=N][&password=P]. User and password may
 * have %XX. Without a password, that of the environment variable SANDBOX_PASSWORD is taken.
 * Returns 0; else -SBX_EINVAL, and `why` says what is wrong in one line, without the password.
 */
int engine_parse(const char *url, struct engine_address *ret, char why[ENGINE_WHY]);

/* Overwrite the password in a URL by stars, in place: for the arguments of a process, which everybody
 * may read. */
void engine_hide_password(char *url);

/* "HOST:PORT", or the path: for messages. Borrowed from `a`'s copy in `ret`. */
const char *engine_name(const struct engine_address *a, char ret[ENGINE_TEXT + 16]);

/* -- connections -------------------------------------------------------------------------------- */

struct engine_options {
  struct engine_address address;
  int64_t timeout_ns; /* away for so long: it is gone; 0: ENGINE_TIMEOUT_NS */
  bool insecure;      /* beyond this host it may do without a password */
  /* Is the process to end? Then an answer may still take ENGINE_STOP_NS, and no connection is made any more. Asked while
   * a call waits, ten times a second and after a signal. NULL: it waits as long as `timeout_ns` says. */
  bool (*stop)(void *ctx);
  void *stop_ctx; /* borrowed */
};

struct engine;
struct engine_reply;

/* Is there a client library in this program? If not, *why says what to install and build. Static. */
bool engine_available(const char **why);

/*
 * Connect, and see that the server can be used: that it lets us in, is of version 7 or later, keeps what
 * it is given (maxmemory-policy), has a password if it is on another host. Within 10 seconds.
 * Returns 0, and *ret is the caller's; else -SBX_EENGINE or -SBX_ENOMEM, and `why` is one line for a
 * person, without the password.
 */
int engine_open(const struct engine_options *o, struct engine **ret, char why[ENGINE_WHY]);

/* Make one that is not connected yet, and does not look at the server: for a process beside one that
 * did. 0 or -SBX_ENOMEM */
int engine_new(const struct engine_options *o, struct engine **ret);

/* Close the connection, free it. NULL is accepted. */
void engine_close(struct engine *e);

const struct engine_options *engine_options_of(const struct engine *e);

/* The number of the connection, from 1; 0: there is none. See above. */
uint64_t engine_epoch(const struct engine *e);
/* The descriptor of the connection, to be polled; -1: there is none. */
int engine_fd(const struct engine *e);

/* Connect if there is no connection in this process. 0, or -SBX_EENGINE: away for too long. */
int engine_ensure(struct engine *e);

/* -- commands ----------------------------------------------------------------------------------- */

struct engine_arg {
  const void *data; /* borrowed */
  size_t len;
};

static inline struct engine_arg engine_bytes(const void *data, size_t len) {
  return (struct engine_arg){data, len};
}
struct engine_arg engine_text(const char *text); /* borrowed */

/*
 * Send one command, and wait for its answer, which may be an error of the server. *ret is the caller's,
 * to be freed.
 * Returns 0; -SBX_EAGAIN: the connection broke, and there is another one by now; -SBX_EENGINE: there is
 * none, and has not been for too long.
 */
int engine_call(struct engine *e, int count, const struct engine_arg *args,
                struct engine_reply **ret);

/* The same for a command that may be done twice: it is repeated after a break. */
int engine_ask(struct engine *e, int count, const struct engine_arg *args,
               struct engine_reply **ret);

/* A script, by its SHA-1; `sha` is filled at its first use. */
struct engine_script {
  const char *head; /* comes before the text; NULL: nothing */
  const char *text;
  char sha[41];
};

/* EVALSHA, or EVAL if the server does not know it (any more). As engine_call: 0, -SBX_EAGAIN,
 * -SBX_EENGINE. keys, then args: `count` in all. */
int engine_eval(struct engine *e, struct engine_script *s, int key_count, int count,
                const struct engine_arg *args, struct engine_reply **ret);

/* Without an answer: for a connection that is given up (a subscription). Send a command; read an
 * answer if one has come. engine_poll: 1 and *ret, 0: none has come, or as engine_call. */
int engine_send(struct engine *e, int count, const struct engine_arg *args);
int engine_poll(struct engine *e, struct engine_reply **ret);

/* -- answers ------------------------------------------------------------------------------------ */

enum engine_type {
  ENGINE_NIL,
  ENGINE_BYTES,
  ENGINE_INTEGER,
  ENGINE_LIST,
  ENGINE_STATUS,
  ENGINE_ERROR
};

/* NULL, where there is no answer after a failure, reads as NIL in all of these. */
enum engine_type engine_type(const struct engine_reply *r);
/* What an ERROR means: -SBX_ENOSPC: the server has no room, -SBX_EENGINE: it lets nobody in, or is no server to write to;
 * -SBX_ENOOBJECT: it holds something else than it should. 0: it is none. */
int engine_refusal(const struct engine_reply *r);
/* Of BYTES, STATUS, ERROR; a zero follows. */
const char *engine_data(const struct engine_reply *r);
size_t engine_len(const struct engine_reply *r);
int64_t engine_integer(const struct engine_reply *r);
/* Of a LIST; out of range: an answer that is NIL. Borrowed. */
size_t engine_count(const struct engine_reply *r);
const struct engine_reply *engine_at(const struct engine_reply *r, size_t i);
void engine_free(struct engine_reply *r);

/* -- keys ---------------------------------------------------------------------------------------- */

/* "sandbox:{RUN}:" and the rest as printf has it. Returns the key's length. */
size_t engine_key(char ret[ENGINE_KEY], const char *run, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A name for a new run: 16 hexadecimal digits, at random. */
void engine_draw_run(char ret[ENGINE_RUN]);

/* For error_text(-SBX_EENGINE) and its like: remember the engine's name, as messages shall have it. */
void engine_note_name(const struct engine_address *a);

#endif
