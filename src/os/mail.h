/*
 * os/mail.h - the mailbox of a process, and processes by name.
 *
 * A mailbox is a queue that belongs to a process. There is none until somebody asks for it, be it a
 * sender or the process itself, so a process that uses none pays nothing. From then on the control
 * block says which queue it is (control.mail), and as long as the process lives, that counts as a holder
 * (os/shared/names.c): a mailbox that nobody but its future readers knows is not dropped. When the
 * process has ended, its mailbox is closed: a put asks for it (queue_put).
 *
 * Two may make it at a time: each makes a queue, has the supervisor keep its descriptors, and enters
 * it by compare-and-swap. The loser drops its own. A process that is killed in between leaves a queue
 * that nobody reaches: garbage, as any other.
 *
 * A process that waits for a name sleeps until another one is born: os/shared/seek.h.
 */
#ifndef SBX_OS_MAIL_H
#define SBX_OS_MAIL_H

#include "os/shared/self.h"

/* OP_PROCESS_MAIL: the mailbox of op->object, a process; op->object is the queue then.
 * 0, -SBX_EGONE (it has ended), and what making and receiving queues may return. */
int process_mail(struct os_backend *b, struct op *op);

/* OP_PROCESS_FIND: the oldest living process with this name (op->data, op->len), waiting until there
 * is one. 0, -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, -SBX_ENOMEM */
int process_find(struct os_backend *b, struct op *op);

#endif
