/*
 * net/office.h - what the keeper of a host does for processes of other hosts, which ask for processes of its own.
 *
 * Vocabulary
 *   home      the host in whose memory the record of a process is: that of its spawner. (A far process has its record where
 *             its stand-in is, see host/far.h.) A host is a run here: each far process has one, with a keeper
 *   end       an object in the engine, an event, which tells how a process ended when it is set. It is found by its process, as
 *             a mailbox is ("named"), and made by whoever first wants it
 *   request   a message to the office of a home: an entry of the stream sandbox:{RUN}:office:HOST
 *
 * To join a process of another host is to wait at its end, after the office was asked to set it (OFFICE_WATCH). That is asked again each
 * time that the waiter looks by itself, so no request need arrive. All else is asked and answered.
 *
 * A request is carried out once, also if it was sent again since the connection was cut (link_add). Its answer, which bears its
 * number, stands in a key of the asker and the home until the next one replaces it; the asker's bell tells that it is there. So an asker
 * sleeps as in any op: it hears interrupts, and gives up when it likes.
 *
 * An end is set once: whoever sets it commits what it tells with it, and finds it set, or sets it. So all who join hear the same.
 *   the office     when the process has ended; and, at the end of the home, of all whose handles have left it
 *   a waiter       when the home is over without that: what it knew is lost. A home is over when its stand-in is dead, which
 *                  the keeper of the spawner's host says (net_bury); that is after its office has had its time
 *
 * A process that was declared dead sends no signals any more: the office refuses what it asks for.
 */
#ifndef SBX_NET_OFFICE_H
#define SBX_NET_OFFICE_H

#include <poll.h>

#include "net/internal.h"
#include "net/link.h"

enum office_kind {
  OFFICE_MAIL = 'm', /* it gets mail: let others know when it dies. -SBX_EGONE: it has ended */
  OFFICE_WATCH =
      'w', /* set its end when it has ended. If it has, it is set when an answer comes; there is one, wanted or
                         not, if what it left cannot be read at the moment */
  OFFICE_LOOK = 'l', /* how does it stand? */
  OFFICE_SIGNAL =
      's', /* send it a signal: it was sent when the answer comes, and a process that is paused stands */
  OFFICE_JOINED = 'j', /* somebody was given its outcome */
  OFFICE_LOOKED = 'f'  /* somebody looked at its failure */
};

/* Hosts of a run have the same version of the program, and the same order of bytes. */
struct office_request {
  uint64_t process; /* as net_process */
  uint64_t asker, number;
  int32_t signal;
  int32_t awaited; /* 1: an answer is */
};

struct office_answer {
  uint8_t number[8]; /* of the request; the highest byte first */
  int32_t rc;
  struct process_info info; /* of LOOK */
};

/* What an end tells; behind it is what the process left, if info.has_result. */
struct office_told {
  int32_t
      rc; /* -SBX_EGONE: its home does not know it any more; -SBX_EHERE: what it left cannot leave its host */
  struct process_info info;
};

size_t office_inbox(char ret[ENGINE_KEY], const char *run, uint16_t host);
size_t office_answer_key(char ret[ENGINE_KEY], const char *run, uint64_t asker, uint16_t home);

/* Set an end, if it is not set. `left` may be NULL. 0 or a code */
int office_set(struct net *n, uint64_t id, const struct office_told *t, const struct buf *left);

/* -- for those who ask ----------------------------------------------------------------------------- */

/* How long an answer is waited for: as long as for the engine (--engine-timeout); and where there is another way. */
int64_t office_patience_ns(const struct net *n);
enum { OFFICE_BRIEF_S = 1 };

struct office_home {
  char host[NAME_MAX_BYTES]; /* what it is called; "": not known */
  bool over;
};

/* The home of a process. 0 or a code */
int office_home_of(struct net *n, uint64_t process, struct office_home *ret);
/* Send a request, and wait for no answer; `q` gets its number. 0 or a code */
int office_send(struct net *n, enum office_kind kind, struct office_request *q);
/* Has the home answered the request of this number? 1: *ret; 0: no, or others since; or a code */
int office_heard(struct net *n, uint64_t process, uint64_t number, struct office_answer *ret);
/*
 * Call it after each request of which no answer is awaited, or came: does the keeper read? `s` begins as zero.
 * 0; -SBX_ESILENT: for office_patience_ns it has not, so it was killed, or is stopped; or a code
 */
int office_listens(struct net *n, uint64_t process, struct net_silence *s);
/*
 * Ask a home that is not over for q->process, and wait for the answer, in `op`. *home says if it is over by now: then there is
 * none.
 *   until_ns  how long; if that has passed, the request is sent all the same
 *   info      of LOOK; else it may be NULL
 * 0; -SBX_EGONE: it does not know the process any more; -SBX_ESILENT; -SBX_EINTERRUPTED; or a code
 */
int office_ask(struct net *n, enum office_kind kind, const struct office_request *q,
               const struct op *op, int64_t until_ns, struct office_home *home,
               struct process_info *info);
/* What came from the engine, a code and what stands beside it, is made harmless; false: it is none. */
bool office_is_sound(int32_t rc, struct process_info *i);
/* Is a process dead by now, as the engine knows it? 0 or a code */
int office_is_dead(struct net *n, uint64_t who, bool *ret);

/* -- in the keeper ------------------------------------------------------------------------------- */

struct office;
enum { OFFICE_FDS = 2 };

/* Of whoever opens it. */
struct office_owner {
  /* A process of this host is to be buried when it dies. */
  void (*keep)(void *ctx, uint64_t who, pid_t pid);
  void *ctx;
};

/* What is there for others: `engine` is borrowed, and `below`. -SBX_ENOMEM, -SBX_EMFILE */
int office_open(const struct net_options *o, const struct net_below *below, struct engine *engine,
                const struct office_owner *owner, struct office **ret);
/* What to poll, and how long at most. */
int office_poll(const struct office *f, struct pollfd fds[OFFICE_FDS]);
/* Do what has come up. */
void office_work(struct office *f);
/* The handle of a process has left the host. */
void office_note(struct office *f, uint64_t process);
/* The run here has ended. `tells`: set the ends of all that left it. Frees it; NULL is accepted. */
void office_close(struct office *f, bool tells);

#endif
