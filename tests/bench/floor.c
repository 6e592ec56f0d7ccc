/*
 * tests/bench/floor.c - the floor: what plain C pays for the same system calls.
 *   floor fork N     microseconds for one fork + waitpid of a child that leaves at once
 *   floor pipe N     millions of 512-byte records a second through a pipe, one writer and one reader
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double fork_us(int n) {
  double start = now();
  for (int i = 0; i < n; i++) {
    pid_t pid = fork();
    if (pid == 0)
      _exit(0);
    waitpid(pid, NULL, 0);
  }
  return (now() - start) / n * 1e6;
}

static double pipe_millions(int n) {
  char record[512] = {0};
  int ends[2];
  if (pipe(ends))
    exit(1);
  double start = now();
  if (fork() == 0) {
    for (int i = 0; i < n; i++)
      if (write(ends[1], record, sizeof record) != sizeof record)
        _exit(1);
    _exit(0);
  }
  for (int i = 0; i < n; i++)
    if (read(ends[0], record, sizeof record) != sizeof record)
      exit(1);
  double seconds = now() - start;
  wait(NULL);
  return n / seconds / 1e6;
}

int main(int argc, char **argv) {
  int n = argc > 2 ? atoi(argv[2]) : 1000;
  if (argc > 1 && strcmp(argv[1], "pipe") == 0)
    printf("%.3f\n", pipe_millions(n));
  else
    printf("%.1f\n", fork_us(n));
  return 0;
}
