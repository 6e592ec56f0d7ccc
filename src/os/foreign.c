/* os/foreign.c - see foreign.h. */
#include "os/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "os/backend.h"
#include "os/process/lifeline.h"
#include "os/process/signals.h"
#include "os/shared/results.h"
#include "os/supervisor/supervisor_internal.h"

/* The grandchild, detached: keeps nothing of the host but what it watches. */
static void become_supervisor(struct os_backend *b, int broker, pid_t host, int host_pidfd) {
  the_backend = NULL;
  lifeline_close(b);
  close(b->broker);
  setsid();
  supervisor_beside(b, broker, host, host_pidfd);
}

static int fork_supervisor(struct os_backend *b, int broker, int host_pidfd) {
  pid_t host = getpid();
  pid_t pid = fork();
  if (pid < 0)
    return -SBX_EAGAIN;
  if (pid == 0) {
    pid_t side = fork();
    if (side == 0)
      become_supervisor(b, broker, host, host_pidfd);
    _exit(side < 0);
  }
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -SBX_EAGAIN;
}

static void close_if_open(int fd) {
  if (fd >= 0)
    close(fd);
}

static int start_supervisor(struct os_backend *b) {
  int lifeline_write = -1, sockets[2] = {-1, -1};
  if (b->broker >= 0)
    return 0;
  int host_pidfd = pidfd_open_of(getpid());
  int rc = host_pidfd < 0 ? error_call("pidfd_open", errno) : 0;
  if (rc == 0)
    rc = lifeline_create(b, &lifeline_write);
  if (rc == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
    rc = error_call("socketpair", errno);
  if (rc == 0) {
    fcntl(sockets[0], F_SETFL, O_NONBLOCK);
    b->broker = sockets[1];
    rc = fork_supervisor(b, sockets[0], host_pidfd);
  }
  if (rc) { /* as before: the next spawn tries again */
    lifeline_close(b);
    close_if_open(sockets[1]);
    b->broker = -1;
  }
  close_if_open(host_pidfd);
  close_if_open(lifeline_write); /* from now on only the supervisor holds it */
  close_if_open(sockets[0]);
  return rc;
}

int foreign_open(const struct foreign_options *o, struct backend **ret) {
  struct control *c;
  if (the_backend) {
    *ret = &the_backend->base;
    return 0;
  }
  struct control_options co = {.speed = o->speed,
                               .seed = o->seed,
                               .seeded = o->seed != 0,
                               .max_procs = o->max_procs,
                               .tag_output = o->tag_output};
  int rc = control_create(&co, &c);
  if (rc)
    return rc;
  struct os_backend *b = backend_new(c);
  if (!b) {
    munmap(c, sizeof *c);
    return -SBX_ENOMEM;
  }
  b->foreign = true;
  b->start_supervisor = start_supervisor;
  b->run_ends = supervisor_report_failures; /* the side process learns that the run ends later */
  atomic_store(&c->processes[0].pid, getpid());
  control_process_advance(c, 0, 1, PHASE_RUNNING);
  if ((rc = results_create(&b->results))) {
    backend_free(b);
    munmap(c, sizeof *c);
    return rc;
  }
  backend_install_signals(b);
  *ret = &b->base;
  return 0;
}
