/* host/trace.c - recording a run; see trace.h. */
#include "host/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/forged.h"
#include "host/far_trace.h"
#include "host/record.h"
#include "host/strict.h"
#include "host/trace_show.h"
#include "lua/state/report.h"
#include "os/process/output.h"
#include "sandbox/sandbox.h"

/* -- before the run -------------------------------------------------------------------------- */

static bool is_wanted(const struct trace_options *t) {
  return t->file_count > 0 || t->timeline || t->stats;
}

/* "sandbox script.lua 1 2", as a person would type it without what does not change the run. */
static int tell_command(const struct options *o, int argc, char **argv, struct buf *ret) {
  int rc = buf_format(ret, "sandbox");
  for (size_t i = 0; i < o->step_count && rc == 0; i++)
    if (o->steps[i].kind == STEP_STATEMENT)
      rc = buf_format(ret, " -e '%s'", o->steps[i].text);
  for (int i = o->script; i < argc && rc == 0; i++)
    rc = buf_format(ret, " %s", argv[i]);
  return rc ? rc : buf_append_byte(ret, 0);
}

enum { PROMPT_KEEPS = 32 << 20 };

/* Unasked, a prompt keeps less: some minutes of a busy run, hours of others. */
static uint64_t limit_of(const struct trace_options *t) {
  return is_wanted(t) || t->limit != TRACE_LIMIT_DEFAULT ? t->limit : PROMPT_KEEPS;
}

/* In the first file that can have a part, else in memory. */
static int open_log(struct tracing *t) {
  int fd = -1;
  for (size_t i = 0; i < t->o->trace.file_count && fd < 0; i++)
    fd = trace_output_lend(&t->outputs[i]);
  if (record_open(&t->record, fd, limit_of(&t->o->trace)) == 0)
    return 0;
  fprintf(stderr, "sandbox: cannot record the run: %s\n", strerror(errno));
  return EXIT_LUA_ERROR;
}

static int begin(struct tracing *t, int argc, char **argv) {
  if (tell_command(t->o, argc, argv, &t->command)) {
    fputs("sandbox: not enough memory\n", stderr);
    return EXIT_LUA_ERROR;
  }
  trace_files_may_fail();
  int status = trace_outputs_open(&t->o->trace, ".part", &t->outputs);
  return status ? status : open_log(t);
}

int tracing_begin(struct tracing *t, const struct options *o, int argc, char **argv, bool prompt,
                  struct record_options *record) {
  *t = (struct tracing){.record.fd = -1};
  if ((!is_wanted(&o->trace) && !prompt) || o->explore) /* that writes its files itself */
    return 0;
  t->o = o;
  int status = begin(t, argc, argv);
  if (status)
    return status;
  if (far_setup.on)
    far_setup.trace = (int)o->trace.detail + 1;
  *record = (struct record_options){.on = true,
                                    .engine = far_setup.on,
                                    .detail = o->trace.detail,
                                    .command = (const char *)t->command.data,
                                    .version = SANDBOX_VERSION,
                                    .keep = record_keep,
                                    .ctx = &t->record};
  return 0;
}

void tracing_forget(const struct tracing *t) {
  if (!t->o)
    return;
  close(t->record.fd);
  for (size_t i = 0; i < t->o->trace.file_count; i++)
    trace_output_forget(&t->outputs[i]);
}

/* -- while it goes on ------------------------------------------------------------------------ */

/* What the run's processes on other hosts have recorded follows what follows the log. */
static int collect(const struct tracing *t, const struct log_view *view, struct buf *more) {
  const struct record *r = &t->record;
  struct buf now = {0};
  int rc = view->more_len ? buf_append(more, view->more, view->more_len) : 0;
  if (rc || !far_setup.on || r->end == 0)
    return rc;
  void *log = mmap(NULL, (size_t)r->end, PROT_READ, MAP_SHARED, r->fd, 0);
  if (log == MAP_FAILED)
    return -SBX_ESYSTEM;
  rc = far_trace_collect(log, (size_t)r->end, t->over, &now);
  munmap(log, (size_t)r->end);
  if (rc == 0 && now.len)
    rc = buf_append(more, now.data, now.len);
  buf_release(&now);
  return rc;
}

int tracing_read(const struct tracing *t, const struct log_view *view, struct trace_model *ret,
                 const char **ret_why) {
  struct buf more = {0};
  int rc = collect(t, view, &more);
  const struct log_view all = {.more = more.data, .more_len = more.len, .from_ns = view->from_ns};
  if (rc == -SBX_EENGINE) { /* the engine is gone: the trace is that of this host */
    rc = record_read(&t->record, view, ret, ret_why);
    if (rc == 0)
      ret->facts.lost++;
  } else if (rc == 0) {
    rc = record_read(&t->record, &all, ret, ret_why);
  }
  buf_release(&more);
  if (rc == -SBX_ESYSTEM)
    *ret_why = strerror(errno);
  else if (rc && rc != -SBX_EDATA)
    *ret_why = error_text(rc);
  return rc;
}

int trace_export(struct trace_model *m, const char *path, const struct policy *p,
                 struct buf *ret_why) {
  struct trace_output out = {.fd = -1, .folder = -1, .pipe = -1};
  const struct trace_model *models[] = {m};
  int format = option_trace_format(path);
  if (format < 0) {
    buf_format(ret_why, "a trace is a file whose name ends in .html, .svg, .pftrace or .json");
    return -SBX_EINVAL;
  }
  const struct trace_file file = {.path = path, .format = (enum trace_format)format};
  int error = trace_add_sources(m, p) ? ENOMEM : trace_output_open(&out, &file, ".new", p);
  if (error == 0)
    error = trace_output_write(&out, models, 1);
  if (error && policy_is_strict(p) && !out.path)
    buf_format(ret_why, "writing %s is not allowed in strict mode (run with --allow-write=%s)",
               path, path);
  else if (error)
    buf_format(ret_why, "%s", trace_output_error(error));
  trace_output_release(&out, false);
  return error ? -SBX_ESYSTEM : 0;
}

/* -- after the run --------------------------------------------------------------------------- */

/* A warning, one line: "cannot write the trace 'x.html': No space left on device". */
static void warn(const char *what, const char *name, const char *why, const char *log) {
  struct buf text = {0};
  int rc = buf_format(&text, "%s", what);
  if (rc == 0 && name)
    rc = buf_format(&text, " '%s'", name);
  if (rc == 0)
    rc = buf_format(&text, ": %s", why);
  if (rc == 0 && log)
    rc = buf_format(&text, "; what was recorded is in '%s'", log);
  if (rc == 0 && buf_append_byte(&text, 0) == 0)
    report_print(&(struct report){.message = (const char *)text.data});
  buf_release(&text);
}

/* Returns whether all was well. */
static bool read_model(const struct tracing *t, struct trace_model *ret) {
  const char *why = "";
  int rc = tracing_read(t, &(struct log_view){0}, ret, &why);
  if (rc)
    warn("cannot show the trace", NULL, why, NULL);
  else if (t->o->trace.file_count > 0 && trace_add_sources(ret, &t->o->policy)) {
    trace_model_release(ret);
    warn("cannot show the trace", NULL, error_text(SBX_ENOMEM), NULL);
    return false;
  }
  return rc == 0;
}

/* Rows begin with names that a script has chosen. */
static int mark_rows(struct buf *text) {
  struct buf marked = {0};
  int rc = forged_mark(&marked, (const char *)text->data, text->len);
  struct buf unmarked = *text;
  *text = marked;
  buf_release(&unmarked);
  return rc;
}

static void show_text(const struct tracing *t, const struct trace_model *m) {
  struct buf text = {0};
  int rc = trace_text(t->o, &m, 1, STDERR_FILENO, &text);
  if (rc == 0 && t->o->trace.stats)
    rc = (t->o->trace.stats_json ? strict_tell_json : strict_tell)(&t->o->policy, &text);
  if (rc == 0 && policy_is_strict(&t->o->policy) && forged_is_in((const char *)text.data, text.len))
    rc = mark_rows(&text);
  if (rc)
    warn("cannot show the run", NULL, error_text(SBX_ENOMEM), NULL);
  else if (text.len > 0)
    output_message(text.data, text.len);
  buf_release(&text);
}

/* Write all files. Of one that fails the log is kept, if it has one. Returns whether none failed. */
static bool write_outputs(struct tracing *t, const struct trace_model *m, bool *ret_keep_logs) {
  bool good = true;
  for (size_t i = 0; i < t->o->trace.file_count; i++) {
    struct trace_output *out = &t->outputs[i];
    int error = trace_output_write(out, &m, 1);
    if (error == 0)
      continue;
    good = false;
    ret_keep_logs[i] = out->log != NULL;
    warn("cannot write the trace", out->file.path, trace_output_error(error), out->log);
  }
  return good;
}

static void show(struct tracing *t, bool *ret_keep_logs) {
  struct trace_model m;
  if (!read_model(t, &m))
    return;
  if (write_outputs(t, &m, ret_keep_logs) && t->record.error)
    warn("the trace is not complete", NULL, strerror(t->record.error), NULL);
  show_text(t, &m);
  trace_model_release(&m);
}

static void release(struct tracing *t, const bool *keep_logs) {
  for (size_t i = 0; t->outputs && i < t->o->trace.file_count; i++)
    trace_output_release(&t->outputs[i], keep_logs && keep_logs[i]);
  record_close(&t->record);
  free(t->outputs);
  buf_release(&t->command);
  *t = (struct tracing){.record.fd = -1};
}

void tracing_end(struct tracing *t, bool ran) {
  if (!t->o)
    return;
  bool *keep_logs = calloc(t->o->trace.file_count + 1, sizeof *keep_logs);
  t->over = true;
  if (ran && keep_logs && is_wanted(&t->o->trace))
    show(t, keep_logs);
  release(t, keep_logs);
  free(keep_logs);
}
