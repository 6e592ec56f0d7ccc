/*
 * os/jail/namespaces.c - a child in new namespaces (namespaces(7)).
 *
 * Not every machine lets everybody make them, and a container often hides parts of /proc, which forbids
 * to mount another one. So there are several attempts, each with a new child, since a process cannot leave
 * a namespace again: all; all but the processes' own; none.
 *
 * The child is made by clone(2) itself: after unshare(2) this process could not make another attempt.
 * The C library then has the wrong thread id in the child, which matters to robust mutexes alone; the
 * child becomes the supervisor, which takes no shared lock, and fork(3) puts it right in main.
 *
 * The kernel takes longer for a namespace of the network than for all the others. Nobody waits for it: the
 * parent, which has nothing to do, enters the child's namespace of users and makes it there
 * (namespaces_make_net), while the child begins the run. Who needs it fetches it from the parent
 * (namespaces_join_net), by the pipe that tells whether the parent lives.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "os/jail/jail_internal.h"

enum {
  WITHOUT_PID = CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWCGROUP,
  ALL = WITHOUT_PID | CLONE_NEWPID,
  NOBODY = 65534
};

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* The way of the network's namespace from the parent to the child. */
static struct {
  int parent; /* in the child: a pidfd */
  int made;   /* a pipe: one byte, which nobody takes out; at its end without it, there is none */
} net = {-1, -1};

/* With that of the network, which the parent makes. */
static unsigned kinds_of(int flags) {
  unsigned kinds = NAMESPACE_NET;
  kinds |= flags & CLONE_NEWUSER ? NAMESPACE_USER : 0;
  kinds |= flags & CLONE_NEWPID ? NAMESPACE_PID : 0;
  kinds |= flags & CLONE_NEWIPC ? NAMESPACE_IPC : 0;
  kinds |= flags & CLONE_NEWNS ? NAMESPACE_MOUNT : 0;
  return kinds;
}

static bool write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  bool well = fd_write_all(fd, text, strlen(text));
  close(fd);
  return well;
}

/* One user exists: the one that the process was. Root is called nobody. */
static bool map_user(uid_t uid, gid_t gid) {
  char text[64];
  write_file("/proc/self/setgroups", "deny"); /* older kernels have no such file */
  snprintf(text, sizeof text, "%u %u 1", uid ? (unsigned)uid : NOBODY, (unsigned)uid);
  if (!write_file("/proc/self/uid_map", text))
    return false;
  snprintf(text, sizeof text, "%u %u 1", gid ? (unsigned)gid : NOBODY, (unsigned)gid);
  return write_file("/proc/self/gid_map", text);
}

/* /proc shows the processes of the run. No mount of the run is seen elsewhere. */
static bool mount_proc(int flags) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
    return false;
  return !(flags & CLONE_NEWPID) ||
         mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

/* In the child: `say` is closed when it fails, and written to when all is well; net.made is at its end when
 * the parent is gone. */
static void settle(int flags, uid_t uid, gid_t gid, int say) {
  char byte = 1;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (read(net.made, &byte, 1) == 0) /* it went before that */
    _exit(1);
  if (!map_user(uid, gid) || !mount_proc(flags) || write(say, &byte, 1) != 1)
    _exit(1);
  close(say);
}

static void forget_net(void) {
  close(net.parent);
  close(net.made);
  net.parent = net.made = -1;
}

static pid_t attempt(int flags) {
  int said[2], made[2];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  char byte;
  if (pipe2(said, O_CLOEXEC))
    return -1;
  if (pipe2(made, O_CLOEXEC | O_NONBLOCK)) {
    close(said[0]);
    close(said[1]);
    return -1;
  }
  net.parent = (int)syscall(SYS_pidfd_open, getpid(), 0);
  pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
  net.made = made[pid == 0 ? 0 : 1];
  close(made[pid == 0 ? 1 : 0]);
  if (pid == 0) {
    close(said[0]);
    settle(flags, uid, gid, said[1]);
    return 0;
  }
  close(said[1]);
  if (pid > 0 && read(said[0], &byte, 1) != 1) {
    waitpid(pid, NULL, 0);
    pid = -1;
  }
  close(said[0]);
  if (pid < 0)
    forget_net();
  return pid;
}

pid_t namespaces_fork(unsigned *ret_kinds) {
  static const int attempts[] = {ALL, WITHOUT_PID};
  *ret_kinds = 0;
  if (jail_missing('N'))
    return -1;
  for (size_t i = jail_missing('P') ? 1 : 0; i < sizeof attempts / sizeof *attempts; i++) {
    pid_t pid = attempt(attempts[i]);
    *ret_kinds = kinds_of(attempts[i]);
    if (pid >= 0)
      return pid;
  }
  *ret_kinds = 0;
  return -1;
}

/* -- the network ------------------------------------------------------------------------------- */

static bool make_net(void) { return !jail_missing('T') && unshare(CLONE_NEWNET) == 0; }

/* Capabilities over the child's namespaces are gone before the child is told, which may then look into this process. */
void namespaces_make_net(pid_t child) {
  struct jail_fault unused;
  const char byte = 1;
  int fd = (int)syscall(SYS_pidfd_open, child, 0);
  signal(SIGPIPE, SIG_IGN); /* the child may have ended */
  bool inside = !jail_missing('B') && fd >= 0 && setns(fd, CLONE_NEWUSER) == 0;
  bool made = inside && make_net();
  bool well = (!inside || privileges_drop(&unused) == 0) && made;
  ssize_t unheard = well ? write(net.made, &byte, 1) : 0;
  (void)unheard;
  close(fd);
  forget_net();
}

bool namespaces_await_net(void) { return net.made >= 0; }

/* An own one is as good, but takes its time. */
bool namespaces_join_net(void) {
  struct pollfd made = {.fd = net.made, .events = POLLIN};
  while (poll(&made, 1, -1) < 0 && errno == EINTR)
    continue;
  bool well = (made.revents & POLLIN) && setns(net.parent, CLONE_NEWNET) == 0;
  forget_net();
  return well || make_net();
}
