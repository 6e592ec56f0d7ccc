/* host/terminal.c - see terminal.h. */
#include "host/terminal.h"

#include "base/error.h"
#include "host/engine.h"
#include "host/far.h"
#include "os/process/outlet.h"
#include "os/process/output.h"
#include "os/supervisor/suspend.h"

/* The host of struct repl_run. */
struct terminal {
  struct supervisor_options o;
  struct supervisor *supervisor;
  struct tracing *tracing;
  struct suspended suspended; /* by Ctrl-Z, at this moment */
};

static int open_run(void *host, const struct repl_listener *listener, struct backend **ret) {
  struct terminal *t = host;
  t->o.say = listener->say;
  t->o.report = listener->report;
  t->o.bars = listener->bars;
  t->o.on_signal = listener->on_signal;
  t->o.ctx = listener->ctx;
  t->o.tag_output = true;
  int rc = supervisor_open(&t->o, &t->supervisor);
  if (rc == 0)
    *ret = supervisor_backend(t->supervisor);
  return rc;
}

static int close_run(void *host) {
  struct terminal *t = host;
  return supervisor_close(t->supervisor);
}

static int start_session(void *host, int (*session)(struct backend *b, void *ctx), void *ctx) {
  struct terminal *t = host;
  return supervisor_start_main(t->supervisor, session, ctx);
}

static void enter_session(void *host, struct backend *b) {
  struct terminal *t = host;
  output_share(supervisor_control(t->supervisor), 0, b->self->id(b), false);
  output_of_prompt();
}

static void fds(void *host, int ret[REPL_RUN_FDS]) {
  const struct terminal *t = host;
  _Static_assert((int)REPL_RUN_FDS == (int)SUPERVISOR_FDS, "one array");
  supervisor_fds(t->supervisor, ret);
}

static int64_t deadline(void *host) {
  const struct terminal *t = host;
  return supervisor_deadline(t->supervisor);
}

static bool serve(void *host) {
  struct terminal *t = host;
  return supervisor_serve(t->supervisor);
}

static pid_t session_pid(void *host) {
  const struct terminal *t = host;
  return supervisor_main_pid(t->supervisor);
}

static int session_status(void *host) {
  const struct terminal *t = host;
  return supervisor_main_status(t->supervisor);
}

static bool ending(void *host) {
  const struct terminal *t = host;
  return supervisor_ending(t->supervisor);
}

static bool printing(void *host) {
  struct terminal *t = host;
  return outlet_in_flight(supervisor_control(t->supervisor));
}

static void suspend(void *host, bool stop) {
  struct terminal *t = host;
  if (stop)
    suspend_run(supervisor_control(t->supervisor), &t->suspended);
  else
    suspend_end(supervisor_control(t->supervisor), &t->suspended);
}

static void idle(void *host, bool is, int64_t since_ns) {
  struct terminal *t = host;
  supervisor_idle(t->supervisor, is, since_ns);
}

static uint64_t recorded(void *host) {
  struct terminal *t = host;
  return supervisor_recorded(t->supervisor);
}

static int read_trace(void *host, int64_t from_ns, struct trace_model *ret, const char **ret_why) {
  struct terminal *t = host;
  struct buf now = {0};
  int rc = supervisor_peek(t->supervisor, &now);
  *ret_why = error_text(rc);
  const struct log_view view = {.more = now.data, .more_len = now.len, .from_ns = from_ns};
  if (rc == 0)
    rc = tracing_read(t->tracing, &view, ret, ret_why);
  buf_release(&now);
  return rc;
}

static int write_trace(void *host, struct trace_model *m, const char *path, struct buf *ret_why) {
  const struct terminal *t = host;
  return trace_export(m, path, &t->tracing->o->policy, ret_why);
}

static int survey(void *host, struct snapshot *s) {
  (void)host;
  return far_setup.on ? engine_survey(s) : 0;
}

static const struct repl_run run = {
    .open = open_run,
    .close = close_run,
    .start_session = start_session,
    .enter_session = enter_session,
    .fds = fds,
    .deadline = deadline,
    .serve = serve,
    .session_pid = session_pid,
    .session_status = session_status,
    .ending = ending,
    .printing = printing,
    .suspend = suspend,
    .idle = idle,
    .recorded = recorded,
    .trace = read_trace,
    .trace_write = write_trace,
    .survey = survey,
};

int terminal_run(const struct supervisor_options *o, struct tracing *tracing,
                 const struct repl_options *repl) {
  struct terminal t = {.o = *o, .tracing = tracing};
  struct repl_options full = *repl;
  full.run = &run;
  full.host = &t;
  return repl_run(&full);
}
