/* os/jail/seccomp.c - system calls, by the filter that the build has made (vendor/seccomp_table.c). */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "os/jail/jail_internal.h"
#include "os/jail/seccomp_table.h"

static const struct seccomp_table *table_of(bool run) {
  return run ? &seccomp_programs : &seccomp_script;
}

bool seccomp_is_built(void) { return seccomp_script.count > 0; }

/* An action that every kernel with filters knows, asked for by seccomp(2) of Linux 4.14; an older kernel
 * may have filters, but says no. */
bool seccomp_is_known(void) {
  const unsigned action = SECCOMP_RET_ERRNO;
  return !jail_missing('S') && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* -- counting ---------------------------------------------------------------------------------- */

/*
 * A filter cannot count. So what is dangerous is not refused by the kernel, but trapped: SIGSYS comes in
 * place of the call, whose handler counts and lets it return -EPERM. Should code take the handler away, the
 * signal kills the process; the call is never made. A program has no handler of ours, so with --allow-run
 * the kernel refuses, and nothing is counted.
 */
static _Atomic uint32_t *counter; /* shared by the run */

static void on_trap(int signal, siginfo_t *info, void *context) {
  ucontext_t *at = context;
  (void)signal;
  (void)info;
  atomic_fetch_add(counter, 1);
#if defined(__x86_64__)
  at->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
  at->uc_mcontext.regs[0] = (unsigned long)-EPERM;
#endif
}

static int catch_traps(_Atomic uint32_t *refused) {
  struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&action.sa_mask);
  counter = refused;
  return sigaction(SIGSYS, &action, NULL);
}

int seccomp_close(const struct policy *p, _Atomic uint32_t *refused, struct jail_fault *f) {
  const struct seccomp_table *t = table_of(p->run);
  struct sock_fprog program = {.len = (unsigned short)t->count,
                               .filter = (struct sock_filter *)(uintptr_t)t->list};
  if (t->count == 0) {
    errno = ENOSYS;
    return jail_failed(f, "seccomp", "the build");
  }
  if (!p->run && catch_traps(refused))
    return jail_failed(f, "seccomp", "sigaction");
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
    return jail_failed(f, "seccomp", "seccomp");
  return 0;
}
