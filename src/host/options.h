/*
 * host/options.h - the command line, as a table of options and what they were set to.
 *
 * Every option is one row of the table in options_table.c; parsing, --help, --completions and the
 * suggestion for a mistyped one are read from it. Options end at the script's name, as in lua(1).
 *
 * Includes base only: no Lua is touched before the command line is understood.
 */
#ifndef SBX_HOST_OPTIONS_H
#define SBX_HOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The exit statuses that the host itself decides. */
enum { EXIT_LUA_ERROR = 1, EXIT_USAGE = 2 };

enum run_mode {
  MODE_RUN,
  MODE_TOPIC,
  MODE_CHECK,
  MODE_HELP,
  MODE_VERSION,
  MODE_COMPLETIONS,
  MODE_INIT
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* What -e, -l and -W ask for; carried out in the order of the command line. */
struct step {
  enum step_kind { STEP_STATEMENT, STEP_LIBRARY, STEP_WARNINGS } kind;
  const char *text; /* borrowed from argv; NULL for STEP_WARNINGS */
};

struct options {
  enum run_mode mode;

  struct step *steps; /* owned */
  size_t step_count;
  bool has_statement;      /* -e: then standard input is no script */
  bool interactive;        /* -i */
  bool show_version;       /* -v, or implied by -i */
  bool ignore_environment; /* -E */
  int script;              /* index of the script in argv; argc: there is none */
  bool script_is_stdin;    /* it is "-", and no "--" made a name of it */

  double speed;
  uint64_t seed;
  bool seeded; /* --seed was given; it may be 0 */
  uint32_t max_procs;
  int64_t timeout_ns; /* machine time from the start of the run; SBX_FOREVER: none */
  bool tag_output;
  enum color_choice color;
  const char *shell; /* --completions; borrowed */
  const char *topic; /* what follows --help, for MODE_TOPIC; borrowed */
};

/*
 * Understand the command line.
 *   o     the caller's; filled, also on failure: options_release it in any case
 *   argv  borrowed for as long as `o` is used
 *   err   where a usage error is told, in two lines
 * Returns 0, EXIT_USAGE, or EXIT_LUA_ERROR when memory is exhausted.
 */
int options_parse(struct options *o, int argc, char **argv, FILE *err);

/* Free what `o` owns; accepts one that is zero. */
void options_release(struct options *o);

/* Tell a usage error: "sandbox: " and the text, then a line on --help. Returns EXIT_USAGE. */
int options_usage_error(FILE *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print what --help shows. */
void options_help(FILE *out);

/* Print the completion script for "bash", "zsh" or "fish". */
void options_completions(FILE *out, const char *shell);

/*
 * Shall messages be coloured? --color decides, else NO_COLOR, FORCE_COLOR, TERM=dumb, in this
 * order, else whether they go to a terminal.
 */
bool options_color(enum color_choice choice, bool is_terminal);

#endif
