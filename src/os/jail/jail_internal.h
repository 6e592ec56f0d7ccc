/* os/jail/jail_internal.h - the layers, one file each; see jail.h. */
#ifndef SBX_OS_JAIL_JAIL_INTERNAL_H
#define SBX_OS_JAIL_JAIL_INTERNAL_H

#include "os/jail/jail.h"

/* Fill in a fault from errno. Returns -SBX_ESYSTEM. */
int jail_failed(struct jail_fault *f, const char *layer, const char *what);

/* -- landlock.c -------------------------------------------------------------------------------- */

/* The version of Landlock that the kernel has, LANDLOCK_KNOWN at most; 0: none. */
enum { LANDLOCK_KNOWN = 7 };
int landlock_abi(void);
int landlock_close(const struct policy *p, struct jail_fault *f);
/* Another domain below, which refuses nothing more but what is outside of it. 0, or -1 and errno. */
int landlock_nest(int abi);

/* -- seccomp.c --------------------------------------------------------------------------------- */

bool seccomp_is_built(void);
bool seccomp_is_known(void); /* to the kernel */
int seccomp_close(const struct policy *p, _Atomic uint32_t *refused, struct jail_fault *f);

/* -- namespaces.c ------------------------------------------------------------------------------ */

/* Make a child in new namespaces, as many as can be had. Returns its pid, 0 in the child, -1: none can be
 * had. *ret_kinds: which (enum policy_namespace). The child has all capabilities over them. */
pid_t namespaces_fork(unsigned *ret_kinds);

/* The network's is still missing then. In the parent, which lives in it from now on, and in the child's namespace of
 * users: make it. */
void namespaces_make_net(pid_t child);
/* In the child, and in each process that it has forked since: has the network's not been fetched? Then CAP_SYS_ADMIN
 * is needed for it. */
bool namespaces_await_net(void);
/* Fetch it, when the parent has made it. False: there can be none. */
bool namespaces_join_net(void);

/* -- privileges.c ------------------------------------------------------------------------------ */

void environment_wipe(const struct policy *p);
/* Close all descriptors from 3 on. */
void descriptors_close(void);
/* stdin, stdout and stderr are shared with whoever has started the run. What a script makes of their flags (that a shell no
 * longer waits for what is typed, say) ends with the run: the flags are noted, and set as they were. */
void descriptors_note(void);
void descriptors_restore(void);
/* A terminal that is stdin can be written to, too, past all that counts what is printed: open it again, only to be read.
 * Another user's terminal may refuse that; then it stays as it is. */
void terminal_only_read(void);
/* No capability can be gained, also not by a program. Of those that there are CAP_SYS_ADMIN is kept, if it is needed. */
int privileges_bound(bool keep_admin, struct jail_fault *f);
/* And none is kept. */
int privileges_drop(struct jail_fault *f);

/* -- tests ------------------------------------------------------------------------------------- */

/*
 * A build for tests (SBX_FAULTS) takes layers for missing that $SANDBOX_STRICT_MISSING names, a letter each:
 * F Landlock, S seccomp, N namespaces, P namespaces of processes, T that of the network, B the way to
 * make that one beside the start; and loads the C modules that $SANDBOX_STRICT_PRELOAD names (with colons between them)
 * before the layers go on, since later no code can be loaded. No other program knows these variables.
 */
#ifdef SBX_FAULTS
bool jail_missing(char layer);
void jail_preload(void);
#else
static inline bool jail_missing(char layer) {
  (void)layer;
  return false;
}
static inline void jail_preload(void) {}
#endif

#endif
