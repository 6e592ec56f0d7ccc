/*
 * os/jail/jail.h - strict mode's kernel layers: what the kernel refuses to a run, whatever its code does.
 *
 *   namespaces   the run sees its own processes, no network and no IPC of others; if they can be had
 *   Landlock     files: what the policy allows, and nothing else
 *   seccomp      system calls: those that a run needs, and no other (vendor/seccomp_table.c is the list)
 *   privileges   no capability is kept, and none can be gained; no descriptor but the first three; the
 *                environment is cleared; no core dumps
 *
 * A layer goes on before any Lua exists. There is no way back, and no weaker jail: when one of them fails,
 * the run does not begin. Landlock and seccomp always go on.
 *
 * Two processes share the work. With namespaces, the process that the user started forks a first process of
 * the new ones (jail_enter), which becomes the supervisor: it and the tree below it are in the same
 * namespaces, so that pids mean the same to all. The outer process makes the namespace of the network, hands
 * signals on, waits, and leaves with the status of the inner one; when either is killed, the kernel kills
 * the rest. The supervisor itself obeys no Landlock and no seccomp, since it writes traces; main puts them on
 * (jail_close), and every process of the run is a descendant of main.
 *
 * What the run may be told is wiped from the environment in jail_enter; kept are the names of the policy,
 * and those that the program itself reads: TERM, COLORTERM, NO_COLOR, FORCE_COLOR, COLUMNS, LINES, TZ, LANG
 * and LC_*.
 *
 * What the kernel said is errno; os/ prints nothing.
 */
#ifndef SBX_OS_JAIL_JAIL_H
#define SBX_OS_JAIL_JAIL_H

#include <signal.h>
#include <stdbool.h>

#include "base/policy.h"

/* What this machine has. */
struct jail_machine {
  int landlock_abi;    /* 0: no Landlock */
  bool seccomp_built;  /* the program was built with a filter for this architecture */
  bool seccomp;        /* and the kernel takes it */
  unsigned namespaces; /* enum policy_namespace; 0: none can be had */
};

/* Ask the kernel; namespaces are made and left by a child. */
void jail_look(struct jail_machine *ret);

/* Where a layer failed. */
struct jail_fault {
  const char *layer; /* "Landlock"; static */
  const char *what;  /* the call; static */
  int errnum;
};

/*
 * Enter the namespaces that can be had, wipe the environment, close descriptors, drop privileges; all but what
 * jail_settle does. To be called before anything is opened, with one thread.
 *   p           its facts are filled: layers, landlock_abi, namespaces
 *   ret_status  of the outer process: the exit status, when the inner one has ended
 *   ret_mask    of the inner one: the signals that were blocked before; all are now, so that none is lost
 * Returns 1 in the outer process, 0 where the run goes on, -SBX_ESYSTEM (*ret_fault).
 */
int jail_enter(struct policy *p, int *ret_status, sigset_t *ret_mask, struct jail_fault *ret_fault);

/*
 * In every process that goes on after jail_enter, some work later: enter the namespace of the network, which the outer
 * process makes meanwhile, and drop the capability that this takes. Nothing is left to do in the descendants of one
 * that has done so. If there could be none, `namespaces` of the policy says so. 0, or -SBX_ESYSTEM: then the process
 * must leave.
 */
int jail_settle(struct policy *p, struct jail_fault *ret_fault);

/* When the run is over: what it shares with others is as it was before jail_enter. The outer process has done so itself. */
void jail_leave(void);

/*
 * In main, which has the descriptors of the run: the limits of setrlimit(2), jail_settle, Landlock, seccomp.
 *   refused  shared by the run, borrowed for ever: grows with each dangerous call that seccomp refuses,
 *            unless programs are allowed
 * 0, or -SBX_ESYSTEM: then the process must leave.
 */
int jail_close(struct policy *p, _Atomic uint32_t *refused, struct jail_fault *ret_fault);

/*
 * In a child that becomes a program: a domain of Landlock below that of the run. So the program can look into no
 * process of the run, which may have what it is not given: /proc/PID/fd/1, the stdout past the copier, say. From version 6
 * on it can send them no signals either. For shut_out of os/shared/self.h.
 */
int jail_program(const struct policy *p);

#endif
