/* host/trace.c - see trace.h. */
#include "host/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "look/trace/gantt.h"
#include "look/trace/html.h"
#include "look/trace/json.h"
#include "look/trace/perfetto.h"
#include "look/trace/svg.h"
#include "lua/state/report.h"
#include "prompt/show.h"
#include "sandbox/sandbox.h"

static void say(const char *what, const char *path, const char *why) {
  struct buf line = {0};
  if (buf_format(&line, "%s '%s': %s", what, path, why) == 0 && buf_append_byte(&line, 0) == 0)
    report_print(&(struct report){.message = (const char *)line.data});
  buf_release(&line);
}

/* -- a file ---------------------------------------------------------------------------------- */

struct file {
  FILE *stream;
};

static int write_file(void *ctx, const void *data, size_t len) {
  struct file *f = ctx;
  return fwrite(data, 1, len, f->stream) == len ? 0 : -SBX_ESYSTEM;
}

static int write_format(const struct trace_model *const models[], unsigned count,
                        enum trace_format format, FILE *stream) {
  struct file file = {.stream = stream};
  const struct trace_sink sink = {.write = write_file, .ctx = &file};
  switch (format) {
  case TRACE_HTML:
    return trace_html(models, count, &sink);
  case TRACE_SVG:
    return trace_svg(models, count, &sink);
  case TRACE_PFTRACE:
    return trace_perfetto(models[0], &sink);
  case TRACE_JSON:
    return trace_json(models[0], &sink);
  }
  return -SBX_EINVAL;
}

/* Into a new file that then takes the place of `path`. Returns 0, or a code and errno. */
static int write_beside(const struct trace_model *const models[], unsigned count, const char *path,
                        enum trace_format format) {
  char *beside;
  if (asprintf(&beside, "%s.new", path) < 0)
    return -SBX_ENOMEM;
  struct stat about;
  bool direct = stat(path, &about) == 0 && !S_ISREG(about.st_mode); /* a device, a pipe */
  FILE *stream = fopen(direct ? path : beside, "we");
  int rc = stream ? write_format(models, count, format, stream) : -SBX_ESYSTEM, saved = errno;
  if (stream && fclose(stream) && rc == 0) {
    rc = -SBX_ESYSTEM;
    saved = errno;
  }
  if (rc == 0 && !direct && rename(beside, path)) {
    rc = -SBX_ESYSTEM;
    saved = errno;
  }
  if (rc && stream && !direct)
    unlink(beside);
  free(beside);
  errno = saved;
  return rc;
}

static int write_stdout(const struct trace_model *const models[], unsigned count,
                        enum trace_format format) {
  int rc = write_format(models, count, format, stdout);
  return rc == 0 && fflush(stdout) ? -SBX_ESYSTEM : rc;
}

int trace_write_file(const struct trace_model *const models[], unsigned count, const char *path,
                     enum trace_format format) {
  int rc = strcmp(path, "-") == 0 ? write_stdout(models, count, format)
                                  : write_beside(models, count, path, format);
  if (rc)
    say("cannot write the trace", path, rc == -SBX_ESYSTEM ? strerror(errno) : error_text(rc));
  return rc;
}

/* -- sources --------------------------------------------------------------------------------- */

enum { SOURCE_BYTES_MAX = 1 << 20, SOURCES_MAX = 64 };

/* The text of a regular file that is not too large; false: it cannot be had. */
static bool read_source(const char *path, struct buf *ret) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  bool ok = fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 &&
            about.st_size <= SOURCE_BYTES_MAX && buf_reserve(ret, (size_t)about.st_size) == 0;
  ssize_t n = ok ? read(fd, ret->data, (size_t)about.st_size) : -1;
  if (fd >= 0)
    close(fd);
  ret->len = n > 0 ? (size_t)n : 0;
  return n > 0;
}

static bool has_source(const struct trace_model *m, const char *path) {
  for (uint32_t i = 0; i < m->source_count; i++)
    if (strcmp(m->sources[i].path, path) == 0)
      return true;
  return false;
}

/* "dir/x.lua:12" names dir/x.lua. */
static void add_source_of(struct trace_model *m, const char *place) {
  char path[256];
  const char *colon = strrchr(place, ':');
  if (!colon || colon == place || (size_t)(colon - place) >= sizeof path ||
      colon[1 + strspn(colon + 1, "0123456789")] != '\0')
    return;
  memcpy(path, place, (size_t)(colon - place));
  path[colon - place] = '\0';
  struct buf text = {0};
  if (m->source_count < SOURCES_MAX && !has_source(m, path) && read_source(path, &text))
    trace_add_source(m, path, (const char *)text.data, text.len);
  buf_release(&text);
}

void trace_add_sources(struct trace_model *m) {
  for (uint32_t i = 1; i < m->string_count; i++)
    add_source_of(m, m->strings[i]);
}

/* -- a run ----------------------------------------------------------------------------------- */

static bool wants(const struct trace_options *o) {
  return o->file_count > 0 || o->timeline || o->stats;
}

static char *join_arguments(int argc, char **argv) {
  struct buf line = {0};
  int rc = buf_format(&line, "sandbox");
  for (int i = 1; i < argc && rc == 0; i++)
    rc = buf_format(&line, " %s", argv[i]);
  if (rc || buf_append_byte(&line, 0))
    buf_release(&line);
  return (char *)line.data;
}

/* The file beside which the log lies: the first that is one. */
static const char *first_path(const struct trace_options *o) {
  for (size_t i = 0; i < o->file_count; i++) {
    struct stat about;
    const char *path = o->files[i].path;
    if (strcmp(path, "-") != 0 && !(stat(path, &about) == 0 && !S_ISREG(about.st_mode)))
      return path;
  }
  return NULL;
}

int tracing_begin(struct tracing *t, const struct options *o, int argc, char **argv,
                  struct record_options *record) {
  *t = (struct tracing){.o = o, .record.fd = -1};
  if (!wants(&o->trace))
    return 0;
  t->command = join_arguments(argc, argv);
  const char *path = first_path(&o->trace);
  if (!t->command || record_open(&t->record, path, o->trace.limit)) {
    say("cannot record the run in", t->record.path ? t->record.path : "memory", strerror(errno));
    record_close(&t->record, true);
    free(t->command);
    return EXIT_USAGE;
  }
  *record = (struct record_options){.on = true,
                                    .detail = o->trace.detail,
                                    .command = t->command,
                                    .version = SANDBOX_VERSION,
                                    .keep = record_keep,
                                    .ctx = &t->record};
  return 0;
}

/* Lines of the terminal, as LINES or the terminal says; 24 if neither does. */
static int terminal_rows(int fd) {
  const char *lines = getenv("LINES");
  struct winsize size;
  int rows = lines ? atoi(lines) : 0;
  if (rows <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
    rows = size.ws_row;
  return rows > 0 ? rows : 24;
}

/* Does the locale's encoding, by the variables that setlocale(3) reads, have all characters? */
static bool terminal_utf8(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = getenv(names[i]);
    if (value && *value)
      return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
  }
  return false;
}

/* Show the terminal's views, on stderr. */
static void show(const struct options *o, const struct trace_model *m) {
  struct buf text = {0};
  bool color = options_color(o->color, isatty(STDERR_FILENO));
  const struct gantt_options gantt = {.columns = o->trace.width ? o->trace.width
                                                                : show_columns(STDERR_FILENO),
                                      .rows = terminal_rows(STDERR_FILENO),
                                      .utf8 = terminal_utf8(),
                                      .color = color};
  int rc = 0;
  if (o->trace.timeline)
    rc = gantt_draw(m, &gantt, &text);
  if (rc)
    say("cannot show", "the run", error_text(rc));
  else
    fwrite(text.data, 1, text.len, stderr);
  buf_release(&text);
}

static void show_and_write(const struct tracing *t, struct trace_model *m) {
  const struct trace_options *o = &t->o->trace;
  const struct trace_model *models[] = {m};
  if (o->file_count > 0)
    trace_add_sources(m);
  for (size_t i = 0; i < o->file_count; i++)
    trace_write_file(models, 1, o->files[i].path, o->files[i].format);
  show(t->o, m);
}

void tracing_end(struct tracing *t) {
  struct trace_model m;
  const char *reason = "";
  if (t->record.fd < 0)
    return;
  if (t->record.error)
    say("cannot record the rest of the run in", t->record.path ? t->record.path : "memory",
        strerror(t->record.error));
  int rc = record_read(&t->record, &m, &reason);
  if (rc == 0) {
    show_and_write(t, &m);
    trace_model_release(&m);
  } else {
    say("cannot read the trace", t->record.path ? t->record.path : "in memory",
        rc == -SBX_EDATA     ? reason
        : rc == -SBX_ESYSTEM ? strerror(errno)
                             : error_text(rc));
  }
  record_close(&t->record, rc != 0);
  free(t->command);
}
