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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "host/engine.h"
#include "host/explore_report.h"
#include "host/far.h"
#include "host/hosts.h"
#include "host/init.h"
#include "host/lookout.h"
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
#include "os/process/copier.h"
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
  bool nothing_else = options_have_no_script(o, argc) && !o->show_version;
  return o->mode == MODE_RUN && (o->interactive || nothing_else) && repl_possible();
}

/* What programs print is counted from now on, if it must be. 0, or the exit status after a message. */
static int copy_programs(const struct script *script, struct backend *b) {
  b->policy = &script->options->policy;
  int rc = copier_begin((struct os_backend *)b);
  if (rc == 0)
    return 0;
  fprintf(stderr, "sandbox: cannot count what programs print: %s\n", error_text(rc));
  return EXIT_LUA_ERROR;
}

/* The life of main, and of a session: what is the supervisor's alone is closed first. */
static int main_process(struct backend *b, void *ctx) {
  const struct script *script = ctx;
  tracing_forget(script->tracing);
  explore_pages_forget(script->pages);
  if (script->shaken)
    shake_forget(script->shaken);
  int status = strict_close(&script->options->policy, b);
  if (status == 0 && !script->options->sim) {
    status = copy_programs(script, b);
    return status ? status : script_process(b, ctx);
  }
  if (status == 0) /* in the jail: the supervisor holds the limits */
    status = simulate((struct script *)ctx);
  b->self->decide(b, status);
  return status;
}

static int main_session(struct backend *b, const struct session_place *place, void *ctx) {
  const struct script *script = ctx;
  tracing_forget(script->tracing);
  int status = strict_close(&script->options->policy, b);
  status = status ? status : copy_programs(script, b);
  return status ? status : script_session(b, place, ctx);
}

enum { DEADLOCK_AFTER_NS = 250 * 1000 * 1000 };

/* Over an engine the run alone does not know who could help: a lookout does. */
static void watch_for_deadlocks(struct supervisor_options *supervisor, bool guided) {
  supervisor->deadlock_after_ns = DEADLOCK_AFTER_NS;
  supervisor->guided = guided;
  if (!far_setup.on)
    return;
  engine_watch(guided);
  supervisor->look = lookout_found;
}

/* At the prompt a person can resolve a deadlock, so it is reported and nothing is ended. */
static int run_prompt(struct supervisor_options supervisor, struct script *script,
                      struct tracing *tracing) {
  const struct options *o = script->options;
  watch_for_deadlocks(&supervisor, true);
  strict_settle(); /* the editor makes a process, which looks after the terminal */
  const struct repl_options repl = {.greeting = prompt_greeting,
                                    .color = options_color(o->color, true),
                                    .utf8 = utf8_in_environment(),
                                    .session = main_session,
                                    .ctx = script,
                                    .policy = &o->policy};
  return terminal_run(&supervisor, tracing, &repl);
}

static int run_script(struct supervisor_options supervisor, struct script *script) {
  watch_for_deadlocks(&supervisor, false);
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
      .begun = strict_settle,
      .timeout_ns = o->timeout_ns,
      .tag_output = o->tag_output,
      .say = say,
      .report = report,
  };
  struct tracing tracing;
  int status;
  if (o->replay && !o->sim) {
    if ((status = replay_prepare(&script, &supervisor, &supervisor.turns)))
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
  if (status == 0 && o->explore)
    status = explore_pages_open(o, &script.pages);
  if (status) {
    explore_pages_free(script.pages);
    tracing_end(&tracing, false);
    return status;
  }
  status = prompt ? run_prompt(supervisor, &script, &tracing) : run_script(supervisor, &script);
  if (far_setup.on)
    engine_end();
  explore_pages_finish(script.pages);
  explore_pages_free(script.pages);
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
  if (o->sim || o->replay)
    simulated_fix_addresses(argv); /* before the jail, which lets no program start */
  enum strict_entry entry = o->mode == MODE_RUN ? strict_enter(o, &status, &mask) : STRICT_GO;
  if (entry == STRICT_DONE)
    return status;
  line.mask = entry == STRICT_INSIDE ? &mask : NULL;
  if (!options_need_supervisor(o))
    return simulate(&(struct script){.options = o, .argc = argc, .argv = argv});
  if (o->mode == MODE_RUN && o->shake.runs > 0) {
    strict_settle();
    status = shake_run(o, argc, argv, run_shaken, &line);
    strict_leave();
    return status;
  }
  if ((status = hosts_begin(&o->engine)))
    return status;
  status = run_once(o, argc, argv, NULL, line.mask);
  hosts_end();
  strict_leave();
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
  if (options_have_no_script(o, argc) && isatty(STDIN_FILENO))
    return options_usage_error(
        stderr, "option '--check' needs a script; for example sandbox --check job.lua");
  return script_check(&(struct script){.options = o, .argc = argc, .argv = argv});
}

enum { HELP_WIDTH = 80 };

/* Take out the spaces that put words into a second column. Returns the new length. */
static size_t squeeze(char *text, size_t len) {
  enum { GAP = 2, INDENT = 6 };
  size_t to = 0, spaces = 0, most = INDENT;
  for (size_t i = 0; i < len; i++) {
    spaces = text[i] == ' ' ? spaces + 1 : 0;
    if (spaces <= most)
      text[to++] = text[i];
    if (spaces == 0)
      most = text[i] == '\n' ? INDENT : GAP;
  }
  return to;
}

/* Help is written for 80 columns. On a terminal that has less its lines are wrapped between words. */
static void show_help(void (*print)(FILE *)) {
  struct buf wrapped = {0};
  char *text = NULL;
  size_t len = 0;
  int columns = isatty(STDOUT_FILENO) ? show_columns(STDOUT_FILENO) : HELP_WIDTH;
  FILE *memory = columns < HELP_WIDTH ? open_memstream(&text, &len) : NULL;
  if (memory)
    print(memory);
  if (memory && fclose(memory) == 0 &&
      show_wrapped(text, squeeze(text, len), columns, &wrapped) == 0)
    fwrite(wrapped.data, 1, wrapped.len, stdout);
  else
    print(stdout);
  buf_release(&wrapped);
  free(text);
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
    show_help(options_help);
    break;
  case MODE_HELP_ALL:
    show_help(options_help_all);
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
    show_help(options_trace_help);
    break;
  case MODE_STRICT_REPORT:
    return strict_report();
  case MODE_AGENT:
    return agent_command(o);
  case MODE_AGENT_HELP:
    show_help(options_agent_help);
    break;
  case MODE_COURSE_HELP:
    show_help(options_course_help);
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
