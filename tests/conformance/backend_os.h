/* tests/conformance/backend_os.h - what the conformance of real processes shares with that of the engine. */
#ifndef TEST_CONFORMANCE_BACKEND_OS_H
#define TEST_CONFORMANCE_BACKEND_OS_H

#include "conformance.h"
#include "os/shared/self.h"

/* A backend in front of that of the system. */
struct os_front {
  void (*install)(struct os_backend *b); /* before the first process */
  void (*ended)(uint64_t serial);        /* a process has ended: return when all know */
};
extern const struct os_front *os_front; /* NULL: none */

/* Is it a sequence in which processes end, so that those that wait look by themselves? */
extern bool os_heals;

void os_begin(const struct setup *s);
void os_renew(int proc);
void os_tell(const struct request *r);
bool os_hear(int proc, int64_t patience_ns, int *ret_proc, struct answer *ret);
enum op_kind os_waits(int proc);
void os_interrupt(int proc);
void os_end(int proc, enum end how);
bool os_look(int thing, struct look *ret);
void os_pass(int64_t ns);
void os_over(void);

/* In a struct conformance_backend: what a backend in front of this one leaves to it. */
#define OS_DOES                                                                                                        \
  .renew = os_renew, .tell = os_tell, .hear = os_hear, .waits = os_waits, .interrupt = os_interrupt, .end = os_end,    \
  .look = os_look, .pass = os_pass, .now = clock_now_ns, .over = os_over

#endif
