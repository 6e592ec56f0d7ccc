/* host/trace_command.c - sandbox trace; see trace.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "host/output.h"
#include "host/trace.h"
#include "host/trace_show.h"
#include "look/trace/log.h"
#include "look/trace/perfetto.h"

enum { INPUTS_MAX = 2, READ_BYTES = 1024 * 1024 };

/* -- reading --------------------------------------------------------------------------------- */

/* Append all of a file. Returns 0 or errno, EISDIR for a folder. */
static int read_all(int fd, struct buf *ret) {
  struct stat about;
  if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode))
    return EISDIR;
  for (;;) {
    if (buf_reserve(ret, READ_BYTES))
      return ENOMEM;
    ssize_t n = read(fd, ret->data + ret->len, READ_BYTES);
    if (n < 0 && errno != EINTR)
      return errno;
    if (n == 0)
      return 0;
    ret->len += n > 0 ? (size_t)n : 0;
  }
}

static int read_file(const char *path, struct buf *ret) {
  bool is_stdin = strcmp(path, "-") == 0;
  int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  int error = fd < 0 ? errno : read_all(fd, ret);
  if (fd >= 0 && !is_stdin)
    close(fd);
  return error;
}

static bool is_log(const struct buf *file) {
  uint32_t magic = 0;
  if (file->len >= sizeof magic)
    memcpy(&magic, file->data, sizeof magic);
  return magic == LOG_MAGIC;
}

static int cannot_read(const char *path, const char *why) {
  fprintf(stderr, "sandbox: cannot read the trace '%s': %s\n", path, why);
  return EXIT_USAGE;
}

/*
 * A trace names the files of the script, and says no more about them: whoever made it may have named any. So what is
 * shown of them are modules of Lua, in the folder that the program was started in, in that of the trace, or below.
 */
static int add_sources(const char *trace, struct trace_model *m) {
  struct policy p;
  const char *slash = strrchr(trace, '/');
  char *folder = slash ? strndup(trace, (size_t)(slash - trace) + 1) : NULL;
  policy_init(&p);
  p.strict = STRICT_LUA;
  int rc = slash && !folder ? -SBX_ENOMEM : policy_add_path(&p.require, ".");
  if (folder && rc != -SBX_ENOMEM)
    rc = policy_add_path(&p.require, folder);
  if (rc != -SBX_ENOMEM)
    rc = trace_add_sources(m, &p);
  policy_release(&p);
  free(folder);
  return rc;
}

/* Make a model of a file. */
static int read_model(const char *path, const struct buf *file, struct trace_model *ret) {
  char why[TRACE_WHY_MAX];
  const char *reason = why;
  int rc = is_log(file) ? trace_log_read(file->data, file->len, ret, &reason)
                        : trace_perfetto_read(file->data, file->len, ret, why);
  if (rc == -SBX_EDATA)
    return cannot_read(path, reason);
  if (rc == 0 && ret->source_count == 0 && add_sources(path, ret)) {
    trace_model_release(ret);
    rc = -SBX_ENOMEM;
  }
  if (rc == 0)
    return 0;
  cannot_read(path, error_text(rc));
  return EXIT_LUA_ERROR;
}

static int read_input(const char *path, struct trace_model *ret) {
  struct buf file = {0};
  int error = read_file(path, &file);
  int status = error ? cannot_read(path, trace_output_error(error)) : read_model(path, &file, ret);
  buf_release(&file);
  return status;
}

/* -- showing --------------------------------------------------------------------------------- */

/* On stdout: what was asked for, and the timeline if nothing was. */
static int show_text(const struct options *o, const struct trace_model *const models[]) {
  struct options text_options = *o;
  struct buf text = {0};
  if (o->trace.file_count == 0 && !o->trace.stats)
    text_options.trace.timeline = true;
  int rc = trace_text(&text_options, models, (unsigned)o->input_count, STDOUT_FILENO, &text);
  if (rc == 0)
    fwrite(text.data, 1, text.len, stdout);
  else
    fputs("sandbox: not enough memory\n", stderr);
  buf_release(&text);
  return output_finish(rc ? EXIT_LUA_ERROR : 0);
}

static int write_outputs(const struct options *o, struct trace_output *outputs,
                         const struct trace_model *const models[]) {
  int status = 0;
  for (size_t i = 0; i < o->trace.file_count; i++) {
    int error = trace_output_write(&outputs[i], models, (unsigned)o->input_count);
    if (error == 0)
      continue;
    fprintf(stderr, "sandbox: cannot write the trace '%s': %s\n", o->trace.files[i].path,
            trace_output_error(error));
    status = EXIT_LUA_ERROR;
  }
  return status;
}

/* The input may be FILE.part, and the output FILE: so the output has another name while it is
 * written. */
static int show(const struct options *o, const struct trace_model *const models[]) {
  struct trace_output *outputs;
  int status = trace_outputs_open(&o->trace, ".new", &outputs);
  if (status == 0)
    status = write_outputs(o, outputs, models);
  for (size_t i = 0; outputs && i < o->trace.file_count; i++)
    trace_output_release(&outputs[i], false);
  free(outputs);
  int text_status = status == EXIT_USAGE ? status : show_text(o, models);
  return status ? status : text_status;
}

int trace_command(const struct options *o) {
  struct trace_model models[INPUTS_MAX] = {0};
  const struct trace_model *shown[INPUTS_MAX] = {&models[0], &models[1]};
  int status = 0;
  trace_files_may_fail();
  for (size_t i = 0; i < o->input_count && status == 0; i++)
    status = read_input(o->inputs[i], &models[i]);
  if (status == 0)
    status = show(o, shown);
  for (size_t i = 0; i < o->input_count; i++)
    trace_model_release(&models[i]);
  return status;
}
