/*
 * os/jail/seccomp_table.h - filters of system calls for this architecture, written by the build
 * (vendor/seccomp_table.c, with libseccomp). Without libseccomp, or on another architecture, they are empty.
 */
#ifndef SBX_OS_JAIL_SECCOMP_TABLE_H
#define SBX_OS_JAIL_SECCOMP_TABLE_H

#include <linux/filter.h>
#include <stddef.h>

struct seccomp_table {
  const struct sock_filter *list;
  size_t count;
};

extern const struct seccomp_table seccomp_script;   /* a run without programs */
extern const struct seccomp_table seccomp_programs; /* --allow-run */

#endif
