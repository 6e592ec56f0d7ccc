/* tests/unit/test_cgroup.c - quotas of control groups, in folders that look like the system's. */
#include "support/os_world.h"

#include <sys/stat.h>

#include "os/shared/cgroup.h"

static char root[] = "/tmp/sandbox-cgroup-XXXXXX";

/* Write a file below the root, whose folders are made. */
static void write_file(const char *path, const char *text) {
  char full[4096];
  snprintf(full, sizeof full, "%s%s", root, path);
  for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = '\0';
    mkdir(full, 0700);
    *slash = '/';
  }
  FILE *f = fopen(full, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static int begin(void **state) {
  (void)state;
  strcpy(root + strlen(root) - 6, "XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}

static int end(void **state) {
  char command[4200];
  (void)state;
  snprintf(command, sizeof command, "rm -r '%s'", root);
  return system(command);
}

static void nothing_is_no_quota(void **state) {
  (void)state;
  assert_int_equal(cgroup_processors(root), 0);
  write_file("/proc/self/cgroup", "0::/a\n");
  assert_int_equal(cgroup_processors(root), 0);
  write_file("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
  assert_int_equal(cgroup_processors(root), 0);
  write_file("/sys/fs/cgroup/a/cpu.max", "rubbish");
  assert_int_equal(cgroup_processors(root), 0);
  assert_true(cgroup_processors("") >= 0);
}

static void the_smallest_above_counts_and_is_rounded_up(void **state) {
  (void)state;
  write_file("/proc/self/cgroup", "0::/a/b/c\n");
  write_file("/sys/fs/cgroup/a/b/c/cpu.max", "350000 100000\n");
  assert_int_equal(cgroup_processors(root), 4);
  write_file("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  assert_int_equal(cgroup_processors(root), 2);
  write_file("/sys/fs/cgroup/a/b/cpu.max", "1000 100000\n");
  assert_int_equal(cgroup_processors(root), 1);
}

static void a_container_sees_its_own_folder_as_the_mount(void **state) {
  (void)state;
  write_file("/proc/self/cgroup", "0::/../../docker/123\n");
  write_file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  assert_int_equal(cgroup_processors(root), 2);
}

static void version_1_has_two_files(void **state) {
  (void)state;
  write_file("/proc/self/cgroup", "5:memory:/a\n4:cpuset:/a\n3:cpu,cpuacct:/docker/1\n0::/\n");
  write_file("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "-1\n");
  write_file("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n");
  assert_int_equal(cgroup_processors(root), 0);
  write_file("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "250000\n");
  assert_int_equal(cgroup_processors(root), 3);
  write_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  write_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  assert_int_equal(cgroup_processors(root), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(nothing_is_no_quota, begin, end),
      cmocka_unit_test_setup_teardown(the_smallest_above_counts_and_is_rounded_up, begin, end),
      cmocka_unit_test_setup_teardown(a_container_sees_its_own_folder_as_the_mount, begin, end),
      cmocka_unit_test_setup_teardown(version_1_has_two_files, begin, end),
  };
  return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
