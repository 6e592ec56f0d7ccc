/*
 * strict/kernel_probe.c - a C module for Lua that asks the kernel for what a jailed process must not get.
 *
 *   probe(name [, path of the script]) -> "got", or the name of an error, or "killed"      luaopen_kernel_probe
 *   attack      -> a table of functions that attack the run itself      luaopen_attack
 *
 * Each is tried in a child process. "got" also means that the kernel looked at the request and found
 * nothing else wrong with it than what was wrong on purpose, so that nothing outside is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/shared/broker.h"
#include "scribble.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static int supervisor(void) { return getppid(); } /* of main, which loaded this module */
static int outside;
static const char *script_path; /* of the script that asks */

/* Port 9 of this machine: nobody listens. */
static const struct sockaddr_in port = {.sin_family = AF_INET};

static struct sockaddr_in discard(void) {
  struct sockaddr_in a = port;
  a.sin_port = htons(9);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static int tcp(void) {
  struct sockaddr_in a = discard();
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int rc = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
  return rc < 0 && errno == ECONNREFUSED ? 0 : rc;
}

static int bind_tcp(void) {
  struct sockaddr_in a = discard();
  a.sin_port = 0;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof a);
}

static int udp(void) {
  struct sockaddr_in a = discard();
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  return fd < 0 ? -1 : (int)sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a);
}

static int unix_socket(void) { return socket(AF_UNIX, SOCK_DGRAM, 0); }
static int unix_pair(void) {
  int pair[2];
  return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
}
static int netlink(void) { return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
static int packet(void) { return socket(AF_PACKET, SOCK_RAW, 0); }

static int attach(void) {
  if (ptrace(PTRACE_ATTACH, outside, 0, 0))
    return -1;
  waitpid(outside, NULL, 0);
  return (int)ptrace(PTRACE_DETACH, outside, 0, 0);
}

static int read_memory(void) {
  static long word; /* a fork has it at the same address */
  long copy;
  struct iovec here = {&copy, sizeof copy}, there = {&word, sizeof word};
  return process_vm_readv(outside, &here, 1, &there, 1, 0) < 0 ? -1 : 0;
}

static int get_descriptor(void) {
  int fd = (int)syscall(SYS_pidfd_open, outside, 0);
  return fd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, fd, 0, 0);
}

static int unshare_user(void) { return unshare(CLONE_NEWUSER); }

static int mount_nothing(void) {
  int rc = mount("none", "/", "no such filesystem", 0, NULL);
  return rc < 0 && errno == ENODEV ? 0 : rc;
}

static int io_uring(void) {
  struct io_uring_params p = {0};
  return (int)syscall(SYS_io_uring_setup, 1, &p);
}

static int bpf_map(void) {
  union bpf_attr a = {
      .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a);
}

static int perf(void) {
  struct perf_event_attr a = {
      .type = PERF_TYPE_SOFTWARE, .size = sizeof a, .config = PERF_COUNT_SW_TASK_CLOCK};
  return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static int fault_handler(void) { return (int)syscall(SYS_userfaultfd, O_CLOEXEC); }
static int keys(void) {
  return (int)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1);
}

static int shared_memory(void) {
  int id = shmget(IPC_PRIVATE, 4096, 0600);
  if (id >= 0)
    shmctl(id, IPC_RMID, NULL);
  return id;
}

static int change_root(void) { return chroot("/"); }
static int change_personality(void) { return personality(ADDR_NO_RANDOMIZE); }

static int by_handle(void) {
  struct {
    struct file_handle head;
    char room[128];
  } h = {.head = {.handle_bytes = sizeof h.room}};
  int mount_id;
  if (name_to_handle_at(AT_FDCWD, "/", &h.head, &mount_id, 0))
    return -1;
  int at = open("/", O_PATH | O_DIRECTORY);
  return open_by_handle_at(at < 0 ? AT_FDCWD : at, &h.head, O_PATH);
}

/* The calls of other architectures that this processor can run. */
static int other_entry(void) {
#ifdef __x86_64__
  long rc;
  __asm__ volatile("int $0x80" : "=a"(rc) : "a"(20 /* getpid */) : "memory");
  return rc == getpid() ? 0 : (errno = ENOSYS, -1);
#else
  errno = ENOSYS;
  return -1;
#endif
}

static int x32_entry(void) {
#ifdef __x86_64__
  return syscall(0x40000000 | SYS_getpid) < 0 ? -1 : 0;
#else
  errno = ENOSYS;
  return -1;
#endif
}

static int clone3_user(void) {
  struct clone_args a = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  long pid = syscall(SYS_clone3, &a, sizeof a);
  if (pid == 0)
    _exit(0);
  return (int)pid;
}

static int clone_user(void) {
  long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0)
    _exit(0);
  return (int)pid;
}

static int start_program(void) {
  char *const argv[] = {"true", NULL}, *const env[] = {NULL};
  execve("/bin/true", argv, env);
  return -1;
}

static int start_memory(void) {
  int fd = memfd_create("x", 0);
  static const char script[] = "#!/bin/true\n";
  char *const argv[] = {"true", NULL}, *const env[] = {NULL};
  if (fd < 0 || write(fd, script, sizeof script - 1) < 0)
    return -1;
  syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
  return -1;
}

static int type_ahead(void) {
  int rc = (int)syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
  return rc < 0 && (errno == ENOTTY || errno == EIO) ? 0 : rc; /* the kernel looked */
}

static int change_mode(void) {
  int rc = (int)syscall(SYS_fchmodat, AT_FDCWD, "/no/such/file", 0700, 0);
  return rc < 0 && errno == ENOENT ? 0 : rc;
}

static int kill_all(void) { return kill(-1, 0); }
static int kill_group(void) { return kill(0, 0); }

static int kill_group_by_leader(void) {
  enum { PROCESS_GROUP = 4 }; /* PIDFD_SIGNAL_PROCESS_GROUP of Linux 6.9 */
  int fd = (int)syscall(SYS_pidfd_open, getpgrp(), 0);
  return fd < 0 ? -1 : (int)syscall(SYS_pidfd_send_signal, fd, 0, NULL, PROCESS_GROUP);
}

/* Where others run: the mask that they have already. */
static int move_others(void) {
  cpu_set_t all;
  if (sched_getaffinity(supervisor(), sizeof all, &all))
    return -1;
  return sched_setaffinity(supervisor(), sizeof all, &all);
}

/* Who else opens this file waits. The script is one that may be read. */
static int lease_script(void) {
  int fd = open(script_path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -1 : fcntl(fd, F_SETLEASE, F_RDLCK);
}

static int watch_folder(void) {
  int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == EACCES) /* Landlock; the call has not been asked */
    fd = STDIN_FILENO;
  int rc = fcntl(fd, F_NOTIFY, 1 /* DN_ACCESS */);
  return rc < 0 && errno == ENOTDIR ? 0 : rc;
}

/* The group of this process gets the signals of a pipe. */
static int own_by_group(void) {
  int fds[2];
  int group = getpgrp() ? getpgrp() : getpid(); /* that of the shell has no number in a namespace */
  return pipe(fds) ? -1 : fcntl(fds[0], F_SETOWN, -group);
}

static int own_by_group_ex(void) {
  const struct f_owner_ex group = {F_OWNER_PGRP, getpgrp()};
  int fds[2];
  return pipe(fds) ? -1 : fcntl(fds[0], F_SETOWN_EX, &group);
}

static int ignore_children(void) {
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  return sigaction(SIGCHLD, &ignore, NULL);
}

static const struct probe {
  const char *name;
  int (*ask)(void);
} probes[] = {{"tcp", tcp},
              {"bind", bind_tcp},
              {"udp", udp},
              {"unix", unix_socket},
              {"unix pair", unix_pair},
              {"netlink", netlink},
              {"packet", packet},
              {"ptrace", attach},
              {"process_vm_readv", read_memory},
              {"pidfd_getfd", get_descriptor},
              {"unshare", unshare_user},
              {"mount", mount_nothing},
              {"io_uring", io_uring},
              {"bpf", bpf_map},
              {"perf_event", perf},
              {"userfaultfd", fault_handler},
              {"keyctl", keys},
              {"shmget", shared_memory},
              {"chroot", change_root},
              {"personality", change_personality},
              {"open_by_handle_at", by_handle},
              {"i386 entry", other_entry},
              {"x32 entry", x32_entry},
              {"clone3", clone3_user},
              {"clone", clone_user},
              {"execve", start_program},
              {"execveat", start_memory},
              {"TIOCSTI", type_ahead},
              {"chmod", change_mode},
              {"kill(-1)", kill_all},
              {"kill(0)", kill_group},
              {"pidfd of a group", kill_group_by_leader},
              {"affinity of others", move_others},
              {"ignoring SIGCHLD", ignore_children},
              {"lease", lease_script},
              {"dnotify", watch_folder},
              {"signals to a group", own_by_group},
              {"signals to a group, as a struct", own_by_group_ex}};

/* In a child, which may be killed for it. */
static int ask(int (*fn)(void)) {
  int status;
  outside = supervisor();
  pid_t pid = fork();
  if (pid == 0) {
    errno = 0;
    int rc = fn();
    _exit(rc >= 0 ? 0 : errno ? errno : EIO);
  }
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* -- shared memory ----------------------------------------------------------------------------- */

/* The largest mapping without a file that the processes of a run share: the records of all of them. The ring of a queue
 * may be larger, but is a memfd. */
static char *records(size_t *ret_size) {
  char line[256], *start = NULL;
  FILE *maps = fopen("/proc/self/maps", "re");
  unsigned long from, to;
  char shared;
  *ret_size = 0;
  while (maps && fgets(line, sizeof line, maps))
    if (sscanf(line, "%lx-%lx rw%*c%c", &from, &to, &shared) == 3 && shared == 's' &&
        strstr(line, "/dev/zero") && to - from > *ret_size) {
      start = (char *)from;
      *ret_size = to - from;
    }
  if (maps)
    fclose(maps);
  return start;
}

/* name_pid(from, to): where the records name one process, they name another one. Returns how often. */
static int l_name_pid(lua_State *L) {
  int32_t from = (int32_t)luaL_checkinteger(L, 1), to = (int32_t)luaL_checkinteger(L, 2);
  lua_Integer count = 0;
  size_t size;
  char *at = records(&size);
  for (size_t i = 0; at && i + sizeof from <= size; i += sizeof from)
    if (memcmp(at + i, &from, sizeof from) == 0) {
      memcpy(at + i, &to, sizeof to);
      count++;
    }
  lua_pushinteger(L, count);
  return 1;
}

/* scribbles(seed, ms): write over all shared memory for so long, and leave without a word. */
static int l_scribbles(lua_State *L) {
  scribble((uint64_t)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2));
}

/* plant(name): one thing in shared memory is what no reader may believe. */
static int l_plant(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  return scribble_plant(name) ? 0 : luaL_error(L, "nothing is called '%s'", name);
}

/* leave(status): at once, whatever the library would say to that status. */
static int l_leave(lua_State *L) { _exit((int)luaL_checkinteger(L, 1)); }

/* bomb(n): so many children that sleep, which the program knows nothing of. Returns how many there were. */
static int l_bomb(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1), made = 0;
  for (lua_Integer i = 0; i < n; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      sleep(60);
      _exit(0);
    }
    made += pid > 0;
  }
  lua_pushinteger(L, made);
  return 1;
}

/* burn(n): so many children that compute, likewise. */
static int l_burn(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  for (lua_Integer i = 0; i < n; i++)
    if (fork() == 0)
      for (volatile uint64_t x = 0;;)
        x++;
  return 0;
}

/* drown(n): so many messages of no bytes on each socket, with descriptors. The supervisor is to close those. */
static int l_drown(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  union {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
  } space = {.head = {CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&space.head), (int[]){STDIN_FILENO, STDIN_FILENO}, 2 * sizeof(int));
  struct iovec none = {.iov_base = &none};
  const struct msghdr m = {.msg_iov = &none,
                           .msg_iovlen = 1,
                           .msg_control = space.bytes,
                           .msg_controllen = sizeof space.bytes};
  lua_Integer sent = 0;
  for (lua_Integer i = 0; i < n; i++)
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
      sent += sendmsg(fd, &m, MSG_NOSIGNAL) == 0;
  lua_pushinteger(L, sent);
  return 1;
}

/* lose(): a child after the other computes for a moment, and is in no sum if that can be helped. Never returns. */
static int l_lose(lua_State *L) {
  (void)L;
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    pid_t pid = fork();
    if (pid == 0) {
      for (clock_t end = clock() + CLOCKS_PER_SEC / 100; clock() < end;)
        continue;
      _exit(0);
    }
    waitpid(pid, NULL, 0);
  }
}

/* unblock(fd): what else has the same file open waits for nothing any more. */
static int l_unblock(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  lua_pushboolean(L, fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
  return 1;
}

/* flood(n): so many children that ask the supervisor without end for what main does; on each socket that there is. */
static int l_flood(lua_State *L) {
  const struct broker_message m = {.kind = BROKER_STATE, .slot = 0, .serial = 1};
  lua_Integer n = luaL_checkinteger(L, 1);
  for (lua_Integer i = 0; i < n; i++)
    if (fork() == 0)
      for (;;)
        for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
          while (send(fd, &m, sizeof m, MSG_NOSIGNAL) > 0)
            continue;
  return 0;
}

static bool is_stream(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* send(text, forever): on each stream, such as a session has to the prompt. `forever`: without end, and no answer is read. To be
 * called without the filter of system calls. */
static int l_send(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  bool forever = lua_toboolean(L, 2);
  do
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
      if (is_stream(fd))
        send(fd, text, len, MSG_NOSIGNAL);
  while (forever);
  return 0;
}

/* chain(n): a child that has a child, and so on, n times; the last one computes. */
static int l_chain(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  if (fork() != 0)
    return 0;
  while (--n > 0)
    if (fork() != 0) {
      sleep(60);
      _exit(0);
    }
  for (volatile uint64_t x = 0;;)
    x++;
}

static int l_probe(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  script_path = luaL_optstring(L, 2, ""); /* "lease" asks for it */
  for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
    if (strcmp(probes[i].name, name) == 0) {
      int result = ask(probes[i].ask);
      lua_pushstring(L, result < 0 ? "killed" : result == 0 ? "got" : strerrorname_np(result));
      return 1;
    }
  return luaL_error(L, "no probe is called '%s'", name);
}

__attribute__((visibility("default"))) int luaopen_kernel_probe(lua_State *L);
int luaopen_kernel_probe(lua_State *L) {
  lua_pushcfunction(L, l_probe);
  return 1;
}

__attribute__((visibility("default"))) int luaopen_attack(lua_State *L);
int luaopen_attack(lua_State *L) {
  const luaL_Reg list[] = {{"name_pid", l_name_pid},
                           {"scribbles", l_scribbles},
                           {"leave", l_leave},
                           {"plant", l_plant},
                           {"bomb", l_bomb},
                           {"burn", l_burn},
                           {"flood", l_flood},
                           {"send", l_send},
                           {"chain", l_chain},
                           {"lose", l_lose},
                           {"unblock", l_unblock},
                           {"drown", l_drown},
                           {NULL, NULL}};
  luaL_newlib(L, list);
  return 1;
}
