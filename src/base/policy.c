/* base/policy.c - see policy.h. */
#include "base/policy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"

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

/* Is `path` the folder or file `top`, or below it? Both are resolved. */
static bool is_below(const char *path, const char *top) {
  size_t len = strlen(top);
  if (strcmp(top, "/") == 0)
    return true;
  return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool is_in(const struct policy_paths *paths, const char *path) {
  for (size_t i = 0; i < paths->count; i++)
    if (is_below(path, paths->list[i].resolved))
      return true;
  return false;
}

/* Where a path leads: to be freed; NULL: nowhere. Of what does not exist, the folder must. A link that
 * leads to nothing leads nowhere: a file would be made at its end. */
static char *resolve(const char *path) {
  char *whole = realpath(path, NULL);
  struct stat about;
  if (whole || errno != ENOENT || lstat(path, &about) == 0)
    return whole;
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return NULL;
  char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
  char *top = folder ? realpath(folder, NULL) : NULL;
  free(folder);
  if (!top)
    return NULL;
  size_t size = strlen(top) + strlen(name) + 2;
  if ((whole = malloc(size))) {
    strcpy(whole, top);
    if (top[1] != '\0')
      strcat(whole, "/");
    strcat(whole, name);
  }
  free(top);
  return whole;
}

/* Is the path in one of three lists? */
static bool allowed(const char *path, const struct policy_paths *a, const struct policy_paths *b,
                    const struct policy_paths *c) {
  char *real = resolve(path);
  bool yes = real && (is_in(a, real) || is_in(b, real) || is_in(c, real));
  free(real);
  return yes;
}

bool policy_may_read(const struct policy *p, const char *path) {
  return !policy_is_strict(p) || allowed(path, &p->read, &p->write, &p->write);
}

bool policy_may_write(const struct policy *p, const char *path) {
  return !policy_is_strict(p) || allowed(path, &p->write, &p->write, &p->write);
}

bool policy_may_require(const struct policy *p, const char *path) {
  return !policy_is_strict(p) || allowed(path, &p->require, &p->read, &p->write);
}

bool policy_may_know(const struct policy *p, const char *name) {
  if (!policy_is_strict(p))
    return true;
  for (size_t i = 0; i < p->env.count; i++)
    if (strcmp(p->env.list[i], name) == 0)
      return true;
  return false;
}
