/* host/strict.c - see strict.h. */
#include "host/strict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "host/output.h"
#include "os/jail/jail.h"
#include "os/shared/control.h"

/* -- words ------------------------------------------------------------------------------------- */

enum { NAMESPACES_MAX = 40 };

/* "user+pid+net+ipc+mount" */
static void describe_namespaces(unsigned kinds, char *ret, size_t size) {
  static const char *const names[] = {"user", "pid", "net", "ipc", "mount"}; /* by bit */
  char *end = text_copy(ret, size, "");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (kinds & (1u << i)) {
      end = end > ret ? text_copy(end, size - (size_t)(end - ret), "+") : end;
      end = text_copy(end, size - (size_t)(end - ret), names[i]);
    }
}

void strict_describe(const struct policy *p, char *ret, size_t size) {
  char kinds[NAMESPACES_MAX];
  if (p->strict != STRICT_ON) {
    snprintf(ret, size, "language");
    return;
  }
  describe_namespaces(p->namespaces, kinds, sizeof kinds);
  snprintf(ret, size, "language, Landlock %d, seccomp%s%s", p->landlock_abi,
           p->namespaces ? ", namespaces " : ", no namespaces", kinds);
}

/* -- the report -------------------------------------------------------------------------------- */

int strict_report(void) {
  struct jail_machine m;
  char kinds[NAMESPACES_MAX];
  jail_look(&m);
  describe_namespaces(m.namespaces, kinds, sizeof kinds);
  bool whole = m.landlock_abi > 0 && m.seccomp_built && m.seccomp;
  puts("language    yes");
  if (m.landlock_abi > 0)
    printf("Landlock    version %d: files%s%s\n", m.landlock_abi,
           m.landlock_abi >= 4 ? ", TCP" : "", m.landlock_abi >= 6 ? ", signals to others" : "");
  else
    puts("Landlock    no: it needs Linux 5.13 or later, and to be switched on (lsm=landlock,...)");
  puts(!m.seccomp_built ? "seccomp     no: the program was built without libseccomp"
       : !m.seccomp     ? "seccomp     no: the kernel has no filters of system calls"
                        : "seccomp     yes");
  printf("namespaces  %s\n", m.namespaces ? kinds : "no: this user may not make any");
  puts(whole ? "--strict runs on this machine"
             : "--strict does not run on this machine; --strict=lua does, by the language alone");
  return output_finish(whole ? 0 : EXIT_USAGE);
}

/* -- entering ---------------------------------------------------------------------------------- */

/* The machine, or the build, has no such layer; or it failed. */
static int tell_fault(const struct jail_fault *f) {
  bool built = strcmp(f->what, "the build") != 0;
  if (!built)
    fputs("sandbox: --strict needs seccomp, which was not built into this program: build it where "
          "libseccomp is installed\n",
          stderr);
  else if (strcmp(f->layer, "Landlock") == 0 && (f->errnum == ENOSYS || f->errnum == EOPNOTSUPP))
    fputs("sandbox: --strict needs Landlock (Linux 5.13); this machine has none\n", stderr);
  else
    fprintf(stderr, "sandbox: --strict cannot be held: %s of %s failed: %s\n", f->what, f->layer,
            strerror(f->errnum));
  fputs("         --strict=lua holds by the language alone: not for people you do not trust\n",
        stderr);
  return EXIT_USAGE;
}

enum strict_entry strict_enter(struct options *o, int *ret_status, sigset_t *ret_mask) {
  struct jail_fault fault;
  struct policy *p = &o->policy;
  if (p->strict == STRICT_LUA)
    p->layers = LAYER_LANGUAGE;
  if (p->strict != STRICT_ON)
    return STRICT_GO;
  int rc = jail_enter(p, ret_status, ret_mask, &fault);
  if (rc == 0)
    return STRICT_INSIDE;
  if (rc < 0)
    *ret_status = tell_fault(&fault);
  return STRICT_DONE;
}

int strict_close(const struct policy *p, struct control *c) {
  struct jail_fault fault;
  if (p->strict != STRICT_ON || jail_close(p, &c->refused, &fault) == 0)
    return 0;
  return tell_fault(&fault);
}
