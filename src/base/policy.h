/*
 * base/policy.h - what a run may do: strict mode, and the limits of a run.
 *
 * The host fills one policy from the command line, before anything runs; it does not change after the
 * layers were put on. Two parts obey it, each by itself: the language layer (src/lua), which leaves what
 * is not allowed out of the state, and the kernel layer (src/os/jail), which has the kernel refuse it.
 * They read the same struct, so they cannot disagree about what is allowed.
 *
 * A process of a run that is not strict may do all that its user may; limits hold there, too.
 */
#ifndef SBX_BASE_POLICY_H
#define SBX_BASE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The exit statuses of a run that was ended by a limit: of time, or another one. */
enum { POLICY_STATUS_TIME = 124, POLICY_STATUS_LIMIT = 125 };

enum policy_strict {
  STRICT_OFF,
  STRICT_ON,    /* by the language and by the kernel */
  STRICT_LUA,   /* by the language alone */
  STRICT_REPORT /* nothing runs: which layers does this machine have? */
};

/* What holds, or'ed. The host sets these when they are on; see struct policy. */
enum policy_layer {
  LAYER_LANGUAGE = 1,
  LAYER_LANDLOCK = 2,
  LAYER_SECCOMP = 4,
  LAYER_NAMESPACES = 8,
  LAYER_LIMITS = 16
};

/* A file or folder: itself, and all that is below it. */
struct policy_path {
  char *written;  /* owned; as the user wrote it */
  char *resolved; /* owned; absolute, without symbolic links (realpath(3)); it existed */
};

struct policy_paths {
  struct policy_path *list; /* owned */
  size_t count;
};

/* Names of environment variables. */
struct policy_names {
  char **list; /* owned, and so is each */
  size_t count;
};

/* The limits of the whole run, all its processes together. */
struct policy_limits {
  uint64_t memory_bytes; /* 0: none */
  int64_t cpu_ns;        /* SBX_FOREVER: none */
  int64_t time_ns;       /* machine time since the start of the run; SBX_FOREVER: none */
  uint32_t procs;        /* alive at once, main included */
  uint64_t output_bytes; /* written to stdout and stderr; 0: none */
  uint64_t files_bytes;  /* written to files; 0: none */
};

/* Namespaces of the run's own, or'ed. */
enum policy_namespace {
  NAMESPACE_USER = 1,
  NAMESPACE_PID = 2,
  NAMESPACE_NET = 4,
  NAMESPACE_IPC = 8,
  NAMESPACE_MOUNT = 16
};

struct policy {
  enum policy_strict strict;
  struct policy_paths read, write; /* what may be written may be read, too */
  struct policy_paths require; /* the script and its folder: modules are found there, nothing else is
                                      read */
  struct policy_names env;
  bool run; /* programs */
  unsigned left_out; /* enum policy_layer: not put on, by a build for tests (host/options_strict.c) */
  struct policy_limits limits;

  /* Facts, once the layers are on. */
  unsigned layers;       /* enum policy_layer */
  int landlock_abi;      /* of LAYER_LANDLOCK */
  unsigned namespaces;   /* of LAYER_NAMESPACES: enum policy_namespace */
  const char *memory_by; /* what counts memory: "sandbox", "cgroup"; static; NULL: nothing */
};

/* Limits that nobody set: none, but for `procs`. */
void policy_init(struct policy *p);
void policy_release(struct policy *p);

/* Is the run strict, whatever holds it? NULL: it is not. */
static inline bool policy_is_strict(const struct policy *p) {
  return p && (p->strict == STRICT_ON || p->strict == STRICT_LUA);
}

/* Does the language hold it (src/lua/strict)? */
static inline bool policy_by_language(const struct policy *p) {
  return policy_is_strict(p) && !(p->left_out & LAYER_LANGUAGE);
}

/*
 * Append what a user wrote: paths, or names, with commas between them.
 *   ret_bad  on failure: the part that is wrong, to be freed; NULL: a part is empty, or memory is exhausted
 * Returns 0, -SBX_EINVAL (a part is empty, or no name of a variable), -SBX_EGONE (there is nothing of
 * that name), -SBX_ESYSTEM (it cannot be looked at: errno), -SBX_ENOMEM.
 */
int policy_add_paths(struct policy_paths *to, const char *text, char **ret_bad);
int policy_add_names(struct policy_names *to, const char *text, char **ret_bad);

/* Append one path as it is, commas included. As policy_add_paths. */
int policy_add_path(struct policy_paths *to, const char *path);

/*
 * May this file or folder be read, written, or read as a module? The path is as a script writes it:
 * symbolic links are followed, and of one that does not exist the folder decides. A path that cannot be
 * resolved may not. Always true when the run is not strict.
 */
bool policy_may_read(const struct policy *p, const char *path);
bool policy_may_write(const struct policy *p, const char *path);
bool policy_may_require(const struct policy *p, const char *path);

/* May the script know this variable? Always true when the run is not strict. */
bool policy_may_know(const struct policy *p, const char *name);

#endif
