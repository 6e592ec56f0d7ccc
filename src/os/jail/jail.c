/* os/jail/jail.c - the layers in their order; see jail.h. */
#include "os/jail/jail.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "os/jail/jail_internal.h"
#include "os/jail/outer.h"

int jail_failed(struct jail_fault *f, const char *layer, const char *what) {
  *f = (struct jail_fault){layer, what, errno};
  return -SBX_ESYSTEM;
}

void jail_look(struct jail_machine *ret) {
  *ret = (struct jail_machine){.landlock_abi = landlock_abi(),
                               .seccomp_built = seccomp_is_built(),
                               .seccomp = seccomp_is_known()};
  pid_t pid = namespaces_fork(&ret->namespaces);
  if (pid == 0)
    _exit(!namespaces_join_net());
  if (pid > 0) {
    int status = 1;
    namespaces_make_net(pid);
    waitpid(pid, &status, 0);
    if (status != 0)
      ret->namespaces &= ~(unsigned)NAMESPACE_NET;
  }
}

/* -- entering ---------------------------------------------------------------------------------- */

static bool holds(const struct policy *p, enum policy_layer layer) {
  return !(p->left_out & layer);
}

/* Landlock and seccomp must be there; whether they are is known before the run begins. */
static int choose(struct policy *p, struct jail_fault *f) {
  p->landlock_abi = landlock_abi();
  errno = ENOSYS;
  if (p->landlock_abi == 0)
    return jail_failed(f, "Landlock", "landlock_create_ruleset");
  if (!seccomp_is_built())
    return jail_failed(f, "seccomp", "the build");
  if (!seccomp_is_known())
    return jail_failed(f, "seccomp", "seccomp");
  p->layers = (LAYER_LANGUAGE | LAYER_LANDLOCK | LAYER_SECCOMP | LAYER_LIMITS) & ~p->left_out;
  return 0;
}

int jail_enter(struct policy *p, int *ret_status, sigset_t *ret_mask, struct jail_fault *f) {
  int rc = choose(p, f);
  jail_preload();
  if (rc)
    return rc;
  descriptors_close();
  descriptors_note();
  outer_block(ret_mask);
  pid_t inner = holds(p, LAYER_NAMESPACES) ? namespaces_fork(&p->namespaces) : -1;
  if (inner > 0) {
    namespaces_make_net(inner);
    *ret_status = outer_wait(inner);
    jail_leave();
    return 1;
  }
  p->layers |= inner == 0 ? LAYER_NAMESPACES : 0;
  environment_wipe(p);
  return privileges_bound(namespaces_await_net(), f);
}

int jail_settle(struct policy *p, struct jail_fault *f) {
  if (namespaces_await_net() && !namespaces_join_net())
    p->namespaces &= ~(unsigned)NAMESPACE_NET;
  return privileges_drop(f);
}

void jail_leave(void) { descriptors_restore(); }

/* -- closing ----------------------------------------------------------------------------------- */

static int limit(struct jail_fault *f, unsigned what, uint64_t most) {
  struct rlimit old, new;
  if (getrlimit(what, &old))
    return jail_failed(f, "limits", "getrlimit");
  rlim_t value = old.rlim_max != RLIM_INFINITY && old.rlim_max < most ? old.rlim_max : (rlim_t)most;
  new = (struct rlimit){value, value};
  return setrlimit(what, &new) ? jail_failed(f, "limits", "setrlimit") : 0;
}

/* The second line: the supervisor holds the limits of the run, these hold each process for itself. */
static int limit_process(const struct policy *p, struct jail_fault *f) {
  const struct policy_limits *l = &p->limits;
  int rc = limit(f, RLIMIT_CORE, 0);
  if (rc == 0 && l->cpu_ns != SBX_FOREVER)
    rc = limit(f, RLIMIT_CPU, (uint64_t)(l->cpu_ns / NS_PER_SECOND) + 2);
  /* A queue's ring is a file to this limit, sparse and up to four times as large as what may be in it, and
   * so is stdout. */
  uint64_t size = l->files_bytes;
  size = l->memory_bytes > size / 4 ? 4 * l->memory_bytes : size;
  size = l->output_bytes > size ? l->output_bytes : size;
  if (rc == 0 && size)
    rc = limit(f, RLIMIT_FSIZE, size);
  return rc;
}

int jail_close(struct policy *p, _Atomic uint32_t *refused, struct jail_fault *f) {
  terminal_only_read();
  int rc = holds(p, LAYER_LIMITS) ? limit_process(p, f) : 0;
  if (rc == 0)
    rc = jail_settle(p, f);
  if (rc == 0 && holds(p, LAYER_LANDLOCK))
    rc = landlock_close(p, f);
  if (rc == 0 && holds(p, LAYER_SECCOMP))
    rc = seccomp_close(p, refused, f);
  return rc;
}

int jail_program(const struct policy *p) {
  return p->layers & LAYER_LANDLOCK ? landlock_nest(p->landlock_abi) : 0;
}
