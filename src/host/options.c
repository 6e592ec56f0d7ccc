/* host/options.c - the table of options, and all that is read from it; see options.h. */
#include "host/options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { PROCS_DEFAULT = 512, PROCS_MAX = 32768 };
enum { NAME_MAX_LEN = 32 }; /* longest option name that is worth a suggestion */

/* What a handler answers. */
enum answer { ANSWER_OK, ANSWER_BAD, ANSWER_STOP /* the rest of the line does not matter */ };

enum group { GROUP_LUA, GROUP_RUN, GROUP_ABOUT, GROUP_COUNT };

static const char *const group_titles[GROUP_COUNT] = {
    "Options, as those of lua",
    "Options of a run",
    "Other options",
};

struct row {
  enum group group;
  char letter;          /* -e; 0: none */
  const char *name;     /* --speed; NULL: none */
  const char *argument; /* what --help calls it; NULL: takes none */
  const char *help;
  const char *wants;   /* what the argument must be, to follow "wants" */
  const char *example; /* a good argument */
  const char *choices; /* the only good arguments, between spaces; NULL: not a choice */
  enum answer (*set)(struct options *o, const char *value);
};

/* -- handlers --------------------------------------------------------------------------------- */

static enum answer add_step(struct options *o, enum step_kind kind, const char *text) {
  o->steps[o->step_count++] = (struct step){kind, text}; /* room for argc steps was made */
  return ANSWER_OK;
}

static enum answer set_statement(struct options *o, const char *value) {
  o->has_statement = true;
  return add_step(o, STEP_STATEMENT, value);
}

static enum answer set_library(struct options *o, const char *value) {
  return add_step(o, STEP_LIBRARY, value);
}

static enum answer set_warnings(struct options *o, const char *value) {
  (void)value;
  return add_step(o, STEP_WARNINGS, NULL);
}

static enum answer set_interactive(struct options *o, const char *value) {
  (void)value;
  o->interactive = o->show_version = true;
  return ANSWER_OK;
}

static enum answer set_show_version(struct options *o, const char *value) {
  (void)value;
  o->show_version = true;
  return ANSWER_OK;
}

static enum answer set_ignore_environment(struct options *o, const char *value) {
  (void)value;
  o->ignore_environment = true;
  return ANSWER_OK;
}

/* A finite number greater than 0, and nothing else. */
static bool parse_positive(const char *text, double *ret) {
  if (!strchr("0123456789.", *text) || *text == '\0')
    return false;
  char *end;
  double number = strtod(text, &end);
  if (*end != '\0' || !isfinite(number) || number <= 0)
    return false;
  *ret = number;
  return true;
}

/* An unsigned integer of 64 bits, decimal or 0x. */
static bool parse_unsigned(const char *text, uint64_t *ret) {
  bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  const char *digits = hex ? text + 2 : text;
  const char *allowed = hex ? "0123456789abcdefABCDEF" : "0123456789";
  if (*digits == '\0' || digits[strspn(digits, allowed)] != '\0')
    return false;
  errno = 0;
  unsigned long long number = strtoull(digits, NULL, hex ? 16 : 10);
  if (errno == ERANGE || number > UINT64_MAX)
    return false;
  *ret = number;
  return true;
}

static enum answer set_speed(struct options *o, const char *value) {
  return parse_positive(value, &o->speed) ? ANSWER_OK : ANSWER_BAD;
}

static enum answer set_seed(struct options *o, const char *value) {
  o->seeded = parse_unsigned(value, &o->seed);
  return o->seeded ? ANSWER_OK : ANSWER_BAD;
}

static enum answer set_timeout(struct options *o, const char *value) {
  double seconds;
  if (!parse_positive(value, &seconds))
    return ANSWER_BAD;
  double ns = ceil(seconds * (double)NS_PER_SECOND);
  o->timeout_ns = ns >= (double)SBX_FOREVER ? SBX_FOREVER : (int64_t)ns;
  return ANSWER_OK;
}

static enum answer set_max_procs(struct options *o, const char *value) {
  uint64_t number;
  if (!parse_unsigned(value, &number) || number < 1 || number > PROCS_MAX)
    return ANSWER_BAD;
  o->max_procs = (uint32_t)number;
  return ANSWER_OK;
}

/* The position of `value` among the words of `choices`, or -1. */
static int choice_index(const char *choices, const char *value) {
  size_t len = strlen(value);
  int index = 0;
  for (const char *word = choices; *word != '\0'; index++) {
    size_t word_len = strcspn(word, " ");
    if (word_len == len && memcmp(word, value, len) == 0)
      return index;
    word += word_len + strspn(word + word_len, " ");
  }
  return -1;
}

#define OUTPUTS "raw tag"
#define COLORS "auto always never" /* in the order of enum color_choice */
#define SHELLS "bash zsh fish"

static enum answer set_output(struct options *o, const char *value) {
  int index = choice_index(OUTPUTS, value);
  o->tag_output = index == 1;
  return index < 0 ? ANSWER_BAD : ANSWER_OK;
}

static enum answer set_color(struct options *o, const char *value) {
  int index = choice_index(COLORS, value);
  if (index < 0)
    return ANSWER_BAD;
  o->color = (enum color_choice)index;
  return ANSWER_OK;
}

static enum answer set_check(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_CHECK;
  return ANSWER_OK;
}

static enum answer set_help(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_HELP;
  return ANSWER_STOP;
}

static enum answer set_version(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_VERSION;
  return ANSWER_STOP;
}

static enum answer set_completions(struct options *o, const char *value) {
  if (choice_index(SHELLS, value) < 0)
    return ANSWER_BAD;
  o->mode = MODE_COMPLETIONS;
  o->shell = value;
  return ANSWER_STOP;
}

/* -- the table -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct row rows[] = {
    {GROUP_LUA, 'e', NULL, "STAT", "run the Lua statement STAT",
     "a Lua statement", "-e 'print(1)'", NULL, set_statement},
    {GROUP_LUA, 'l', NULL, "[G=]MOD", "require the library MOD into the global G, or MOD",
     "the name of a library", "-l json", NULL, set_library},
    {GROUP_LUA, 'i', NULL, NULL, "enter the prompt after the script",
     NULL, NULL, NULL, set_interactive},
    {GROUP_LUA, 'v', NULL, NULL, "print the version, then go on",
     NULL, NULL, NULL, set_show_version},
    {GROUP_LUA, 'E', NULL, NULL, "ignore environment variables of Lua (LUA_INIT, LUA_PATH, ...)",
     NULL, NULL, NULL, set_ignore_environment},
    {GROUP_LUA, 'W', NULL, NULL, "turn warnings on",
     NULL, NULL, NULL, set_warnings},

    {GROUP_RUN, 0, "speed", "X", "the clock goes X times faster: sleep and timeouts take 1/X",
     "a number greater than 0", "--speed 10", NULL, set_speed},
    {GROUP_RUN, 0, "seed", "N", "the seed of the random numbers, to repeat a run",
     "an integer of 64 bits, decimal or 0x", "--seed 42", NULL, set_seed},
    {GROUP_RUN, 0, "timeout", "S", "end the run after S seconds of real time (exit status 124)",
     "seconds greater than 0", "--timeout 60", NULL, set_timeout},
    {GROUP_RUN, 0, "max-procs", "N", "at most N processes alive at once (default 512)",
     "an integer from 1 to 32768", "--max-procs 64", NULL, set_max_procs},
    {GROUP_RUN, 0, "output", "HOW", "raw: as it is; tag: each line of a child begins with [name#id]",
     "raw or tag", "--output tag", OUTPUTS, set_output},
    {GROUP_RUN, 0, "check", NULL, "compile the script, do not run it",
     NULL, NULL, NULL, set_check},
    {GROUP_RUN, 0, "color", "WHEN", "colour messages: auto, always or never",
     "auto, always or never", "--color never", COLORS, set_color},

    {GROUP_ABOUT, 'h', "help", NULL, "show this text",
     NULL, NULL, NULL, set_help},
    {GROUP_ABOUT, 0, "version", NULL, "show the version and leave",
     NULL, NULL, NULL, set_version},
    {GROUP_ABOUT, 0, "completions", "SHELL", "print a completion script for bash, zsh or fish",
     "bash, zsh or fish", "--completions bash", SHELLS, set_completions},
};
/* clang-format on */

enum { ROW_COUNT = sizeof rows / sizeof *rows };

static const struct row *row_of_letter(char letter) {
  for (int i = 0; i < ROW_COUNT; i++)
    if (rows[i].letter != 0 && rows[i].letter == letter)
      return &rows[i];
  return NULL;
}

static const struct row *row_of_name(const char *name, size_t len) {
  for (int i = 0; i < ROW_COUNT; i++)
    if (rows[i].name && strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
      return &rows[i];
  return NULL;
}

/* -- did you mean ----------------------------------------------------------------------------- */

static int least(int a, int b) { return a < b ? a : b; }

/* How many letters must be added, left out, changed or swapped to make `b` of `a`. */
static int edit_distance(const char *a, size_t a_len, const char *b) {
  int d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];
  size_t b_len = strlen(b);
  for (size_t i = 0; i <= a_len; i++)
    d[i][0] = (int)i;
  for (size_t j = 0; j <= b_len; j++)
    d[0][j] = (int)j;
  for (size_t i = 1; i <= a_len; i++) {
    for (size_t j = 1; j <= b_len; j++) {
      int changed = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, changed);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a_len][b_len];
}

/* The option that a mistyped one (without its dashes) is most like, or NULL. */
static const struct row *suggestion(const char *typed, size_t len) {
  if (len == 1)
    return row_of_letter(*typed);
  if (len == 0 || len > NAME_MAX_LEN)
    return NULL;
  const struct row *best = NULL;
  int best_distance = len < 6 ? 2 : 3; /* it must be nearer than this */
  for (int i = 0; i < ROW_COUNT; i++) {
    const char *name = rows[i].name;
    if (!name)
      continue;
    bool beginning = strncmp(name, typed, len) == 0;
    int distance = beginning && len >= 3 ? 0 : edit_distance(typed, len, name);
    if (distance < best_distance) {
      best = &rows[i];
      best_distance = distance;
    }
  }
  return best;
}

/* -- parsing ---------------------------------------------------------------------------------- */

int options_usage_error(FILE *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("sandbox: ", err);
  vfprintf(err, format, args);
  fputs("\n'sandbox --help' shows what there is\n", err);
  va_end(args);
  return EXIT_USAGE;
}

/* `typed` is the whole argument; a value after '=' is not part of the option's name. */
static int unknown_option(FILE *err, const char *typed) {
  const char *name = typed + strspn(typed, "-");
  int shown = (int)strcspn(typed, "=");
  const struct row *meant = suggestion(name, strcspn(name, "="));
  if (meant && meant->name)
    return options_usage_error(err, "unknown option '%.*s'; did you mean '--%s'?", shown, typed,
                               meant->name);
  if (meant && name != typed + 1) /* --e; not -ee */
    return options_usage_error(err, "unknown option '%.*s'; did you mean '-%c'?", shown, typed,
                               meant->letter);
  return options_usage_error(err, "unknown option '%.*s'", shown, typed);
}

/* The way the row was called on this command line: "-e" or "--speed". */
struct spelling {
  char text[NAME_MAX_LEN + 3];
};

static struct spelling spell(const struct row *row, bool is_long) {
  struct spelling s;
  if (is_long)
    snprintf(s.text, sizeof s.text, "--%s", row->name);
  else
    snprintf(s.text, sizeof s.text, "-%c", row->letter);
  return s;
}

static int missing_argument(FILE *err, const struct row *row, bool is_long) {
  return options_usage_error(err, "option '%s' needs an argument: %s; for example %s",
                             spell(row, is_long).text, row->wants, row->example);
}

static int bad_argument(FILE *err, const struct row *row, bool is_long, const char *value) {
  return options_usage_error(err, "option '%s' wants %s, not '%s'; for example %s",
                             spell(row, is_long).text, row->wants, value, row->example);
}

/* A parse under way. */
struct parse {
  struct options *o;
  int argc;
  char **argv;
  int next; /* the argument to look at next */
  FILE *err;
  bool stop;
};

/* Hand a value (NULL for an option without one) to the row's handler. */
static int apply(struct parse *p, const struct row *row, bool is_long, const char *value) {
  enum answer answer = row->set(p->o, value);
  if (answer == ANSWER_BAD)
    return bad_argument(p->err, row, is_long, value);
  p->stop = answer == ANSWER_STOP;
  return 0;
}

/* --name, --name value or --name=value */
static int parse_long(struct parse *p, const char *typed) {
  const char *name = typed + 2;
  size_t len = strcspn(name, "=");
  const struct row *row = row_of_name(name, len);
  if (!row)
    return unknown_option(p->err, typed);
  const char *value = name[len] == '=' ? name + len + 1 : NULL;
  if (!row->argument && value)
    return options_usage_error(p->err, "option '--%s' takes no argument", row->name);
  if (row->argument && !value) {
    if (p->next >= p->argc)
      return missing_argument(p->err, row, true);
    value = p->argv[p->next++];
  }
  return apply(p, row, true, value);
}

/* -x, -e value or -evalue; as in lua(1), a value of its own does not begin with a dash */
static int parse_short(struct parse *p, const char *typed) {
  const struct row *row = row_of_letter(typed[1]);
  if (!row || (!row->argument && typed[2] != '\0'))
    return unknown_option(p->err, typed);
  const char *value = NULL;
  if (row->argument && typed[2] != '\0') {
    value = typed + 2;
  } else if (row->argument) {
    if (p->next >= p->argc || p->argv[p->next][0] == '-')
      return missing_argument(p->err, row, false);
    value = p->argv[p->next++];
  }
  return apply(p, row, false, value);
}

/* One argument; sets `stop` at the script. */
static int parse_argument(struct parse *p) {
  const char *typed = p->argv[p->next];
  if (typed[0] != '-' || typed[1] == '\0') {
    p->stop = true;
    p->o->script_is_stdin = typed[0] == '-';
    return 0;
  }
  p->next++;
  if (strcmp(typed, "--") == 0) {
    p->stop = true;
    return 0;
  }
  return typed[1] == '-' ? parse_long(p, typed) : parse_short(p, typed);
}

int options_parse(struct options *o, int argc, char **argv, FILE *err) {
  *o = (struct options){
      .speed = 1, .max_procs = PROCS_DEFAULT, .timeout_ns = SBX_FOREVER, .script = argc};
  if (argc < 2)
    return 0;
  o->steps = calloc((size_t)argc, sizeof *o->steps);
  if (!o->steps) {
    fputs("sandbox: not enough memory\n", err);
    return EXIT_LUA_ERROR;
  }
  struct parse p = {.o = o, .argc = argc, .argv = argv, .next = 1, .err = err};
  while (p.next < argc && !p.stop) {
    int status = parse_argument(&p);
    if (status)
      return status;
  }
  o->script = p.next;
  return 0;
}

void options_release(struct options *o) {
  free(o->steps);
  o->steps = NULL;
  o->step_count = 0;
}

/* -- help ------------------------------------------------------------------------------------- */

static const char help_head[] =
    "Usage: sandbox [options] [script [args]]\n"
    "Run Lua 5.4 scripts whose processes and queues are those of the operating system.\n"
    "\n"
    "Examples:\n"
    "  sandbox scripts/queue.lua               run an experiment\n"
    "  sandbox --speed 10 scripts/queue.lua    the same, in a tenth of the time\n"
    "  sandbox --timeout 60 --output tag scripts/process.lua\n"
    "                                          at most a minute, each line with its process\n"
    "  sandbox -e 'print(spawn(math.sqrt, 2):join())'\n"
    "  sandbox --check scripts/queue.lua       is the syntax right?\n"
    "  sandbox                                 a prompt\n";

static const char help_tail[] =
    "\n"
    "  --                   end of the options\n"
    "  -                    end of the options; the script comes from standard input\n"
    "\n"
    "Without a script, Lua is read from standard input: at a prompt if that is a terminal.\n"
    "\n"
    "Exit status:\n"
    "  0      success\n"
    "  1      the script raised an error, or could not be read\n"
    "  2      the command line is wrong\n"
    "  3      a process failed, and no other joined it\n"
    "  124    the time of --timeout was over\n"
    "  128+n  ended by signal n (130: Ctrl-C)\n";

static void help_row(FILE *out, const struct row *row) {
  char left[64];
  const char *argument = row->argument ? row->argument : "";
  const char *gap = row->argument ? " " : "";
  if (row->letter && row->name)
    snprintf(left, sizeof left, "-%c, --%s%s%s", row->letter, row->name, gap, argument);
  else if (row->name)
    snprintf(left, sizeof left, "--%s%s%s", row->name, gap, argument);
  else
    snprintf(left, sizeof left, "-%c%s%s", row->letter, gap, argument);
  fprintf(out, "  %-20s %s\n", left, row->help);
}

void options_help(FILE *out) {
  fputs(help_head, out);
  for (enum group group = 0; group < GROUP_COUNT; group++) {
    fprintf(out, "\n%s:\n", group_titles[group]);
    for (int i = 0; i < ROW_COUNT; i++)
      if (rows[i].group == group)
        help_row(out, &rows[i]);
  }
  fputs(help_tail, out);
}

/* -- completions ------------------------------------------------------------------------------ */

/* Write `text`, each character that is in `special` after a backslash. */
static void put_escaped(FILE *out, const char *text, const char *special) {
  for (; *text != '\0'; text++) {
    if (strchr(special, *text))
      fputc('\\', out);
    fputc(*text, out);
  }
}

/* Both spellings of a row, the separator between them. */
static void put_spellings(FILE *out, const struct row *row, const char *separator) {
  if (row->letter)
    fprintf(out, "-%c", row->letter);
  if (row->letter && row->name)
    fputs(separator, out);
  if (row->name)
    fprintf(out, "--%s", row->name);
}

static void complete_bash(FILE *out) {
  fputs("# bash completion for sandbox; in ~/.bashrc: eval \"$(sandbox --completions bash)\"\n"
        "_sandbox() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "  if [[ $cur == = ]]; then cur=; fi\n"
        "  if [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
        "  case $prev in\n",
        out);
  for (int i = 0; i < ROW_COUNT; i++) {
    if (!rows[i].argument)
      continue;
    fputs("    ", out);
    put_spellings(out, &rows[i], " | ");
    fprintf(out, ") mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n",
            rows[i].choices ? rows[i].choices : "");
  }
  fputs("  esac\n"
        "  if [[ $cur == -* ]]; then\n"
        "    mapfile -t COMPREPLY < <(compgen -W '",
        out);
  for (int i = 0; i < ROW_COUNT; i++) {
    fputs(i == 0 ? "" : " ", out);
    put_spellings(out, &rows[i], " ");
  }
  fputs("' -- \"$cur\")\n"
        "  else\n"
        "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
        "  fi\n"
        "}\n"
        "complete -o filenames -F _sandbox sandbox\n",
        out);
}

/* One spelling of a row as _arguments(1) wants it: '--speed=[help]:X:' */
static void zsh_spec(FILE *out, const struct row *row, bool is_long) {
  const char *special =
      "\\:[]"; /* of _arguments; a single quote could not be escaped, and no text has one */
  fprintf(out, "    '%s", spell(row, is_long).text);
  fputs(!row->argument ? "[" : is_long ? "=[" : "+[", out);
  put_escaped(out, row->help, special);
  fputs("]", out);
  if (row->argument) {
    fputs(":", out);
    put_escaped(out, row->argument, special);
    fprintf(out, row->choices ? ":(%s)" : ":", row->choices);
  }
  fputs("' \\\n", out);
}

static void complete_zsh(FILE *out) {
  fputs("#compdef sandbox\n"
        "# zsh completion for sandbox; in ~/.zshrc after compinit: eval \"$(sandbox --completions "
        "zsh)\"\n"
        "_sandbox() {\n"
        "  _arguments -S \\\n",
        out);
  for (int i = 0; i < ROW_COUNT; i++) {
    if (rows[i].letter)
      zsh_spec(out, &rows[i], false);
    if (rows[i].name)
      zsh_spec(out, &rows[i], true);
  }
  fputs("    '1:script:_files' \\\n"
        "    '*:argument:_files'\n"
        "}\n"
        "if [[ ${funcstack[1]} == _sandbox ]]; then _sandbox \"$@\"; else compdef _sandbox "
        "sandbox; fi\n",
        out);
}

static void complete_fish(FILE *out) {
  fputs("# fish completion for sandbox; in config.fish: sandbox --completions fish | source\n",
        out);
  for (int i = 0; i < ROW_COUNT; i++) {
    const struct row *row = &rows[i];
    fputs("complete -c sandbox", out);
    if (row->letter)
      fprintf(out, " -s %c", row->letter);
    if (row->name)
      fprintf(out, " -l %s", row->name);
    if (row->argument)
      fputs(" -x", out);
    if (row->choices)
      fprintf(out, " -a '%s'", row->choices);
    fputs(" -d '", out);
    put_escaped(out, row->help, "\\'");
    fputs("'\n", out);
  }
}

void options_completions(FILE *out, const char *shell) {
  static void (*const writers[])(FILE *) = {complete_bash, complete_zsh, complete_fish};
  int index = choice_index(SHELLS, shell);
  if (index >= 0)
    writers[index](out);
}

/* -- colour ----------------------------------------------------------------------------------- */

/* The variable is set, and not to nothing. */
static bool environment_says(const char *name) {
  const char *value = getenv(name);
  return value && *value != '\0';
}

bool options_color(enum color_choice choice, bool is_terminal) {
  if (choice != COLOR_AUTO)
    return choice == COLOR_ALWAYS;
  if (environment_says("NO_COLOR"))
    return false;
  if (environment_says("FORCE_COLOR"))
    return strcmp(getenv("FORCE_COLOR"), "0") != 0;
  const char *term = getenv("TERM");
  return is_terminal && term && *term != '\0' && strcmp(term, "dumb") != 0;
}
