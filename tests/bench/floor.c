/*
 * tests/bench/floor.c - the floor: what plain C pays for the same system calls and copies.
 *
 *   floor spawn N             microseconds for one fork + waitpid of a child that leaves at once
 *   floor pipe N              millions of 512-byte records a second through a pipe, one writer, one reader
 *   floor copy N [BYTES]      GB/s of blocks (1 MiB) copied into shared memory by one process, and out
 *                             of it by another
 *   floor alive N             microseconds for each of N processes that are alive at once, until all
 *                             are reaped
 *   floor start N COMMAND...  milliseconds for one start of a program, until it has ended
 *
 * Prints one number; exit status 1 when anything fails.
 */
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { BLOCKS = 8, RECORD = 512 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int ok, const char *what) {
  if (ok)
    return;
  perror(what);
  exit(1);
}

static pid_t checked_fork(void) {
  pid_t pid = fork();
  check(pid >= 0, "fork");
  return pid;
}

static double spawn_us(int n) {
  double start = now();
  for (int i = 0; i < n; i++) {
    pid_t pid = checked_fork();
    if (pid == 0)
      _exit(0);
    check(waitpid(pid, NULL, 0) == pid, "waitpid");
  }
  return (now() - start) / n * 1e6;
}

static double pipe_millions(int n) {
  char record[RECORD] = {0};
  int ends[2];
  check(pipe(ends) == 0, "pipe");
  double start = now();
  if (checked_fork() == 0) {
    for (int i = 0; i < n; i++)
      check(write(ends[1], record, sizeof record) == sizeof record, "write");
    _exit(0);
  }
  for (int i = 0; i < n; i++)
    check(read(ends[0], record, sizeof record) == sizeof record, "read");
  double seconds = now() - start;
  wait(NULL);
  return n / seconds / 1e6;
}

/* A ring of blocks, which lie behind it; each counter has one writer. */
struct ring {
  _Alignas(128) _Atomic long put;
  _Alignas(128) _Atomic long got;
  _Alignas(4096) char blocks[];
};

static void copy_in(struct ring *r, const char *from, size_t bytes, int n) {
  for (long i = 0; i < n; i++) {
    while (i - atomic_load_explicit(&r->got, memory_order_acquire) == BLOCKS)
      sched_yield();
    memcpy(r->blocks + (size_t)(i % BLOCKS) * bytes, from, bytes);
    atomic_store_explicit(&r->put, i + 1, memory_order_release);
  }
}

static void copy_out(struct ring *r, char *to, size_t bytes, int n) {
  for (long i = 0; i < n; i++) {
    while (atomic_load_explicit(&r->put, memory_order_acquire) == i)
      sched_yield();
    memcpy(to, r->blocks + (size_t)(i % BLOCKS) * bytes, bytes);
    atomic_store_explicit(&r->got, i + 1, memory_order_release);
  }
}

static double copy_gigabytes(int n, size_t bytes) {
  struct ring *r = mmap(NULL, sizeof *r + BLOCKS * bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *own = malloc(bytes);
  check(r != MAP_FAILED && own, "memory");
  memset(r->blocks, 1, BLOCKS * bytes); /* the pages are there before the clock runs */
  memset(own, 1, bytes);
  double start = now();
  if (checked_fork() == 0) {
    copy_in(r, own, bytes, n);
    _exit(0);
  }
  copy_out(r, own, bytes, n);
  double seconds = now() - start;
  wait(NULL);
  return (double)n * (double)bytes / seconds / 1e9;
}

static double alive_us(int n) {
  int gate[2], here[2];
  char byte;
  check(pipe(gate) == 0 && pipe(here) == 0, "pipe");
  double start = now();
  for (int i = 0; i < n; i++) {
    if (checked_fork() > 0)
      continue;
    close(gate[1]);
    check(write(here[1], "", 1) == 1, "write");
    _exit(read(gate[0], &byte, 1) != 0);
  }
  for (int i = 0; i < n; i++)
    check(read(here[0], &byte, 1) == 1, "read");
  close(gate[1]);
  while (wait(NULL) > 0)
    continue;
  return (now() - start) / n * 1e6;
}

static double start_ms(int n, char **command) {
  double start = now();
  for (int i = 0; i < n; i++) {
    pid_t pid;
    int status;
    check(posix_spawnp(&pid, command[0], NULL, NULL, command, environ) == 0, command[0]);
    check(waitpid(pid, &status, 0) == pid && status == 0, command[0]);
  }
  return (now() - start) / n * 1e3;
}

int main(int argc, char **argv) {
  const char *what = argc > 2 ? argv[1] : "";
  int n = argc > 2 ? atoi(argv[2]) : 0;
  double figure;
  if (n < 1)
    figure = -1;
  else if (strcmp(what, "spawn") == 0)
    figure = spawn_us(n);
  else if (strcmp(what, "pipe") == 0)
    figure = pipe_millions(n);
  else if (strcmp(what, "copy") == 0)
    figure = copy_gigabytes(n, argc > 3 ? strtoul(argv[3], NULL, 10) : 1 << 20);
  else if (strcmp(what, "alive") == 0)
    figure = alive_us(n);
  else if (strcmp(what, "start") == 0 && argc > 3)
    figure = start_ms(n, argv + 3);
  else
    figure = -1;
  if (figure < 0) {
    fprintf(stderr, "usage: floor spawn|pipe|alive N, floor copy N [BYTES], floor start N COMMAND...\n");
    return 1;
  }
  printf("%.6g\n", figure);
  return 0;
}
