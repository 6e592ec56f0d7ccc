/*
 * host/options_internal.h - shared by the files of the command line: the tables of options.
 *
 *   options_table.c     the tables, and what each option sets
 *   options_strict.c    what --strict, --allow-* and limits set
 *   options_hosts.c     what --engine and --hosts set, and `agent`
 *   options_together.c  which options cannot be used together
 *   options.c           parsing
 *   options_suggest.c   which option or command a mistyped one was meant to be
 *   options_help.c      --help
 *   options_complete.c  --completions
 *
 * Only options_table.c knows individual options; the other files read its rows.
 */
#ifndef SBX_HOST_OPTIONS_INTERNAL_H
#define SBX_HOST_OPTIONS_INTERNAL_H

#include "host/options.h"

enum { NAME_MAX_LEN = 32 }; /* no option has a longer name; nothing longer is a typo of one */

/* The shells of --completions, separated by spaces; options_complete.c has a writer for each, in
 * this order. */
#define SHELLS "bash zsh fish"

/* What a handler returns. */
enum answer {
  ANSWER_OK,
  ANSWER_BAD,
  ANSWER_STOP /* the rest of the line does not matter */
};

/* The groups of --help, in order. */
enum option_group {
  GROUP_LUA,
  GROUP_RUN,
  GROUP_SEE,
  GROUP_TRY,
  GROUP_STRICT,
  GROUP_HOSTS,
  GROUP_ABOUT,
  GROUP_COUNT
};

enum option_argument {
  NO_ARGUMENT,
  ARGUMENT,         /* --name VALUE, --name=VALUE */
  FILE_ARGUMENT,    /* likewise; completions offer files */
  OPTIONAL_ARGUMENT /* --name, --name=VALUE; such an option has no letter */
};

/* One option: a letter, a name, or both. */
struct option_row {
  enum option_group group;
  char letter;      /* -e; 0: none */
  const char *name; /* --speed; NULL: none */
  enum option_argument takes;
  const char *argument; /* its name in --help; NULL: the option takes none */
  const char *help;
  const char *wants;   /* what the argument must be; follows the word "wants" */
  const char *example; /* an example of its use */
  const char *choices; /* the only valid arguments, separated by spaces; NULL: any */
  enum answer (*set)(struct options *o, const char *value);
};

struct option_table {
  const struct option_row *rows;
  int count;
  const char *help; /* the command that lists them */
};

extern const struct option_table program_options;       /* before the script */
extern const struct option_table trace_command_options; /* of the command `trace` */
extern const struct option_table course_options;        /* of the command `check` */
extern const struct option_table agent_options;         /* of the command `agent` */

/* A command: a word in the place of a script. */
struct command {
  const char *name;
  const char *help; /* for completions */
  const struct option_table *options;
  enum run_mode mode;
};

enum { COMMAND_COUNT = 3 };
extern const struct command commands[COMMAND_COUNT];

/* The row of a letter (the 'e' of -e), or NULL. */
const struct option_row *option_of_letter(const struct option_table *t, char letter);

/* The row of a name (without its dashes, `len` bytes), or NULL. */
const struct option_row *option_of_name(const struct option_table *t, const char *name, size_t len);

/* The row that a mistyped option (without its dashes, `len` bytes) is most like, or NULL. */
const struct option_row *option_suggestion(const struct option_table *t, const char *typed,
                                           size_t len);

/* The command that a mistyped one is most like, or NULL. */
const struct command *command_suggestion(const char *typed);

/* The position of `value` among the words of `choices`, or -1. */
int option_choice_index(const char *choices, const char *value);

struct option_spelling {
  char text[NAME_MAX_LEN + 3];
};

/* One of the row's two spellings, which it must have: "-e" or "--speed". */
struct option_spelling option_spell(const struct option_row *row, bool is_long);

/* -- values ------------------------------------------------------------------------------------ */

/* A size: bytes, or a number with K, M or G, which are powers of 1024. */
bool option_size(const char *text, uint64_t *ret);

/* A whole number, decimal or with 0x. */
bool option_unsigned(const char *text, uint64_t *ret);

/* The limits of an exploration: "100000", "preemptions:2,seconds:60". False: there is something else
 * in it, or one twice. */
bool option_explore_limit(const char *text, struct explore_limit *ret);

/* Seconds greater than 0, as nanoseconds; SBX_FOREVER when they are too many. */
bool option_seconds(const char *text, int64_t *ret_ns);

/* -- options_strict.c -------------------------------------------------------------------------- */

enum answer set_strict(struct options *o, const char *value);
enum answer set_allow_read(struct options *o, const char *value);
enum answer set_allow_write(struct options *o, const char *value);
enum answer set_allow_env(struct options *o, const char *value);
enum answer set_allow_run(struct options *o, const char *value);
enum answer set_memory(struct options *o, const char *value);
enum answer set_cpu(struct options *o, const char *value);
enum answer set_output_limit(struct options *o, const char *value);
enum answer set_files_limit(struct options *o, const char *value);

/* The words after --strict=, in the order of enum policy_strict from STRICT_LUA on. */
#define STRICTS "lua report"

/* The whole line was read: fill in the limits that nobody set, and refuse what makes no sense. Returns 0
 * or EXIT_USAGE. */
int options_complete_strict(struct options *o, int argc, char **argv, FILE *err);

/* -- options_together.c ------------------------------------------------------------------------ */

/* The whole line was read: refuse options that leave each other out. Returns 0 or EXIT_USAGE. */
int options_check_together(const struct options *o, int argc, char **argv, FILE *err);

/* An option that was given, and says nothing to a command that comes after it; NULL: there is none. */
const struct option_row *options_before_command(const struct options *o);

/* -- options_hosts.c --------------------------------------------------------------------------- */

enum answer set_engine(struct options *o, const char *value);
enum answer set_engine_insecure(struct options *o, const char *value);
enum answer set_engine_timeout(struct options *o, const char *value);
enum answer set_hosts(struct options *o, const char *value);
enum answer set_spread(struct options *o, const char *value);
enum answer set_lost_after(struct options *o, const char *value);
enum answer set_agent_name(struct options *o, const char *value);
enum answer set_agent_slots(struct options *o, const char *value);
enum answer set_agent_once(struct options *o, const char *value);
enum answer set_agent_password(struct options *o, const char *value);
enum answer set_agent_help(struct options *o, const char *value);

/* The whole line was read: refuse what makes no sense. Returns 0 or EXIT_USAGE. */
int options_complete_engine(struct options *o, FILE *err);

#endif
