/*
 * host/main.c - the program: parse the command line, then run a script under a supervisor.
 *
 * No Lua runs in this process: the supervisor forks main, where script.c takes over. On a terminal
 * the supervisor is also the prompt (prompt/repl.h). Help, version, completions, --init and --check
 * need no supervisor.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "host/engine.h"
#include "host/far.h"
#include "host/hosts.h"
#include "host/init.h"
#include "host/options.h"
#include "host/output.h"
#include "host/replay.h"
#include "host/script.h"
#include "host/shake.h"
#include "host/simulate.h"
#include "host/simulated.h"
#include "host/strict.h"
#include "host/terminal.h"
#include "host/trace.h"
#include "lua/state/report.h"
#include "os/backend.h"
#include "os/process/output.h"
#include "os/supervisor/supervisor.h"
#include "prompt/show.h"
#include "sandbox/sandbox.h"

static const char prompt_greeting[] =
    "sandbox " SANDBOX_VERSION ", " LUA_RELEASE ". help() lists the commands; Ctrl-D leaves.";

/* Print a message of the supervisor. On a terminal its lines are wrapped between words. */
static void say(void *ctx, const char *line) {
  struct buf wrapped = {0};
  (void)ctx;
  if (isatty(STDERR_FILENO) && strchr(line, '\n') &&
      show_wrapped(line, strlen(line), show_columns(STDERR_FILENO), &wrapped) == 0) {
    wrapped.data[wrapped.len - 1] = '\0'; /* a newline */
    line = (const char *)wrapped.data;
  }
  report_print(&(struct report){.message = line});
  buf_release(&wrapped);
}

/* Print the report that a failed process has left. */
static void report(void *ctx, const char *text, size_t len) {
  (void)ctx;
  report_write(text, len);
}

/* On a terminal: with -i, or when there is nothing else to do. */
static bool wants_prompt(const struct options *o, int argc) {
  bool nothing_else = o->script == argc && !o->has_statement && !o->show_version;
  return o->mode == MODE_RUN && (o->interactive || nothing_else) && repl_possible();
}

/* The life of main, and of a session: what is the supervisor's alone is closed first. */
static int main_process(struct backend *b, void *ctx) {
  const struct script *script = ctx;
  tracing_forget(script->tracing);
  if (script->shaken)
    shake_forget(script->shaken);
  int status = strict_close(&script->options->policy, b);
  if (status == 0 && !script->options->sim)
    return script_process(b, ctx);
  if (status == 0) /* in the jail: the supervisor holds the limits */
    status = simulate((struct script *)ctx);
  b->self->decide(b, status);
  return status;
}

static int main_session(struct backend *b, const struct session_place *place, void *ctx) {
  const struct script *script = ctx;
  tracing_forget(script->tracing);
  int status = strict_close(&script->options->policy, b);
  return status ? status : script_session(b, place, ctx);
}

enum { DEADLOCK_AFTER_NS = 250 * 1000 * 1000 };

/* At the prompt a person can resolve a deadlock, so it is reported and nothing is ended. */
static int run_prompt(struct supervisor_options supervisor, struct script *script,
                      struct tracing *tracing) {
  const struct options *o = script->options;
  supervisor.deadlock_after_ns = DEADLOCK_AFTER_NS;
  supervisor.guided = true;
  const struct repl_options repl = {.greeting = prompt_greeting,
                                    .color = options_color(o->color, true),
                                    .utf8 = utf8_in_environment(),
                                    .session = main_session,
                                    .ctx = script,
                                    .policy = &o->policy};
  return terminal_run(&supervisor, tracing, &repl);
}

static int run_script(struct supervisor_options supervisor, struct script *script) {
  supervisor.deadlock_after_ns = DEADLOCK_AFTER_NS;
  return supervisor_run(&supervisor, main_process, script);
}

/* One run, of --shake perhaps; else `shaken` is NULL. */
static int run_once(const struct options *o, int argc, char **argv, struct shaken_run *shaken,
                    const sigset_t *mask) {
  struct script script = {.options = o, .argc = argc, .argv = argv, .shaken = shaken};
  struct supervisor_options supervisor = {
      .backend = backend_new,
      .speed = o->speed,
      .seed = o->seed,
      .seeded = o->seeded,
      .max_procs = o->max_procs,
      .mask = mask,
      .policy = &o->policy,
      .timeout_ns = o->timeout_ns,
      .tag_output = o->tag_output,
      .say = say,
      .report = report,
  };
  struct tracing tracing;
  int status;
  if (o->replay && !o->sim) {
    if ((status = replay_prepare(&script, &supervisor.turns)))
      return status;
    supervisor.seeded = true;
    supervisor.seed = o->seeded ? o->seed : 1; /* as that of the exploration */
  }
  if (far_setup.on)
    supervisor.backend = engine_backend;
  bool prompt = !shaken && wants_prompt(o, argc);
  script.tracing = &tracing;
  if (shaken)
    shake_prepare(shaken, &supervisor);
  status = tracing_begin(&tracing, o, argc, argv, prompt, &supervisor.record);
  if (status) {
    tracing_end(&tracing, false);
    return status;
  }
  status = prompt ? run_prompt(supervisor, &script, &tracing) : run_script(supervisor, &script);
  if (far_setup.on)
    engine_end();
  bool show = shaken ? shake_over(shaken, status) : status >= 0;
  tracing_end(&tracing, show);
  if (shaken)
    return 0;
  if (supervisor.turns && status >= 0)
    return replay_over(supervisor.turns, status);
  if (status >= 0)
    return status;
  fprintf(stderr, "sandbox: cannot start the run: %s\n", error_text(status));
  return EXIT_LUA_ERROR;
}

/* What a run of --shake is made from. */
struct command_line {
  const struct options *o;
  int argc;
  char **argv;
  const sigset_t *mask; /* as in run_once */
};

static int run_shaken(struct shaken_run *r, void *ctx) {
  const struct command_line *c = ctx;
  return run_once(c->o, c->argc, c->argv, r, c->mask);
}

static int run(struct options *o, int argc, char **argv) {
  struct command_line line = {.o = o, .argc = argc, .argv = argv};
  sigset_t mask;
  int status;
  if (o->sim)
    simulated_fix_addresses(argv); /* before the jail, which lets no program start */
  enum strict_entry entry = o->mode == MODE_RUN ? strict_enter(o, &status, &mask) : STRICT_GO;
  if (entry == STRICT_DONE)
    return status;
  line.mask = entry == STRICT_INSIDE ? &mask : NULL;
  if (o->sim && !policy_is_strict(&o->policy))
    return simulate(&(struct script){.options = o, .argc = argc, .argv = argv});
  if (o->mode == MODE_RUN && o->shake.runs > 0)
    return shake_run(o, argc, argv, run_shaken, &line);
  if ((status = hosts_begin(&o->engine)))
    return status;
  status = run_once(o, argc, argv, NULL, line.mask);
  hosts_end();
  return status;
}

/* An option after the script: a run would pass it to the script, here it would be taken for a file. An
 * "--" before the script says that files may have such names. */
static const char *option_behind(const struct options *o, int argc, char **argv) {
  if (strcmp(argv[o->script - 1], "--") == 0)
    return NULL;
  for (int i = o->script + 1; i < argc; i++)
    if (argv[i][0] == '-' && argv[i][1] != '\0')
      return argv[i];
  return NULL;
}

static int check(const struct options *o, int argc, char **argv) {
  const char *behind = option_behind(o, argc, argv);
  if (behind)
    return options_usage_error(stderr,
                               "option '%s' comes after the script '%s': put options before it",
                               behind, argv[o->script]);
  if (o->script == argc && !o->has_statement && isatty(STDIN_FILENO))
    return options_usage_error(
        stderr, "option '--check' needs a script; for example sandbox --check job.lua");
  return script_check(&(struct script){.options = o, .argc = argc, .argv = argv});
}

static int carry_out(struct options *o, int argc, char **argv) {
  switch (o->mode) {
  case MODE_RUN:
  case MODE_TOPIC:
  case MODE_COURSE:
    return run(o, argc, argv);
  case MODE_CHECK:
    return check(o, argc, argv);
  case MODE_HELP:
    options_help(stdout);
    break;
  case MODE_HELP_ALL:
    options_help_all(stdout);
    break;
  case MODE_VERSION:
    puts(script_version);
    break;
  case MODE_COMPLETIONS:
    options_completions(stdout, o->shell);
    break;
  case MODE_INIT:
    return init_folder();
  case MODE_TRACE:
    return trace_command(o);
  case MODE_TRACE_HELP:
    options_trace_help(stdout);
    break;
  case MODE_STRICT_REPORT:
    return strict_report();
  case MODE_AGENT:
    return agent_command(o);
  case MODE_AGENT_HELP:
    options_agent_help(stdout);
    break;
  case MODE_COURSE_HELP:
    options_course_help(stdout);
    break;
  }
  return output_finish(0);
}

int main(int argc, char **argv) {
  output_claim_descriptors();
  memory_bound();
  struct options o;
  int status = options_parse(&o, argc, argv, stderr);
  if (status == 0) {
    report_set_writer(output_report);
    report_set_color(options_color(o.color, isatty(STDERR_FILENO)));
    report_show_controls(policy_is_strict(&o.policy) && isatty(STDERR_FILENO));
    status = carry_out(&o, argc, argv);
  }
  options_release(&o);
  return status;
}
