/*
 * vendor/seccomp_table.c - writes the filters of system calls that strict mode puts on; run by the build.
 *
 *   seccomp_table >seccomp_table_data.c
 *
 * libseccomp compiles the lists below into BPF, for each architecture, so that the program needs no library
 * and spends no time on it. To find what a new feature needs, run its spec under `strace -f -c`.
 *
 *   allowed      what the library's processes do, also with other C libraries than the one it was traced with
 *   programs     with --allow-run, what programs need besides
 *   dangerous    what a run has no use for and an attacker has: EPERM, and counted (os/jail/seccomp.c)
 *   all others   ENOSYS: a C library that tries a newer call falls back to an older one
 *   another architecture than the program's (32 bits, x32): the process is killed
 *
 * What only some arguments may be asked for is a rule of its own: with other arguments it is one of all
 * others.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const allowed[] = {
    /* memory */
    "brk", "munmap", "mremap", "madvise", "membarrier",
    /* files and pipes: which files, Landlock decides */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
    "close", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2", "tee", "open", "openat",
    "openat2", "stat", "fstat", "lstat", "newfstatat", "fstatat64", "statx", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "chdir", "fchdir", "getdents64", "getcwd", "ftruncate",
    "fallocate", "fadvise64", "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2",
    "umask", "memfd_create", "eventfd", "eventfd2", "poll", "ppoll", "select", "pselect6",
    /* to the supervisor, on sockets that are there */
    "sendmsg", "recvmsg", "recvfrom",
    /* time */
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "times", "getrusage", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun",
    "timer_delete", "setitimer", "getitimer", "alarm",
    /* signals */
    "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
    "sigaltstack", "tgkill", "pidfd_open", "restart_syscall", "pause",
    /* processes */
    "fork", "wait4", "waitid", "exit", "exit_group", "getpid", "gettid", "getppid", "getpgrp",
    "getpgid", "getsid", "getuid", "geteuid", "getgid", "getegid", "set_robust_list",
    "get_robust_list", "set_tid_address", "rseq", "futex", "sched_yield", "sched_getaffinity",
    "getrlimit", "sysinfo", "uname", "getrandom", "getcpu"};

static const char *const programs[] = {
    "execve", "vfork", "rt_sigaction", "mmap", "mprotect", "arch_prctl", "getdents", "statfs",
    "fstatfs", "setpgid", "setsid", "mkdir", "mkdirat", "copy_file_range", "sendfile", "splice",
    "fsync", "fdatasync", "truncate", "getpriority", "getgroups", "getresuid", "getresgid",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "timerfd_create",
    "timerfd_settime", "timerfd_gettime", "sched_getparam", "sched_getscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getattr", "capget", "mincore",
    "get_mempolicy", "tkill", "readahead",
    /* a domain for each program: os/jail/landlock.c */
    "landlock_create_ruleset", "landlock_restrict_self"};

static const char *const dangerous[] = {
    /* the network, and other processes' */
    "socket", "connect", "bind", "listen", "accept", "accept4", "ptrace", "process_vm_readv",
    "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "shmget", "shmat", "shmctl", "shmdt", "msgget", "msgsnd", "msgrcv",
    "msgctl", "semget", "semop", "semctl", "semtimedop", "mq_open", "mq_unlink",
    /* namespaces and mounts */
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree",
    "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr", "quotactl", "swapon", "swapoff",
    /* much code of the kernel */
    "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open",
    "userfaultfd", "add_key", "request_key", "keyctl", "personality", "open_by_handle_at",
    "name_to_handle_at", "fanotify_init", "inotify_init", "inotify_init1", "memfd_secret",
    "modify_ldt", "seccomp", "vmsplice", "io_setup", "io_submit",
    /* what Landlock does not hold */
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime",
    "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr",
    "lremovexattr", "fremovexattr", "mknod", "mknodat", "symlink", "symlinkat", "link", "linkat",
    "execveat",
    /* the machine */
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "acct", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "syslog", "vhangup",
    "iopl", "ioperm", "sethostname", "setdomainname", "setuid", "setgid", "setreuid", "setregid",
    "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset"};

static const char *const dangerous_without_programs[] = {"execve", "vfork", "setsid", "setpgid"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void check(int rc, const char *name) {
  if (rc == 0 || rc == -EDOM || rc == -EEXIST) /* EDOM: this architecture has no such call */
    return;
  fprintf(stderr, "seccomp_table: %s: %d\n", name, rc);
  exit(1);
}

/* A rule; a call that this libseccomp does not know is one of all others. */
static void add(scmp_filter_ctx c, uint32_t action, const char *name, unsigned count,
                const struct scmp_arg_cmp *args) {
  int number = seccomp_syscall_resolve_name(name);
  if (number != __NR_SCMP_ERROR)
    check(seccomp_rule_add_array(c, action, number, count, args), name);
}

static void add_all(scmp_filter_ctx c, uint32_t action, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    add(c, action, names[i], 0, NULL);
}

static void allow_if(scmp_filter_ctx c, const char *name, struct scmp_arg_cmp arg) {
  add(c, SCMP_ACT_ALLOW, name, 1, &arg);
}

/* None of these bits. */
static struct scmp_arg_cmp no_bits(unsigned arg, uint64_t bits) {
  return (struct scmp_arg_cmp){arg, SCMP_CMP_MASKED_EQ, bits, 0};
}

static struct scmp_arg_cmp equal(unsigned arg, uint64_t value) {
  return (struct scmp_arg_cmp){arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, value};
}

/* The time of a child that ends while its parent ignores SIGCHLD is in no sum that the kernel keeps, so a limit of CPU time would
 * not hold (os/supervisor/limits.c). Main has its handler by now, and no process of a run needs another one. A filter cannot ask
 * whether an argument differs in its lower half, but whether a bit of it does. */
static void add_sigaction(scmp_filter_ctx c, uint32_t refuse) {
  const struct scmp_arg_cmp change[] = {equal(0, SIGCHLD), {1, SCMP_CMP_NE, 0, 0}};
  for (uint64_t bit = 1; bit <= 64; bit *= 2) /* 64 signals */
    allow_if(c, "rt_sigaction",
             (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, bit, SIGCHLD & bit ? 0 : bit});
  add(c, refuse, "rt_sigaction", COUNT(change), change);
}

/* What a descriptor may be asked and told. A lease would hold up whoever else opens the file, for 45 s, again and again: any
 * file that may be read and is the user's. Signals of a descriptor go to processes of the run (os/process/lifeline.c), and to no
 * group. */
static void add_fcntl(scmp_filter_ctx c, uint32_t refuse, int with_programs) {
  enum { SET_OWN_EX = 15, OWN_LOCKS = 36 };
  const struct {
    unsigned first, more;
  } commands[] = {{F_DUPFD, 7},                            /* to F_SETLKW */
                  {F_SETSIG, 0},     {F_DUPFD_CLOEXEC, 1}, /* and F_SETPIPE_SZ */
                  {F_GETPIPE_SZ, 3},                       /* and what seals */
                  {OWN_LOCKS, 3},                          /* from here on programs alone */
                  {F_GETOWN, 0}};
  const unsigned refused[] = {F_SETLEASE, F_NOTIFY, SET_OWN_EX};
  const uint32_t sign = UINT32_C(0x80000000);
  const struct scmp_arg_cmp own = equal(1, F_SETOWN);
  for (size_t i = 0; i < COUNT(commands) - (with_programs ? 0 : 2); i++)
    allow_if(c, "fcntl",
             (struct scmp_arg_cmp){1, SCMP_CMP_MASKED_EQ, UINT32_MAX - commands[i].more,
                                   commands[i].first});
  for (size_t i = 0; i < COUNT(refused); i++) {
    const struct scmp_arg_cmp command = equal(1, refused[i]);
    add(c, refuse, "fcntl", 1, &command);
  }
  add(c, SCMP_ACT_ALLOW, "fcntl", 2, (const struct scmp_arg_cmp[]){own, no_bits(2, sign)});
  add(c, refuse, "fcntl", 2,
      (const struct scmp_arg_cmp[]){own, {2, SCMP_CMP_MASKED_EQ, sign, sign}});
}

/* Calls of which only some arguments are harmless. */
static void add_by_argument(scmp_filter_ctx c, uint32_t refuse, int with_programs) {
  enum {
    NAMESPACES = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS |
                 CLONE_NEWUTS | CLONE_NEWCGROUP | 0x80 /* CLONE_NEWTIME */,
    SHARED = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK |
             CLONE_PARENT | CLONE_PTRACE
  };
  const unsigned names[] = {1, 15, 16, 0x53564d41}; /* PDEATHSIG, SET_NAME, GET_NAME, SET_VMA */
  /* TCGETS, TCGETS2 of newer C libraries, TIOCGWINSZ, FIONREAD */
  const unsigned questions[] = {0x5401, 0x802c542a, 0x5413, 0x541b};
  /* TIOCGPGRP, FIOCLEX, FIONCLEX, FIONBIO */
  const unsigned more[] = {0x540f, 0x5451, 0x5450, 0x5421};
  const struct scmp_arg_cmp pair[] = {equal(0, AF_UNIX),
                                      {1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_SEQPACKET}};
  allow_if(c, "clone", no_bits(0, with_programs ? NAMESPACES : NAMESPACES | SHARED));
  if (!with_programs) {
    allow_if(c, "mmap", no_bits(2, PROT_EXEC));
    allow_if(c, "mprotect", no_bits(2, PROT_EXEC));
    add_sigaction(c, refuse);
  }
  add_fcntl(c, refuse, with_programs);
  /* Of the calling process: where others run, the supervisor among them, is none of its business. */
  const struct scmp_arg_cmp self = equal(0, 0);
  allow_if(c, "sched_setaffinity", self);
  for (size_t i = 0; i < COUNT(names); i++)
    allow_if(c, "prctl", equal(0, names[i]));
  for (size_t i = 0; i < COUNT(questions); i++)
    allow_if(c, "ioctl", equal(1, questions[i]));
  for (size_t i = 0; i < COUNT(more) && with_programs; i++)
    allow_if(c, "ioctl", equal(1, more[i]));
  allow_if(c, "prlimit64", (struct scmp_arg_cmp){2, SCMP_CMP_EQ, 0, 0}); /* only asked */
  /* One process, whose number is positive. Groups are none of a run's business, its own neither: that is the shell's,
   * which may have more in it. */
  const struct scmp_arg_cmp group = equal(0, 0);
  add(c, refuse, "kill", 1, &group);
  allow_if(c, "kill", no_bits(0, UINT32_C(0x80000000)));
  allow_if(c, "pidfd_send_signal", equal(3, 0)); /* flags: the group, say */
  /* A pair that is connected for good, and no address: other sockets are out of reach. */
  add(c, SCMP_ACT_ALLOW, "socketpair", 2, pair);
  allow_if(c, "sendto", (struct scmp_arg_cmp){4, SCMP_CMP_EQ, 0, 0});
}

static scmp_filter_ctx compile(uint32_t arch, int with_programs) {
  scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  uint32_t refuse = with_programs ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_TRAP;
  if (!c)
    exit(1);
  if (arch != seccomp_arch_native()) {
    check(seccomp_arch_add(c, arch), "arch_add");
    check(seccomp_arch_remove(c, seccomp_arch_native()), "arch_remove");
  }
  check(seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "badarch");
  check(seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
  add_all(c, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
  if (with_programs)
    add_all(c, SCMP_ACT_ALLOW, programs, COUNT(programs));
  else
    add_all(c, refuse, dangerous_without_programs, COUNT(dangerous_without_programs));
  add_by_argument(c, refuse, with_programs);
  add_all(c, refuse, dangerous, COUNT(dangerous));
  return c;
}

/* The instructions, as libseccomp writes them: 8 bytes each, as in struct sock_filter. */
static void print_table(const char *name, uint32_t arch, int with_programs) {
  struct {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
  } one;
  FILE *f = tmpfile();
  scmp_filter_ctx c = compile(arch, with_programs);
  if (!f)
    exit(1);
  check(seccomp_export_bpf(c, fileno(f)), "export");
  seccomp_release(c);
  rewind(f);
  lseek(fileno(f), 0, SEEK_SET);
  printf("static const struct sock_filter %s[] = {\n", name);
  while (fread(&one, sizeof one, 1, f) == 1)
    printf("    {0x%02x, %u, %u, 0x%08x},\n", one.code, one.jt, one.jf, (unsigned)one.k);
  printf("};\n");
  fclose(f);
}

int main(void) {
  printf("/* Written by vendor/seccomp_table.c. */\n#include \"os/jail/seccomp_table.h\"\n\n");
  printf("#if defined(__x86_64__) && defined(__LP64__)\n");
  print_table("script", SCMP_ARCH_X86_64, 0);
  print_table("programs", SCMP_ARCH_X86_64, 1);
  printf("#elif defined(__aarch64__)\n");
  print_table("script", SCMP_ARCH_AARCH64, 0);
  print_table("programs", SCMP_ARCH_AARCH64, 1);
  printf("#endif\n\n");
  printf("#if (defined(__x86_64__) && defined(__LP64__)) || defined(__aarch64__)\n"
         "const struct seccomp_table seccomp_script = {script, sizeof script / sizeof *script};\n"
         "const struct seccomp_table seccomp_programs = {programs, sizeof programs / sizeof "
         "*programs};\n"
         "#else\n"
         "const struct seccomp_table seccomp_script, seccomp_programs;\n"
         "#endif\n");
  return 0;
}
