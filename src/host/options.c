/*
 * host/options.c - parsing the command line by the table of options; see options.h.
 *
 * Each argument is looked up and handed to its row's handler, up to the script or the first
 * mistake.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "host/options_internal.h"

/* A parse in progress. */
struct parse {
  struct options *o;
  const struct option_table *table;
  int argc;
  char **argv;
  int next; /* the argument to look at next */
  FILE *err;
  bool stop;
  const struct option_row
      *bare; /* the option just before, if it could have had an argument after '=' */
};

/* -- mistakes ---------------------------------------------------------------------------------- */

static void mistake(FILE *err, const char *help, const char *format, va_list args) {
  fputs("sandbox: ", err);
  vfprintf(err, format, args);
  fprintf(err, "\n'%s' lists the options\n", help);
}

int options_usage_error(FILE *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  mistake(err, program_options.help, format, args);
  va_end(args);
  return EXIT_USAGE;
}

__attribute__((format(printf, 2, 3))) static int refuse(const struct parse *p, const char *format,
                                                        ...) {
  va_list args;
  va_start(args, format);
  mistake(p->err, p->table->help, format, args);
  va_end(args);
  return EXIT_USAGE;
}

/* `typed` is the whole argument; a value after '=' is not part of the option's name. */
static int unknown_option(const struct parse *p, const char *typed) {
  const char *name = typed + strspn(typed, "-");
  int shown = (int)strcspn(typed, "=");
  const struct option_row *meant = option_suggestion(p->table, name, strcspn(name, "="));
  if (meant && meant->name)
    return refuse(p, "unknown option '%.*s'; did you mean '--%s'?", shown, typed, meant->name);
  if (meant && name != typed + 1) /* --e; not -ee */
    return refuse(p, "unknown option '%.*s'; did you mean '-%c'?", shown, typed, meant->letter);
  return refuse(p, "unknown option '%.*s'", shown, typed);
}

static int missing_argument(const struct parse *p, const struct option_row *row, bool is_long) {
  return refuse(p, "option '%s' needs an argument: %s; for example %s",
                option_spell(row, is_long).text, row->wants, row->example);
}

static int bad_argument(const struct parse *p, const struct option_row *row, bool is_long,
                        const char *value) {
  return refuse(p, "option '%s' wants %s, not '%s'; for example %s",
                option_spell(row, is_long).text, row->wants, value, row->example);
}

/* -- parsing ----------------------------------------------------------------------------------- */

/* Hand a value (NULL for an option without one) to the row's handler. */
static int apply(struct parse *p, const struct option_row *row, bool is_long, const char *value) {
  enum answer answer = row->set(p->o, value);
  if (answer == ANSWER_BAD)
    return bad_argument(p, row, is_long, value);
  if (p->table == &program_options)
    p->o->given |= UINT64_C(1) << (row - program_options.rows);
  p->stop = answer == ANSWER_STOP;
  return 0;
}

/* --name, --name value or --name=value; an optional value only after '=' */
static int parse_long(struct parse *p, const char *typed) {
  const char *name = typed + 2;
  size_t len = strcspn(name, "=");
  const struct option_row *row = option_of_name(p->table, name, len);
  if (!row)
    return unknown_option(p, typed);
  const char *value = name[len] == '=' ? name + len + 1 : NULL;
  if (row->takes == NO_ARGUMENT && value)
    return refuse(p, "option '--%s' takes no argument", row->name);
  if ((row->takes == ARGUMENT || row->takes == FILE_ARGUMENT) && !value) {
    if (p->next >= p->argc)
      return missing_argument(p, row, true);
    value = p->argv[p->next++];
  }
  p->bare = row->takes == OPTIONAL_ARGUMENT && !value ? row : NULL;
  return apply(p, row, true, value);
}

/* A separate value of a letter must not begin with a dash, as in lua(1); "-" may stand for a file. */
static bool is_value(const struct option_row *row, const char *arg) {
  return arg[0] != '-' || (row->takes == FILE_ARGUMENT && arg[1] == '\0');
}

/* -x, -e value or -evalue */
static int parse_short(struct parse *p, const char *typed) {
  const struct option_row *row = option_of_letter(p->table, typed[1]);
  if (!row || (row->takes == NO_ARGUMENT && typed[2] != '\0'))
    return unknown_option(p, typed);
  const char *value = NULL;
  if (typed[2] != '\0') {
    value = typed + 2;
  } else if (row->takes != NO_ARGUMENT) {
    if (p->next >= p->argc || !is_value(row, p->argv[p->next]))
      return missing_argument(p, row, false);
    value = p->argv[p->next++];
  }
  return apply(p, row, false, value);
}

/* Is there something of that name that can be run as a script? */
static bool is_script(const char *name) {
  struct stat about;
  return stat(name, &about) == 0 && !S_ISDIR(about.st_mode);
}

/* A word where a file is expected. It is refused if it is none, and would do as the argument of the option before. */
static int parse_word(struct parse *p, const char *word) {
  const struct option_row *row = p->bare;
  struct options scratch = *p->o;
  p->bare = NULL;
  if (!row || is_script(word) || row->set(&scratch, word) == ANSWER_BAD)
    return 0;
  return refuse(p, "option '--%s' takes its argument after '=': --%s=%s (there is no file '%s')",
                row->name, row->name, word, word);
}

/* One argument; sets `stop` at the script. */
static int parse_argument(struct parse *p) {
  const char *typed = p->argv[p->next];
  if (typed[0] != '-' || typed[1] == '\0') {
    p->stop = true;
    p->o->script_is_stdin = typed[0] == '-';
    return parse_word(p, typed);
  }
  p->bare = NULL;
  p->next++;
  if (strcmp(typed, "--") == 0) {
    p->stop = true;
    return 0;
  }
  return typed[1] == '-' ? parse_long(p, typed) : parse_short(p, typed);
}

/* Each trace has a file of its own. */
static int check_traces(const struct parse *p, const char *option) {
  const struct trace_options *t = &p->o->trace;
  for (size_t i = 0; i < t->file_count; i++)
    for (size_t j = 0; j < i; j++)
      if (strcmp(t->files[i].path, t->files[j].path) == 0)
        return refuse(p, "option '%s' names '%s' twice", option, t->files[i].path);
  return 0;
}

/* What its kin asks for without --shake itself. */
static void complete_shake(struct shake_choice *s) {
  if (s->runs == 0 && s->again.mode != SHAKE_NONE)
    s->runs = 1;
  else if (s->runs == 0 && s->same)
    s->runs = SHAKE_RUNS_DEFAULT;
}

bool options_have_no_script(const struct options *o, int argc) {
  return o->script == argc && !o->has_statement;
}

bool options_need_supervisor(const struct options *o) {
  const struct policy_limits *l = &o->policy.limits;
  bool limited =
      l->time_ns != SBX_FOREVER || l->cpu_ns != SBX_FOREVER || l->memory_bytes || l->output_bytes;
  return !o->sim || policy_is_strict(&o->policy) || limited;
}

/* A token says all: one run, of the script that it was made of. */
static int check_replay(const struct parse *p) {
  const struct options *o = p->o;
  if (o->replay && o->mode == MODE_RUN && (o->interactive || options_have_no_script(o, p->argc)))
    return refuse(p, "option '--replay' needs the script of its token, and no prompt");
  return 0;
}

/* What an exploration is written into: pages. */
static const struct trace_file *no_page(const struct trace_options *t) {
  for (size_t i = 0; i < t->file_count; i++)
    if (t->files[i].format != TRACE_HTML)
      return &t->files[i];
  return NULL;
}

static int check_pages(const struct parse *p) {
  const struct options *o = p->o;
  const struct trace_file *other = o->explore && o->mode == MODE_RUN ? no_page(&o->trace) : NULL;
  if (other)
    return refuse(p, "option '--explore' writes its trace as .html, not into '%s'", other->path);
  return 0;
}

/* -- commands ---------------------------------------------------------------------------------- */

static int check_inputs(const struct parse *p) {
  const struct options *o = p->o;
  if (o->input_count == 0)
    return refuse(p, "'trace' needs a file; for example sandbox trace run.pftrace -o run.html");
  if (o->input_count > 2)
    return refuse(p, "'trace' shows at most two runs side by side, not %zu", o->input_count);
  for (size_t i = 0; i < o->trace.file_count && o->input_count == 2; i++)
    if (o->trace.files[i].format == TRACE_PFTRACE || o->trace.files[i].format == TRACE_JSON)
      return refuse(p, "two runs can be written as .html or .svg, not into '%s'",
                    o->trace.files[i].path);
  return check_traces(p, "-o");
}

/* Of `agent` */
static int check_address(const struct parse *p) {
  static const char example[] = "for example sandbox agent redis://engine.example";
  struct options *o = p->o;
  if (o->input_count == 0)
    return refuse(p, "'agent' needs the address of an engine; %s", example);
  if (o->input_count > 1)
    return refuse(p, "'agent' wants the address of one engine, not %zu; %s", o->input_count,
                  example);
  o->agent.url = o->inputs[0];
  return 0;
}

/* Options and words in any order, up to "--"; then words. */
static int parse_command(struct parse *p, const struct command *c) {
  struct options *o = p->o;
  bool files_only = false;
  o->mode = c->mode;
  p->table = c->options;
  p->stop = false;
  const struct option_row *before = options_before_command(o);
  if (before)
    return refuse(p, "option '%s' is one of a run: the options of the command '%s' come after it",
                  option_spell(before, before->name != NULL).text, c->name);
  if (!(o->inputs = calloc((size_t)p->argc, sizeof *o->inputs))) {
    fputs("sandbox: not enough memory\n", p->err);
    return EXIT_LUA_ERROR;
  }
  while (p->next < p->argc && !p->stop) {
    const char *typed = p->argv[p->next++];
    int status = 0;
    if (files_only || typed[0] != '-' || typed[1] == '\0') {
      o->inputs[o->input_count++] = typed;
      status = parse_word(p, typed);
    } else if (strcmp(typed, "--") == 0) {
      files_only = true;
      p->bare = NULL;
    } else {
      p->bare = NULL;
      status = typed[1] == '-' ? parse_long(p, typed) : parse_short(p, typed);
    }
    if (status)
      return status;
  }
  if (o->mode == MODE_AGENT)
    return check_address(p);
  return o->mode == MODE_TRACE ? check_inputs(p) : 0; /* a course checks its words itself */
}

/* Can the word in the place of a script be a command? Not after options that only a script has. */
static bool takes_command(const struct parse *p) {
  const struct options *o = p->o;
  return o->mode == MODE_RUN && p->next < p->argc && !o->script_is_stdin && o->step_count == 0 &&
         !o->show_version && strcmp(p->argv[p->next - 1], "--") != 0;
}

/* The command that the script's name is, or NULL. A file of that name is a script (but after --command). */
static const struct command *find_command(const struct parse *p) {
  for (int i = 0; takes_command(p) && i < COMMAND_COUNT; i++)
    if (strcmp(p->argv[p->next], commands[i].name) == 0 &&
        (p->o->is_command || !is_script(commands[i].name)))
      return &commands[i];
  return NULL;
}

/* A script that is not there, and is called nearly like a command. */
static int check_word(const struct parse *p) {
  const char *word = takes_command(p) ? p->argv[p->next] : NULL;
  const struct command *meant = word ? command_suggestion(word) : NULL;
  struct stat about;
  if (!meant || stat(word, &about) == 0)
    return 0;
  return refuse(p, "there is no script '%s'; did you mean 'sandbox %s'?", word, meant->name);
}

/* -- the whole line ---------------------------------------------------------------------------- */

int options_parse(struct options *o, int argc, char **argv, FILE *err) {
  *o = (struct options){.speed = 1,
                        .timeout_ns = SBX_FOREVER,
                        .script = argc,
                        .trace = {.detail = TRACE_DETAIL_MERGED, .limit = TRACE_LIMIT_DEFAULT}};
  policy_init(&o->policy);
  if (argc < 2)
    return options_complete_strict(o, argc, argv, err);
  o->steps = calloc((size_t)argc, sizeof *o->steps);
  o->trace.files = calloc((size_t)argc, sizeof *o->trace.files);
  if (!o->steps || !o->trace.files) {
    fputs("sandbox: not enough memory\n", err);
    return EXIT_LUA_ERROR;
  }
  struct parse p = {
      .o = o, .table = &program_options, .argc = argc, .argv = argv, .next = 1, .err = err};
  while (p.next < argc && !p.stop) {
    int status = parse_argument(&p);
    if (status)
      return status;
  }
  const struct command *command = find_command(&p);
  if (command) {
    p.next++;
    return parse_command(&p, command);
  }
  if (o->is_command && (o->mode == MODE_RUN || o->mode == MODE_CHECK))
    return refuse(&p,
                  "option '--command' wants one of %s, and its words, behind it; for example %s",
                  "trace, check and agent", "sandbox --command trace run.pftrace");
  if (o->mode == MODE_HELP && p.next < argc && argv[p.next][0] != '-') {
    o->mode = strcmp(argv[p.next], "all") == 0 ? MODE_HELP_ALL : MODE_TOPIC;
    o->topic = argv[p.next];
  }
  o->script = p.next;
  complete_shake(&o->shake);
  int status = check_word(&p);
  if (status == 0)
    status = options_check_together(o, argc, argv, err);
  if (status == 0)
    status = check_replay(&p);
  if (status == 0)
    status = check_pages(&p);
  if (status == 0)
    status = options_complete_strict(o, argc, argv, err);
  if (status == 0)
    status = options_complete_engine(o, err);
  return status || o->mode != MODE_RUN ? status : check_traces(&p, "--trace");
}

void options_release(struct options *o) {
  policy_release(&o->policy);
  free(o->allow_fault.part);
  o->allow_fault = (struct allow_fault){0};
  free(o->steps);
  o->steps = NULL;
  o->step_count = 0;
  free(o->trace.files);
  o->trace.files = NULL;
  o->trace.file_count = 0;
  free(o->inputs);
  o->inputs = NULL;
  o->input_count = 0;
}

/* -- colour ------------------------------------------------------------------------------------ */

/* Is the variable set, and not empty? */
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
