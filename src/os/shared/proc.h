/*
 * os/shared/proc.h - what the system tells of a process: proc(5), read as plain structures.
 *
 * Any process of the same user may ask. A pid may belong to another process once its own was reaped:
 * a caller that asks by a record looks at the record's stamp afterwards.
 */
#ifndef SBX_OS_SHARED_PROC_H
#define SBX_OS_SHARED_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct proc_usage {
  char state;             /* 'R', 'S', 'T' ... as in /proc/PID/stat */
  double cpu_seconds;     /* user and system */
  uint64_t rss_bytes;     /* in memory now */
  uint64_t private_bytes; /* of these not backed by a file or shared memory; what a fork left
                             shared counts for both sides */
};

/* The state letter of /proc/PID/stat; 0 if there is no such process. */
char proc_state(pid_t pid);

/* The parent of a process; 0 if there is no such process. */
pid_t proc_parent(pid_t pid);

/*
 * The children that a thread of a process has made and that are not reaped; pids, which fscanf reads. `thread` is its
 * number, the pid for the first one. The caller closes it; NULL: there is no such thread, or the kernel was built
 * without these lists.
 */
FILE *proc_children(pid_t pid, pid_t thread);

/* From now on proc_state calls this when it finds nothing in /proc. */
void proc_ask_instead(char (*ask)(pid_t pid));

/* All of it. 0, or -SBX_EGONE (then `ret` is zeroed). */
int proc_usage(pid_t pid, struct proc_usage *ret);

/* The pipes among the descriptors of a process, looked up once and asked often. */
struct proc_pipes {
  pid_t pid; /* 0: none was looked up yet */
  struct proc_pipe {
    uint64_t inode;
    int fd; /* its number in that process */
  } * list; /* owned */
  size_t count, cap;
};

/* Look up the pipes of another process (or of the calling one); an empty list for want of memory or
 * right. Nothing is done for the process that `p` tells of already. */
void proc_pipes_of(struct proc_pipes *p, pid_t pid);

/* A descriptor of the pipe with this inode, which the caller closes; -1 if that process has none.
 */
int proc_pipes_open(const struct proc_pipes *p, uint64_t inode);

void proc_pipes_release(struct proc_pipes *p);

/* What a process uses, as limits count it: its time and that of the children it has reaped, and its
 * resident pages, those of files included. 0 or -SBX_EGONE. */
struct proc_totals {
  int64_t cpu_ns;
  uint64_t resident; /* bytes */
};
int proc_totals(pid_t pid, struct proc_totals *ret);

/* Its part of the pages that it has for itself or with relatives, and of shared memory, in bytes; a page
 * that n processes have mapped counts 1/n in each. Walks its page tables. 0 or -SBX_EGONE. */
int proc_parts(pid_t pid, uint64_t *ret_anonymous, uint64_t *ret_shared);

#endif
