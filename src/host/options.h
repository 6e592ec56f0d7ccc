/*
 * host/options.h - the command line: a table of options, and the values they were given.
 *
 * Every option is one row of the table in options_table.c; parsing, --help, --completions and the
 * suggestion for a mistyped option read it. Options end at the script's name, as in lua(1). A command
 * (`sandbox trace`) stands in the place of a script, and has options of its own.
 *
 * The command line is parsed before any Lua is touched.
 */
#ifndef SBX_HOST_OPTIONS_H
#define SBX_HOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/policy.h"
#include "look/trace/model.h"
#include "os/shared/shake.h"

/* The exit statuses that the host itself decides. */
enum { EXIT_LUA_ERROR = 1, EXIT_USAGE = 2, EXIT_SHAKE = 5 };

enum run_mode {
  MODE_RUN,
  MODE_TOPIC,
  MODE_CHECK,
  MODE_HELP,
  MODE_HELP_ALL,
  MODE_VERSION,
  MODE_COMPLETIONS,
  MODE_INIT,
  MODE_TRACE,
  MODE_TRACE_HELP,
  MODE_STRICT_REPORT,
  MODE_COURSE,
  MODE_COURSE_HELP,
  MODE_AGENT,
  MODE_AGENT_HELP
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* What -e, -l and -W ask for; performed in the order of the command line. */
struct step {
  enum step_kind { STEP_STATEMENT, STEP_LIBRARY, STEP_WARNINGS } kind;
  const char *text; /* borrowed from argv; NULL for STEP_WARNINGS */
};

enum trace_format { TRACE_HTML, TRACE_SVG, TRACE_PFTRACE, TRACE_JSON };

struct trace_file {
  const char *path; /* borrowed from argv; "-": stdout */
  enum trace_format format;
};

enum { TRACE_LIMIT_DEFAULT = 1 << 30 };

/* What is recorded of the run, and shown at its end. */
struct trace_options {
  struct trace_file *files; /* owned */
  size_t file_count;
  enum trace_detail detail;
  uint64_t limit; /* bytes of the record */
  bool timeline;
  int width; /* of the timeline; 0: that of the terminal */
  bool stats, stats_json;
};

enum { SHAKE_RUNS_DEFAULT = 100 };

/* --shake: many runs, each with other pauses. */
struct shake_choice {
  uint64_t runs;              /* 0: one plain run */
  bool same;                  /* the output must be that of a run without pauses */
  struct shake_options again; /* the pauses of a token; mode SHAKE_NONE: none was given */
};

/* What is wrong with the argument of --allow-*; told when the whole line was read. */
struct allow_fault {
  const char *option; /* NULL: nothing is wrong; static */
  char *part;         /* owned; NULL: a part is empty */
  int code;           /* -SBX_* */
  int errnum;         /* of -SBX_ESYSTEM */
};

/* --explore=LIMIT. 0: the default, or none. */
struct explore_limit {
  uint64_t states, bytes;
  int64_t time_ns;
  bool bounded;
  uint64_t preemptions; /* if bounded */
};

/* A run over several hosts. Strings are borrowed from argv or the environment. */
struct engine_choice {
  const char *url;    /* --engine, or SANDBOX_ENGINE; NULL: none */
  const char *hosts;  /* --hosts; NULL: none */
  bool insecure;      /* --engine-insecure */
  int64_t timeout_ns; /* --engine-timeout; 0: the default */
  bool spread;        /* --spread */
  int64_t lost_ns;    /* --lost-after; 0: the default */
};

/* `sandbox agent` */
struct agent_choice {
  const char *url;
  const char *name; /* NULL: that of the host */
  int slots;        /* 0: as many as processors */
  bool once, password_stdin, insecure;
};

struct options {
  enum run_mode mode;
  uint64_t given; /* the options of a run that were given: bit i is row i of their table */

  struct step *steps; /* owned */
  size_t step_count;
  bool has_statement;      /* -e was given: standard input is not read as a script */
  bool interactive;        /* -i */
  bool show_version;       /* -v, or implied by -i */
  bool ignore_environment; /* -E */
  bool is_command;         /* --command: what comes next is none of the scripts */
  int script;              /* index of the script in argv; argc: there is none */
  bool script_is_stdin;    /* it is "-", not made a file name by "--" */

  double speed;
  uint64_t seed;
  bool seeded; /* --seed was given; it may be 0 */
  uint32_t max_procs;
  int64_t timeout_ns; /* machine time from the start of the run; SBX_FOREVER: none */
  bool tag_output;
  enum color_choice color;
  struct trace_options trace;
  struct shake_choice shake;
  bool sim;             /* --sim, or implied by what needs it */
  bool explore;         /* --explore */
  bool explore_kills;   /* --explore-kills */
  bool step;            /* --step */
  struct policy policy; /* --strict and its kin, and limits; owned */
  const char *allows;   /* the first option that allows something; NULL: none; static */
  struct allow_fault allow_fault;
  const char *replay; /* --replay: a token; NULL: none; borrowed */
  struct explore_limit explore_limit;
  const char **inputs; /* words of a command; owned, each borrowed from argv */
  size_t input_count;
  struct engine_choice engine;
  struct agent_choice agent;
  bool course_table; /* `check`: only the table */
  int64_t course_ns; /* `check`: limit of each run; 0: the default */
  const char *shell; /* --completions; borrowed */
  const char *topic; /* the argument after --help, for MODE_TOPIC; borrowed */
};

/*
 * Parse the command line.
 *   o     the caller's; filled, also on failure: call options_release in any case
 *   argv  borrowed for as long as `o` is used
 *   err   where a usage error is printed, in two lines
 * Returns 0, EXIT_USAGE, or EXIT_LUA_ERROR when memory is exhausted.
 */
int options_parse(struct options *o, int argc, char **argv, FILE *err);

/* Is there neither a script nor -e? Then it is the prompt, or stdin is the script. */
bool options_have_no_script(const struct options *o, int argc);

/* Has a run with these options a supervisor? One that is simulated needs it for its limits alone. */
bool options_need_supervisor(const struct options *o);

/* Free what `o` owns; accepts a zeroed one. */
void options_release(struct options *o);

/* Print a usage error: "sandbox: " and the text, then a line about --help. Returns EXIT_USAGE. */
int options_usage_error(FILE *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The format that the extension of a file name says (enum trace_format), or -1. */
int option_trace_format(const char *path);

/* Print the text of --help (one screen), of --help all, and of `trace --help` and
 * `check --help`. */
void options_help(FILE *out);
void options_help_all(FILE *out);
void options_trace_help(FILE *out);
void options_course_help(FILE *out);
void options_agent_help(FILE *out);

/* Print the completion script for "bash", "zsh" or "fish". */
void options_completions(FILE *out, const char *shell);

/*
 * Should messages be coloured? --color decides, then NO_COLOR, FORCE_COLOR and TERM=dumb, in this
 * order, then whether they go to a terminal.
 */
bool options_color(enum color_choice choice, bool is_terminal);

#endif
