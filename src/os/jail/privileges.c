/* os/jail/privileges.c - what a process of the run has of its own accord: capabilities, descriptors, the
 * environment; see jail_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/jail/jail_internal.h"

extern char **environ;

/* -- the environment --------------------------------------------------------------------------- */

/* The program's own; LC_ stands for all that begin so. */
static const char *const own_names[] = {"TERM",    "COLORTERM", "NO_COLOR", "FORCE_COLOR",
                                        "COLUMNS", "LINES",     "TZ",       "LANG"};

static bool is_kept(const struct policy *p, const char *name) {
  for (size_t i = 0; i < sizeof own_names / sizeof *own_names; i++)
    if (strcmp(own_names[i], name) == 0)
      return true;
  return strncmp(name, "LC_", 3) == 0 || policy_may_know(p, name);
}

/* The strings that execve(2) left on the stack are overwritten: /proc/PID/environ shows them. */
void environment_wipe(const struct policy *p) {
  size_t count = 0, kept = 0;
  while (environ && environ[count])
    count++;
  char **list = calloc(count + 1, sizeof *list);
  for (size_t i = 0; i < count; i++) {
    char *text = environ[i], *equals = strchr(text, '=');
    if (list && equals) {
      *equals = '\0';
      bool keep = is_kept(p, text);
      *equals = '=';
      char *copy = keep ? strdup(text) : NULL;
      if (copy)
        list[kept++] = copy;
    }
    memset(text, 0, strlen(text));
  }
  environ = list; /* lives as long as the program; NULL is an empty environment */
}

/* -- descriptors ------------------------------------------------------------------------------- */

void descriptors_close(void) {
  enum { FIRST = STDERR_FILENO + 1, LAST_WITHOUT = 65536 };
#ifdef SYS_close_range
  if (syscall(SYS_close_range, FIRST, ~0U, 0) == 0)
    return;
#endif
  for (int fd = FIRST; fd < LAST_WITHOUT; fd++)
    close(fd);
}

static int flags_before[STDERR_FILENO + 1];

void descriptors_note(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    flags_before[fd] = fcntl(fd, F_GETFL);
}

void descriptors_restore(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (flags_before[fd] >= 0 && fcntl(fd, F_GETFL) != flags_before[fd])
      fcntl(fd, F_SETFL, flags_before[fd]);
}

void terminal_only_read(void) {
  int fd = isatty(STDIN_FILENO) ? open("/proc/self/fd/0", O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  dup2(fd, STDIN_FILENO);
  close(fd);
}

/* -- capabilities ------------------------------------------------------------------------------ */

static int keep_only(uint32_t low, struct jail_fault *f) {
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {
      {.effective = low, .permitted = low}};
  return syscall(SYS_capset, &head, kept) ? jail_failed(f, "privileges", "capset") : 0;
}

int privileges_bound(bool keep_admin, struct jail_fault *f) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    return jail_failed(f, "privileges", "prctl(PR_SET_NO_NEW_PRIVS)");
  /* It fails behind the last one; or at once, without CAP_SETPCAP: then no set can grow either. */
  for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
    continue;
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return keep_only(keep_admin ? CAP_TO_MASK(CAP_SYS_ADMIN) : 0, f);
}

int privileges_drop(struct jail_fault *f) { return keep_only(0, f); }
