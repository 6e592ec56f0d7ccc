/*
 * os/shared/broker.h - how descriptors reach a process that did not inherit them.
 *
 * The supervisor keeps the descriptors of exported objects (os/queue/queue_share.c). One datagram
 * socket leads to it; every process of the tree may write to it. A request that wants an answer
 * carries a socket to answer on (SCM_RIGHTS, unix(7)). Messages are atomic, so a sender that is
 * killed leaves a whole message or none.
 */
#ifndef SBX_OS_SHARED_BROKER_H
#define SBX_OS_SHARED_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "os/shared/self.h"

enum broker_kind {
  BROKER_EXPORT = 1, /* keep these descriptors under slot and serial; answered */
  BROKER_IMPORT,     /* send them back on the socket that comes along */
  BROKER_RELEASE,    /* a holder let go: keep them no longer if it was the last */
  BROKER_FAILURE,    /* something failed, and may have to be reported (os/supervisor/failures.h) */
  BROKER_LEAVING,    /* main has decided its exit status, and waits for its children */
  BROKER_INTERRUPT,  /* a process (slot, serial) is interrupted from outside the run */
  BROKER_DRAIN,      /* a ring of records is half full (os/supervisor/recorder.h) */
  BROKER_PROGRESS,   /* there is a new progress, or the end of one, to be shown */
  BROKER_MEMORY,     /* a process (slot, serial) asked for more memory than the run may have */
  BROKER_OUTPUT,     /* the same, of output; */
  BROKER_FILES,      /* of what is written into files. Each waits for its end */
  BROKER_STATE,      /* look at a process (slot, serial): os/shared/state.h */
  BROKER_DIFFERS     /* the run differs from what is replayed: end it (os/shared/turns.h) */
};

struct broker_message {
  uint32_t kind; /* enum broker_kind */
  uint32_t slot;
  uint64_t serial;
  uint32_t present; /* of EXPORT and answers: bit i set when descriptor i of the object is there */
  int32_t code;     /* of answers: 0 or -SBX_E* */
};

/* The descriptors of an object, at most so many, and after them the socket to answer on. */
enum { BROKER_OBJECT_FDS = 5, BROKER_REPLY = BROKER_OBJECT_FDS, BROKER_FDS_MAX };

/* Send with descriptors; those below 0 are left out, and `present` is filled. 0 or a code:
 * -SBX_EAGAIN: the socket is full now. */
int broker_send(int socket, struct broker_message *m, const int *fds, int n);

/*
 * Receive. `ret_fds` (BROKER_FDS_MAX) gets the descriptors in their places, -1 elsewhere: the
 * caller owns them. Returns 1, 0 when there is nothing (end of file, or a nonblocking socket that
 * is empty), or a code.
 */
int broker_receive(int socket, struct broker_message *ret, int *ret_fds);

void broker_close_fds(const int *fds);

/*
 * Client side. Send a request (EXPORT, IMPORT) with `fds`, the caller's, and wait for the answer, for
 * an op: until its deadline, or an interrupt. The descriptors of the answer replace those in `fds`,
 * and are the caller's then. 0, -SBX_EMFILE (here, or in the supervisor and no process had any to
 * give back), -SBX_ENOMEM, -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, or the code of the answer (-SBX_EGONE)
 */
int broker_request(struct os_backend *b, const struct op *op, struct broker_message *m,
                   int fds[BROKER_FDS_MAX]);
/* Notices without an answer; safe in a signal handler; lost (false) if the supervisor is busy
 * beyond the socket's buffer. */
bool broker_notify(struct os_backend *b, enum broker_kind kind, uint32_t slot, uint64_t serial);
/* The same of what concerns no slot (LEAVING, PROGRESS, DIFFERS), and never lost: told more than
 * once before the supervisor looks, it is seen once. */
void broker_tell(struct os_backend *b, enum broker_kind kind);
/* For the supervisor: was this kind told since the last call? */
bool broker_told(struct control *c, enum broker_kind kind);

#endif
