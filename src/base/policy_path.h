/*
 * base/policy_path.h - files, as the policy of a strict run lets (base/policy.h).
 *
 * A path is resolved first: what it leads to has an absolute path without symbolic links, and that one is
 * looked up in the policy. It is then opened with RESOLVE_NO_SYMLINKS (openat2(2)): if somebody has put a
 * symbolic link in the way meanwhile, the call fails, and nothing else than what was looked up is opened.
 *
 * The kernel layer refuses the same files, whatever this one says.
 */
#ifndef SBX_BASE_POLICY_PATH_H
#define SBX_BASE_POLICY_PATH_H

#include <stdbool.h>
#include <stdio.h>

#include "base/policy.h"

enum policy_use {
  POLICY_READ,
  POLICY_WRITE,
  POLICY_REQUIRE /* as a module: in the script's folder its name must end in .lua */
};

/*
 * Where a path leads, if the policy lets it be used so: an absolute path without symbolic links, to be
 * freed. What does not exist may be named, too: the nearest folder that exists decides. NULL: it may not, or
 * memory is exhausted.
 */
char *policy_resolve(const struct policy *p, const char *path, enum policy_use use);

/* Open such a path (open(2), close-on-exec): it fails if any part of it is a symbolic link by now. */
int policy_open_resolved(const char *path, int flags);

/* Whoever counts what is written into files: called before each write(2). */
struct policy_meter {
  void (*written)(void *ctx, size_t bytes);
  void *ctx;
};

/*
 * As fopen(3), if the policy lets.
 *   mode  checked by the caller: r, w or a, then maybe + and b
 *   meter of what is written; copied; NULL: nothing is counted
 *   ret   the stream, close-on-exec; NULL: errno says why
 * Returns false, and opens nothing, if the policy does not let.
 */
bool policy_fopen(const struct policy *p, const char *path, const char *mode, enum policy_use use,
                  const struct policy_meter *meter, FILE **ret);

/*
 * The text that a place names, to be shown to whoever reads a report: a script gives its chunks any name, so of a strict
 * run it is the script itself or a module beside it. `p` NULL: no policy holds.
 * A regular file, open from its beginning, close-on-exec; NULL: there is none, or it is not to be shown.
 */
FILE *policy_source(const struct policy *p, const char *path);

/* As remove(3) and rename(2), if the policy lets the folders be written that the paths are in. `ret_rc` is what the call
 * returned. A symbolic link at the end of a path is itself meant. */
bool policy_remove(const struct policy *p, const char *path, int *ret_rc);
bool policy_rename(const struct policy *p, const char *from, const char *to, int *ret_rc);

#endif
