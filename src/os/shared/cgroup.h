/*
 * os/shared/cgroup.h - how many processors' worth of time the control groups grant: cgroups(7).
 *
 * A container is often given a part of the machine by a quota: so many microseconds in each period, on
 * whatever processors. The processors that a process may run on do not show it.
 */
#ifndef SBX_OS_SHARED_CGROUP_H
#define SBX_OS_SHARED_CGROUP_H

/*
 * The smallest quota of the calling process's group and all above it, rounded up to whole processors;
 * of version 2 (cpu.max) or 1 (cpu.cfs_quota_us). 0: there is none, or it cannot be read.
 *   root  what stands before /proc and /sys: "" but for tests
 */
int cgroup_processors(const char *root);

#endif
