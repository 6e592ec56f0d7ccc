/* host/trace_show.c - see trace_show.h. */
#include "host/trace_show.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/policy_path.h"
#include "base/utf8.h"
#include "look/trace/gantt.h"
#include "look/trace/stats.h"

/* -- sources --------------------------------------------------------------------------------- */

enum { SOURCE_BYTES_MAX = 1024 * 1024, SOURCES_MAX = 64 };

static bool is_known(const struct trace_model *m, const char *path) {
  for (uint32_t i = 0; i < m->source_count; i++)
    if (strcmp(m->sources[i].path, path) == 0)
      return true;
  return false;
}

/* All of a file. Returns its length, or -1: it cannot be read, is not to be shown, or is too long. */
static ssize_t read_source(const struct policy *p, const char *path, char *ret) {
  FILE *f = policy_source(p, path);
  if (!f)
    return -1;
  size_t len = fread(ret, 1, SOURCE_BYTES_MAX, f);
  bool all = !ferror(f) && getc(f) == EOF;
  fclose(f);
  return all ? (ssize_t)len : -1;
}

/* `place` is "file:line". What Lua calls stdin, or a statement, is no file. */
static int add_source(struct trace_model *m, const struct policy *p, const char *place,
                      char *buffer) {
  char path[WHERE_MAX];
  const char *colon = strrchr(place, ':');
  if (!colon || colon == place || (size_t)(colon - place) >= sizeof path)
    return 0;
  memcpy(path, place, (size_t)(colon - place));
  path[colon - place] = '\0';
  if (m->source_count >= SOURCES_MAX || strcmp(path, "stdin") == 0 || is_known(m, path))
    return 0;
  ssize_t len = read_source(p, path, buffer);
  return len < 0 ? 0 : trace_add_source(m, path, buffer, (size_t)len);
}

int trace_add_sources(struct trace_model *m, const struct policy *p) {
  char *buffer = malloc(SOURCE_BYTES_MAX);
  bool *named = calloc(m->string_count + 1u, sizeof *named);
  int rc = buffer && named ? 0 : -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->process_count && rc == 0; i++)
    rc = add_source(m, p, m->processes[i].spawned_at, buffer);
  for (uint32_t i = 0; i < m->object_count && rc == 0; i++)
    rc = add_source(m, p, m->objects[i].made_at, buffer);
  for (uint32_t i = 0; i < m->event_count && rc == 0; i++)
    named[m->events[i].where] = true;
  for (uint32_t i = 0; i < m->edge_count && rc == 0; i++)
    named[m->edges[i].where] = true;
  for (uint32_t i = 1, count = rc ? 0 : m->string_count; i < count && rc == 0; i++)
    if (named[i])
      rc = add_source(m, p, m->strings[i], buffer);
  free(named);
  free(buffer);
  return rc;
}

/* -- text ------------------------------------------------------------------------------------ */

/* A number greater than 0 in the environment, or 0. */
static int environment_number(const char *name) {
  const char *value = getenv(name);
  long n = value ? strtol(value, NULL, 10) : 0;
  return n > 0 && n < 100000 ? (int)n : 0;
}

int trace_text(const struct options *o, const struct trace_model *const models[], unsigned count,
               int fd, struct buf *out) {
  const struct trace_options *t = &o->trace;
  struct winsize size = {0};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0)
    size = (struct winsize){0};
  int columns = environment_number("COLUMNS"), rows = environment_number("LINES");
  columns = columns ? columns : size.ws_col;
  struct gantt_options gantt = {.columns = t->width ? t->width : columns,
                                .rows = rows ? rows : size.ws_row,
                                .utf8 = utf8_in_environment(),
                                .color = options_color(o->color, isatty(fd))};
  const struct style style = {
      .columns = columns ? columns : 80, .color = gantt.color, .ascii = !gantt.utf8};
  int rc = t->timeline ? gantt_draw(models, count, &gantt, out) : 0;
  for (unsigned i = 0; i < count && t->stats && rc == 0; i++) {
    if (count > 1 && out->len > 0)
      rc = buf_append_byte(out, '\n');
    if (rc == 0)
      rc = t->stats_json ? stats_json(models[i], out) : stats_text(models[i], &style, out);
  }
  return rc;
}

/* -- outputs --------------------------------------------------------------------------------- */

static bool same_file(const struct trace_output *a, const struct trace_output *b) {
  if (!a->path || !b->path)
    return false;
  return strcmp(a->path, b->path) == 0 ||
         (a->fd >= 0 && b->fd >= 0 && a->dev == b->dev && a->ino == b->ino);
}

/* Outputs up to `i` are open; the last is compared with the others. */
static int open_one(struct trace_output *all, size_t i, const struct trace_file *file,
                    const char *suffix) {
  int error = trace_output_open(&all[i], file, suffix, NULL);
  for (size_t k = 0; k < i; k++)
    if (same_file(&all[i], &all[k]))
      return options_usage_error(stderr, "the traces '%s' and '%s' are the same file",
                                 all[k].file.path, file->path);
  if (error == 0)
    return 0;
  fprintf(stderr, "sandbox: cannot write the trace '%s': %s\n", file->path,
          trace_output_error(error));
  return EXIT_USAGE;
}

int trace_outputs_open(const struct trace_options *t, const char *suffix,
                       struct trace_output **ret) {
  *ret = calloc(t->file_count + 1, sizeof **ret);
  if (!*ret) {
    fputs("sandbox: not enough memory\n", stderr);
    return EXIT_LUA_ERROR;
  }
  for (size_t i = 0; i < t->file_count; i++)
    (*ret)[i].fd = (*ret)[i].folder = (*ret)[i].pipe = -1;
  int status = 0;
  for (size_t i = 0; i < t->file_count && status == 0; i++)
    status = open_one(*ret, i, &t->files[i], suffix);
  return status;
}
