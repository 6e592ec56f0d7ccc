/* tests/support/redis.c - see redis.h. */
#include "support/redis.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { WAIT_S = 30 };

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static int free_port(void) {
  struct sockaddr_in a = loopback(0);
  socklen_t len = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len))
    abort();
  close(fd);
  return ntohs(a.sin_port);
}

static bool answers(int port) {
  struct sockaddr_in a = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool yes = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
  close(fd);
  return yes;
}

/* The kernel kills the server should the test be killed. */
static void become(const struct redis *r) {
  char command[640];
  sigset_t none;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int log = open("log", O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (log >= 0) {
    dup2(log, 1);
    dup2(log, 2);
  }
  snprintf(command, sizeof command,
           "exec redis-server --port %d --bind 127.0.0.1 --save '' --daemonize no %s", r->port,
           r->options);
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(127);
}

static bool launch(struct redis *r) {
  r->pid = fork();
  if (r->pid == 0) {
    if (chdir(r->folder))
      _exit(126);
    become(r);
  }
  int64_t until = clock_now_ns() + WAIT_S * NS_PER_SECOND;
  while (clock_now_ns() < until) {
    if (answers(r->port))
      return true;
    if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
      break;
    usleep(2000);
  }
  r->pid = 0;
  return false;
}

static bool is_installed(void) {
  return system("command -v redis-server >/dev/null 2>&1") == 0;
}

bool redis_start(struct redis *r, const char *options) {
  if (!is_installed())
    return false;
  *r = (struct redis){.folder = "/tmp/sandbox-redis-XXXXXX"};
  snprintf(r->options, sizeof r->options, "%s", options);
  if (!mkdtemp(r->folder))
    abort();
  for (int i = 0; i < 10; i++) { /* the port may have been taken meanwhile */
    r->port = free_port();
    if (launch(r))
      return true;
  }
  fprintf(stderr, "redis-server does not start: see %s/log\n", r->folder);
  abort();
}

void redis_restart(struct redis *r) {
  if (!launch(r))
    abort();
}

void redis_kill(struct redis *r) {
  if (r->pid <= 0)
    return;
  kill(r->pid, SIGKILL);
  waitpid(r->pid, NULL, 0);
  r->pid = 0;
}

void redis_end(struct redis *r) {
  char command[128];
  redis_kill(r);
  snprintf(command, sizeof command, "rm -rf '%s'", r->folder);
  if (r->folder[0] && system(command))
    fprintf(stderr, "cannot remove %s\n", r->folder);
}
