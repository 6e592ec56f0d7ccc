/*
 * host/explore_pages.c - the files that an exploration is written into; see explore_report.h.
 *
 * What explores a strict script is in the jail, where it can open no file, and is not trusted to write a page that a
 * person opens. So the supervisor opens the files before the run, and makes a file in memory: into that goes what
 * explore_page makes, and the supervisor puts it into the pages after the run. It is data there, whatever it says,
 * since it has no "<" that could end its element.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/explore_report.h"
#include "host/options.h"
#include "host/trace_output.h"
#include "host/trace_show.h"
#include "look/trace/page.h"
#include "lua/state/report.h"

struct explore_pages {
  const struct options *o;
  struct trace_output *outputs; /* owned, as many as o->trace.files */
  int memory;                   /* under a supervisor: the file in memory; else -1 */
};

static const char END = '\n'; /* behind what was handed over whole */

enum { DATA_MOST = 64 << 20 }; /* bytes; what explores in the jail could hand over more */

int explore_pages_open(const struct options *o, struct explore_pages **ret) {
  if (o->trace.file_count == 0)
    return 0;
  struct explore_pages *p = *ret = calloc(1, sizeof **ret);
  if (p)
    p->memory = -1;
  if (p && options_need_supervisor(o))
    p->memory = memfd_create("sandbox-page", MFD_CLOEXEC);
  if (!p || (options_need_supervisor(o) && p->memory < 0)) {
    report_print(&(struct report){.message = error_text(-SBX_ENOMEM)});
    return EXIT_LUA_ERROR;
  }
  p->o = o;
  trace_files_may_fail();
  return trace_outputs_open(&o->trace, ".part", &p->outputs);
}

void explore_pages_forget(const struct explore_pages *p) {
  for (size_t i = 0; p && i < p->o->trace.file_count; i++)
    trace_output_forget(&p->outputs[i]);
}

static void warn(const char *path, const char *why) {
  struct buf text = {0};
  if (buf_format(&text, "cannot write the trace '%s': %s", path, why) == 0 &&
      buf_append_byte(&text, 0) == 0)
    report_print(&(struct report){.message = (const char *)text.data});
  buf_release(&text);
}

static int put_data(void *ctx, const struct trace_sink *out) {
  static const char before[] = "<script type=\"application/json\" id=\"data\">",
                    after[] = "</script>\n";
  const struct buf *data = ctx;
  int rc = out->write(out->ctx, before, sizeof before - 1);
  if (rc == 0)
    rc = out->write(out->ctx, data->data, data->len);
  return rc ? rc : out->write(out->ctx, after, sizeof after - 1);
}

static int put_page(void *ctx, const struct trace_sink *out) {
  static const struct page_part *const js[] = {&explore_js, NULL};
  return page_write(&explore_css, js, put_data, ctx, out);
}

/* `why`: what has prevented the data; NULL: nothing. */
static void write_all(struct explore_pages *p, struct buf *data, const char *why) {
  for (size_t i = 0; i < p->o->trace.file_count; i++) {
    struct trace_output *out = &p->outputs[i];
    int failed = why ? 0 : trace_output_put(out, put_page, data);
    if (why || failed)
      warn(out->file.path, why ? why : trace_output_error(failed));
  }
}

static const char *why_not(const struct buf *data, int rc) {
  return rc                      ? error_text(SBX_ENOMEM)
         : data->len > DATA_MOST ? "its data is more than 64 MiB"
                                 : NULL;
}

void explore_pages_write(struct explore_pages *p, struct exploration *x, const char *script,
                         const char *report, struct cures *cures) {
  struct buf data = {0};
  if (!p)
    return;
  int rc = explore_page(x, script, report, cures, &data);
  if (p->memory < 0)
    write_all(p, &data, rc ? error_text(SBX_ENOMEM) : NULL);
  else if (rc || buf_append_byte(&data, (unsigned char)END) ||
           !fd_write_all(p->memory, data.data, data.len))
    report_print(&(struct report){.message = "the page of the exploration is too large"});
  buf_release(&data);
}

/* What main has left; empty if it has not, or not to the end. What is too large is not read to the end. */
static int take_data(const struct explore_pages *p, struct buf *ret) {
  char part[4096];
  ssize_t n;
  int rc = 0;
  for (off_t at = 0;
       rc == 0 && at <= DATA_MOST && (n = pread(p->memory, part, sizeof part, at)) > 0; at += n)
    rc = buf_append(ret, part, (size_t)n);
  if (rc || ret->len > DATA_MOST)
    return rc;
  bool whole = ret->len > 0 && ret->data[ret->len - 1] == (unsigned char)END;
  bool fit = rc == 0 && whole && !memchr(ret->data, '<', ret->len);
  ret->len = fit ? ret->len - 1 : 0;
  return rc;
}

void explore_pages_finish(struct explore_pages *p) {
  struct buf data = {0};
  if (!p)
    return;
  int rc = take_data(p, &data);
  if (rc || data.len > 0)
    write_all(p, &data, why_not(&data, rc));
  buf_release(&data);
}

void explore_pages_free(struct explore_pages *p) {
  for (size_t i = 0; p && p->outputs && i < p->o->trace.file_count; i++)
    trace_output_release(&p->outputs[i], false);
  if (p) {
    free(p->outputs);
    if (p->memory >= 0)
      close(p->memory);
  }
  free(p);
}
