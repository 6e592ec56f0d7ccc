/* base/policy.c - see policy.h. */
#include "base/policy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/policy_path.h"

enum { PROCS_DEFAULT = 512 };

void policy_init(struct policy *p) {
  *p = (struct policy){
      .limits = {.cpu_ns = SBX_FOREVER, .time_ns = SBX_FOREVER, .procs = PROCS_DEFAULT}};
}

static void paths_release(struct policy_paths *paths) {
  for (size_t i = 0; i < paths->count; i++) {
    free(paths->list[i].written);
    free(paths->list[i].resolved);
  }
  free(paths->list);
  *paths = (struct policy_paths){0};
}

void policy_release(struct policy *p) {
  paths_release(&p->read);
  paths_release(&p->write);
  paths_release(&p->require);
  for (size_t i = 0; i < p->env.count; i++)
    free(p->env.list[i]);
  free(p->env.list);
  p->env = (struct policy_names){0};
}

/* -- lists ------------------------------------------------------------------------------------- */

int policy_add_path(struct policy_paths *to, const char *path) {
  if (*path == '\0')
    return -SBX_EINVAL;
  char *resolved = realpath(path, NULL);
  if (!resolved)
    return errno == ENOENT || errno == ENOTDIR ? -SBX_EGONE
           : errno == ENOMEM                   ? -SBX_ENOMEM
                                               : -SBX_ESYSTEM;
  struct policy_path *list = realloc(to->list, (to->count + 1) * sizeof *list);
  if (list)
    to->list = list;
  char *written = list ? strdup(path) : NULL;
  if (!written) {
    free(resolved);
    return -SBX_ENOMEM;
  }
  to->list[to->count++] = (struct policy_path){written, resolved};
  return 0;
}

/* A name that environ(7) can have. */
static bool is_name(const char *name) { return *name != '\0' && !strchr(name, '='); }

static int add_name(struct policy_names *to, const char *name) {
  if (!is_name(name))
    return -SBX_EINVAL;
  char **list = realloc(to->list, (to->count + 1) * sizeof *list);
  if (list)
    to->list = list;
  if (!list || !(list[to->count] = strdup(name)))
    return -SBX_ENOMEM;
  to->count++;
  return 0;
}

/* Call `add` with each part between commas. */
static int add_parts(void *to, int (*add)(void *to, const char *part), const char *text,
                     char **ret_bad) {
  *ret_bad = NULL;
  for (;;) {
    size_t len = strcspn(text, ",");
    char *part = strndup(text, len);
    int rc = part ? add(to, part) : -SBX_ENOMEM;
    if (rc && part && *part != '\0' && rc != -SBX_ENOMEM)
      *ret_bad = part;
    else
      free(part);
    if (rc || text[len] == '\0')
      return rc;
    text += len + 1;
  }
}

static int part_path(void *to, const char *part) { return policy_add_path(to, part); }
static int part_name(void *to, const char *part) { return add_name(to, part); }

int policy_add_paths(struct policy_paths *to, const char *text, char **ret_bad) {
  return add_parts(to, part_path, text, ret_bad);
}

int policy_add_names(struct policy_names *to, const char *text, char **ret_bad) {
  return add_parts(to, part_name, text, ret_bad);
}

/* -- questions --------------------------------------------------------------------------------- */

static bool allowed(const struct policy *p, const char *path, enum policy_use use) {
  if (!policy_is_strict(p))
    return true;
  char *resolved = policy_resolve(p, path, use);
  bool yes = resolved != NULL;
  free(resolved);
  return yes;
}

bool policy_may_read(const struct policy *p, const char *path) {
  return allowed(p, path, POLICY_READ);
}

bool policy_may_write(const struct policy *p, const char *path) {
  return allowed(p, path, POLICY_WRITE);
}

bool policy_may_require(const struct policy *p, const char *path) {
  return allowed(p, path, POLICY_REQUIRE);
}

bool policy_may_know(const struct policy *p, const char *name) {
  if (!policy_is_strict(p))
    return true;
  for (size_t i = 0; i < p->env.count; i++)
    if (strcmp(p->env.list[i], name) == 0)
      return true;
  return false;
}
