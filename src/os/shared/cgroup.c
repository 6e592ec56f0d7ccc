/* os/shared/cgroup.c - see cgroup.h. */
#include "os/shared/cgroup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read two numbers, from one file or from two; "max", or -1, as the first is no quota. */
static bool read_numbers(const char *folder, const char *file, int64_t *ret, int count) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
    return false;
  FILE *f = fopen(path, "re");
  if (!f)
    return false;
  int got = fscanf(f, "%" SCNd64 " %" SCNd64, &ret[0], count > 1 ? &ret[1] : &ret[0]);
  fclose(f);
  return got >= count;
}

/* The whole processors that one folder grants; 0: no limit. */
static int granted_by(const char *folder) {
  int64_t n[2];
  bool is = read_numbers(folder, "cpu.max", n, 2) ||
            (read_numbers(folder, "cpu.cfs_quota_us", &n[0], 1) &&
             read_numbers(folder, "cpu.cfs_period_us", &n[1], 1));
  if (!is || n[0] <= 0 || n[1] <= 0)
    return 0;
  int64_t whole = n[0] / n[1] + (n[0] % n[1] != 0);
  return whole < INT_MAX ? (int)whole : 0;
}

static int least(int a, int b) { return a == 0 || (b && b < a) ? b : a; }

/* The folder of a group and those above it, up to the mount. In a container the mount may be the
 * group's own folder, and what is told of the path lies outside: then only the last is there. */
static int granted_above(const char *root, const char *mount, const char *group) {
  char folder[PATH_MAX];
  int n = snprintf(folder, sizeof folder, "%s%s%s", root, mount, group);
  size_t stem = strlen(root) + strlen(mount);
  int granted = 0;
  if (n < 0 || n >= (int)sizeof folder)
    return 0;
  for (;;) {
    granted = least(granted, granted_by(folder));
    char *slash = strrchr(folder, '/');
    if (strlen(folder) <= stem || !slash)
      return granted;
    *slash = '\0';
    if (strlen(folder) < stem)
      return granted;
  }
}

/* Is "cpu" one of the controllers in a list like "cpu,cpuacct"? */
static bool has_cpu(const char *list, const char *end) {
  while (list < end) {
    const char *comma = memchr(list, ',', (size_t)(end - list));
    const char *stop = comma ? comma : end;
    if (stop - list == 3 && memcmp(list, "cpu", 3) == 0)
      return true;
    list = stop + 1;
  }
  return false;
}

/* One line of /proc/self/cgroup: "0::/group" of version 2, "3:cpu,cpuacct:/group" of version 1. */
static int granted_by_line(const char *root, char *line) {
  line[strcspn(line, "\n")] = '\0';
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group)
    return 0;
  bool second = strncmp(line, "0::", 3) == 0;
  if (second)
    return least(granted_above(root, "/sys/fs/cgroup", group + 1),
                 granted_above(root, "/sys/fs/cgroup/unified", group + 1));
  if (!has_cpu(controllers + 1, group))
    return 0;
  return least(granted_above(root, "/sys/fs/cgroup/cpu", group + 1),
               granted_above(root, "/sys/fs/cgroup/cpu,cpuacct", group + 1));
}

int cgroup_processors(const char *root) {
  char path[PATH_MAX], *line = NULL;
  size_t size = 0;
  int granted = 0;
  snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
  FILE *f = fopen(path, "re");
  while (f && getline(&line, &size, f) > 0)
    granted = least(granted, granted_by_line(root, line));
  free(line);
  if (f)
    fclose(f);
  return granted;
}
