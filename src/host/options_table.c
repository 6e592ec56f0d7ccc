/*
 * host/options_table.c - every option, declared once; see options_internal.h.
 *
 * A row's handler stores the option's argument (NULL if there is none) in struct options, or rejects
 * it. To add an option, add a handler and a row: parsing, --help, --completions and
 * suggestions read the row.
 */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/options_internal.h"
#include "host/shake_token.h"

enum {
  SHAKE_RUNS_MAX = 1000000,
  PROCS_MAX = 32768,
  TRACE_LIMIT_MIN = 64 << 10,
  WIDTH_MIN = 40,
  WIDTH_MAX = 1000
};

/* -- handlers ---------------------------------------------------------------------------------- */

static enum answer add_step(struct options *o, enum step_kind kind, const char *text) {
  o->steps[o->step_count++] = (struct step){kind, text}; /* options_parse has made room for argc
                                                            steps */
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

/* An unsigned 64-bit integer, decimal or 0x. */
bool option_unsigned(const char *text, uint64_t *ret) {
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
  o->seeded = option_unsigned(value, &o->seed);
  return o->seeded ? ANSWER_OK : ANSWER_BAD;
}

bool option_seconds(const char *text, int64_t *ret_ns) {
  double seconds;
  if (!parse_positive(text, &seconds))
    return false;
  double ns = ceil(seconds * (double)NS_PER_SECOND);
  *ret_ns = ns >= (double)SBX_FOREVER ? SBX_FOREVER : (int64_t)ns;
  return true;
}

static enum answer set_timeout(struct options *o, const char *value) {
  return option_seconds(value, &o->timeout_ns) ? ANSWER_OK : ANSWER_BAD;
}

static enum answer set_course_timeout(struct options *o, const char *value) {
  return option_seconds(value, &o->course_ns) ? ANSWER_OK : ANSWER_BAD;
}

static enum answer set_max_procs(struct options *o, const char *value) {
  uint64_t number;
  if (!option_unsigned(value, &number) || number < 1 || number > PROCS_MAX)
    return ANSWER_BAD;
  o->max_procs = (uint32_t)number;
  return ANSWER_OK;
}

static enum answer set_shake(struct options *o, const char *value) {
  uint64_t runs = SHAKE_RUNS_DEFAULT;
  if (value && (!option_unsigned(value, &runs) || runs < 1 || runs > SHAKE_RUNS_MAX))
    return ANSWER_BAD;
  o->shake.runs = runs;
  return ANSWER_OK;
}

static enum answer set_shake_same(struct options *o, const char *value) {
  (void)value;
  o->shake.same = true;
  return ANSWER_OK;
}

static enum answer set_shake_token(struct options *o, const char *value) {
  return shake_token_parse(value, &o->shake.again) ? ANSWER_OK : ANSWER_BAD;
}

#define OUTPUTS "raw tag"
#define COLORS "auto always never" /* in the order of enum color_choice */

static enum answer set_output(struct options *o, const char *value) {
  int index = option_choice_index(OUTPUTS, value);
  o->tag_output = index == 1;
  return index < 0 ? ANSWER_BAD : ANSWER_OK;
}

static enum answer set_color(struct options *o, const char *value) {
  int index = option_choice_index(COLORS, value);
  if (index < 0)
    return ANSWER_BAD;
  o->color = (enum color_choice)index;
  return ANSWER_OK;
}

static enum answer set_command(struct options *o, const char *value) {
  (void)value;
  o->is_command = true;
  return ANSWER_OK;
}

static enum answer set_check(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_CHECK;
  return ANSWER_OK;
}

/* -- handlers of traces ------------------------------------------------------------------------ */

#define FORMATS ".html .svg .pftrace .json" /* in the order of enum trace_format */
#define TRACE_WANTS                                                                                \
  "a file name that ends in .html, .svg, .pftrace or .json, or - for JSON on stdout"
#define DETAILS "wait merged all" /* in the order of enum trace_detail */
#define STATS "json"

int option_trace_format(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  const char *dot = strrchr(name, '.');
  return dot && dot != name ? option_choice_index(FORMATS, dot) : -1;
}

static enum answer set_trace(struct options *o, const char *value) {
  int format = strcmp(value, "-") == 0 ? TRACE_JSON : option_trace_format(value);
  if (format < 0)
    return ANSWER_BAD;
  o->trace.files[o->trace.file_count++] =
      (struct trace_file){value, (enum trace_format)format}; /* there is room for argc files */
  return ANSWER_OK;
}

static enum answer set_trace_detail(struct options *o, const char *value) {
  int index = option_choice_index(DETAILS, value);
  if (index < 0)
    return ANSWER_BAD;
  o->trace.detail = (enum trace_detail)index;
  return ANSWER_OK;
}

bool option_size(const char *text, uint64_t *ret) {
  static const char units[] = "KMG";
  size_t len = strlen(text);
  const char *unit = len > 0 ? strchr(units, text[len - 1]) : NULL;
  if (!unit)
    return option_unsigned(text, ret);
  char digits[24];
  if (len > sizeof digits)
    return false;
  memcpy(digits, text, len - 1);
  digits[len - 1] = '\0';
  uint64_t number;
  unsigned shift = 10 * (unsigned)(unit - units + 1);
  if (!option_unsigned(digits, &number) || number > UINT64_MAX >> shift)
    return false;
  *ret = number << shift;
  return true;
}

static enum answer set_trace_limit(struct options *o, const char *value) {
  uint64_t size;
  if (!option_size(value, &size) || size < TRACE_LIMIT_MIN)
    return ANSWER_BAD;
  o->trace.limit = size;
  return ANSWER_OK;
}

static enum answer set_timeline(struct options *o, const char *value) {
  uint64_t width = 0;
  if (value && (!option_unsigned(value, &width) || width < WIDTH_MIN || width > WIDTH_MAX))
    return ANSWER_BAD;
  o->trace.timeline = true;
  o->trace.width = (int)width;
  return ANSWER_OK;
}

static enum answer set_stats(struct options *o, const char *value) {
  if (value && option_choice_index(STATS, value) < 0)
    return ANSWER_BAD;
  o->trace.stats = true;
  o->trace.stats_json = value != NULL;
  return ANSWER_OK;
}

/* -- handlers of simulated runs ---------------------------------------------------------------- */

static enum answer set_sim(struct options *o, const char *value) {
  (void)value;
  o->sim = true;
  return ANSWER_OK;
}

static enum answer set_explore(struct options *o, const char *value) {
  if (value && !option_explore_limit(value, &o->explore_limit))
    return ANSWER_BAD;
  o->explore = o->sim = true;
  return ANSWER_OK;
}

static enum answer set_explore_kills(struct options *o, const char *value) {
  (void)value;
  o->explore_kills = o->explore = o->sim = true;
  return ANSWER_OK;
}

static enum answer set_step(struct options *o, const char *value) {
  (void)value;
  o->step = o->explore = o->sim = true;
  return ANSWER_OK;
}

static enum answer set_replay(struct options *o, const char *value) {
  o->replay = value;
  return *value ? ANSWER_OK : ANSWER_BAD;
}

/* -- handlers of other options ----------------------------------------------------------------- */

static enum answer set_help(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_HELP;
  return ANSWER_STOP;
}

static enum answer set_trace_help(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_TRACE_HELP;
  return ANSWER_STOP;
}

static enum answer set_course_help(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_COURSE_HELP;
  return ANSWER_STOP;
}

static enum answer set_course_table(struct options *o, const char *value) {
  (void)value;
  o->course_table = true;
  return ANSWER_OK;
}

static enum answer set_version(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_VERSION;
  return ANSWER_STOP;
}

static enum answer set_init(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_INIT;
  return ANSWER_STOP;
}

static enum answer set_completions(struct options *o, const char *value) {
  if (option_choice_index(SHELLS, value) < 0)
    return ANSWER_BAD;
  o->mode = MODE_COMPLETIONS;
  o->shell = value;
  return ANSWER_STOP;
}

/* -- the table --------------------------------------------------------------------------------- */

/* clang-format off */
static const struct option_row program_rows[] = {
    {GROUP_LUA, 'e', NULL, ARGUMENT, "STAT", "run the Lua statement STAT",
     "a Lua statement", "-e 'print(1)'", NULL, set_statement},
    {GROUP_LUA, 'l', NULL, ARGUMENT, "[G=]MOD", "require the library MOD into the global G, or MOD",
     "the name of a library", "-l json", NULL, set_library},
    {GROUP_LUA, 'i', NULL, NO_ARGUMENT, NULL, "enter the prompt after the script",
     NULL, NULL, NULL, set_interactive},
    {GROUP_LUA, 'v', NULL, NO_ARGUMENT, NULL, "print the version, then go on",
     NULL, NULL, NULL, set_show_version},
    {GROUP_LUA, 'E', NULL, NO_ARGUMENT, NULL, "ignore environment variables of Lua (LUA_INIT, LUA_PATH, ...)",
     NULL, NULL, NULL, set_ignore_environment},
    {GROUP_LUA, 'W', NULL, NO_ARGUMENT, NULL, "turn warnings on",
     NULL, NULL, NULL, set_warnings},

    {GROUP_RUN, 0, "speed", ARGUMENT, "X", "run the clock X times faster: sleep and timeouts take 1/X",
     "a number greater than 0", "--speed 10", NULL, set_speed},
    {GROUP_RUN, 0, "seed", ARGUMENT, "N", "set the seed of the random numbers, to repeat a run",
     "an integer of 64 bits, decimal or 0x", "--seed 42", NULL, set_seed},
    {GROUP_RUN, 0, "timeout", ARGUMENT, "S", "end the run after S seconds of real time (exit status 124)",
     "seconds greater than 0", "--timeout 60", NULL, set_timeout},
    {GROUP_RUN, 0, "time", ARGUMENT, "S", "the same as --timeout",
     "seconds greater than 0", "--time 60", NULL, set_timeout},
    {GROUP_RUN, 0, "max-procs", ARGUMENT, "N", "at most N processes alive at once (default 512, strict 32)",
     "an integer from 1 to 32768", "--max-procs 64", NULL, set_max_procs},
    {GROUP_RUN, 0, "output", ARGUMENT, "HOW", "raw: unchanged; tag: each line of a child begins with [name#id]",
     "raw or tag", "--output tag", OUTPUTS, set_output},
    {GROUP_RUN, 0, "check", NO_ARGUMENT, NULL, "compile the script or scripts, but run nothing",
     NULL, NULL, NULL, set_check},
    {GROUP_RUN, 0, "command", NO_ARGUMENT, NULL, "what follows is a command, also if a file is called like it",
     NULL, NULL, NULL, set_command},
    {GROUP_TRY, 0, "shake", OPTIONAL_ARGUMENT, "N", "run N times (default 100), with random pauses, until a run goes wrong",
     "a number of runs from 1 to 1000000", "--shake=1000", NULL, set_shake},
    {GROUP_TRY, 0, "shake-same", NO_ARGUMENT, NULL, "--shake; a run that prints other lines than without pauses is wrong",
     NULL, NULL, NULL, set_shake_same},
    {GROUP_TRY, 0, "shake-token", ARGUMENT, "TOKEN", "run again, with the pauses of the run that printed TOKEN",
     "a token that --shake printed", "--shake-token sbxs1:r0:0123456789abcdef", NULL, set_shake_token},
    {GROUP_RUN, 0, "color", ARGUMENT, "WHEN", "colour messages: auto, always or never",
     "auto, always or never", "--color never", COLORS, set_color},

    {GROUP_SEE, 0, "trace", FILE_ARGUMENT, "FILE", "record the run into FILE: .html .svg .pftrace .json; may be repeated",
     TRACE_WANTS, "--trace run.html", NULL, set_trace},
    {GROUP_SEE, 0, "trace-detail", ARGUMENT, "HOW", "wait: only ops that waited; merged: runs of ops as one; all: each op",
     "wait, merged or all", "--trace-detail all", DETAILS, set_trace_detail},
    {GROUP_SEE, 0, "trace-limit", ARGUMENT, "SIZE", "record at most SIZE, then drop the oldest part (default 1G)",
     "a size of at least 64K, in bytes or with K, M or G", "--trace-limit 200M", NULL, set_trace_limit},
    {GROUP_SEE, 0, "timeline", OPTIONAL_ARGUMENT, "WIDTH", "draw what each process did, on stderr when the run ends",
     "a number of columns from 40 to 1000", "--timeline=100", NULL, set_timeline},
    {GROUP_SEE, 0, "stats", OPTIONAL_ARGUMENT, "json", "sum up processes, messages, times and waits, on stderr at the end",
     "json or no argument", "--stats=json", STATS, set_stats},

    {GROUP_TRY, 0, "sim", NO_ARGUMENT, NULL, "run in one process with a virtual clock: the same run each time",
     NULL, NULL, NULL, set_sim},
    {GROUP_TRY, 0, "explore", OPTIONAL_ARGUMENT, "LIMIT", "try every interleaving, within LIMIT, and report what can go wrong",
     "a number of states greater than 0, or preemptions:K, seconds:S, memory:SIZE, or several with commas",
     "--explore=preemptions:2,seconds:60", NULL, set_explore},
    {GROUP_TRY, 0, "explore-kills", NO_ARGUMENT, NULL, "--explore, and at any step one process, but not main, may be killed",
     NULL, NULL, NULL, set_explore_kills},
    {GROUP_TRY, 0, "step", NO_ARGUMENT, NULL, "be the scheduler: at each step, choose which process goes on; with undo",
     NULL, NULL, NULL, set_step},
    {GROUP_TRY, 0, "replay", ARGUMENT, "TOKEN", "run the interleaving of a TOKEN that --explore printed",
     "a token that --explore printed", "--replay sbx1:7f3a9c21:v:2>p2,3>p1~4d1e", NULL, set_replay},

    {GROUP_STRICT, 0, "strict", OPTIONAL_ARGUMENT, "HOW", "no files, programs, network, environment, C modules; limits",
     "lua (hold it by the language alone), report (run nothing, tell which layers there are) or no argument",
     "--strict", STRICTS, set_strict},
    {GROUP_STRICT, 0, "allow-read", FILE_ARGUMENT, "PATH", "strict: read files, or folders with all below; may be repeated",
     "files or folders, with commas between them", "--allow-read data,words.txt", NULL, set_allow_read},
    {GROUP_STRICT, 0, "allow-write", FILE_ARGUMENT, "PATH", "strict: the same, and write there",
     "files or folders, with commas between them", "--allow-write results", NULL, set_allow_write},
    {GROUP_STRICT, 0, "allow-env", ARGUMENT, "NAME", "strict: keep environment variables; may be repeated",
     "names of environment variables, with commas between them", "--allow-env HOME,LANG", NULL, set_allow_env},
    {GROUP_STRICT, 0, "allow-run", NO_ARGUMENT, NULL, "strict: start programs, which may do no more than the script",
     NULL, NULL, NULL, set_allow_run},
    {GROUP_STRICT, 0, "memory", ARGUMENT, "SIZE", "at most SIZE of memory in all processes (strict 256M; 125)",
     "a size of at least 1M, in bytes or with K, M or G", "--memory 256M", NULL, set_memory},
    {GROUP_STRICT, 0, "cpu", ARGUMENT, "S", "at most S seconds of CPU time in all processes (strict 10; 124)",
     "seconds greater than 0", "--cpu 10", NULL, set_cpu},
    {GROUP_STRICT, 0, "output-limit", ARGUMENT, "SIZE", "at most SIZE on stdout and stderr (strict 16M; 125)",
     "a size of at least 1K, in bytes or with K, M or G", "--output-limit 16M", NULL, set_output_limit},
    {GROUP_STRICT, 0, "files-limit", ARGUMENT, "SIZE", "strict: at most SIZE written into files (64M; 125)",
     "a size of at least 1K, in bytes or with K, M or G", "--files-limit 64M", NULL, set_files_limit},

    {GROUP_HOSTS, 0, "hosts", ARGUMENT, "A,B:8", "start agents on these hosts, by ssh; so many slots (processors)",
     "names of hosts, each perhaps with :SLOTS, with commas between them; timeout=S", "--hosts anna,bert:8", NULL, set_hosts},
    {GROUP_HOSTS, 0, "engine", ARGUMENT, "URL", "objects live in this Redis server, where hosts meet (SANDBOX_ENGINE)",
     "redis://[:PASSWORD@]HOST[:PORT][/DB]", "--engine redis://engine.example", NULL, set_engine},
    {GROUP_HOSTS, 0, "spread", NO_ARGUMENT, NULL, "spawn goes round the hosts, unless it says on which",
     NULL, NULL, NULL, set_spread},
    {GROUP_HOSTS, 0, "lost-after", ARGUMENT, "S", "a host is lost after S seconds without a sign of life (default 5)",
     "seconds from 2 to 3600", "--lost-after 10", NULL, set_lost_after},
    {GROUP_HOSTS, 0, "engine-timeout", ARGUMENT, "S", "the run fails when the engine is away for S seconds (default 30)",
     "seconds greater than 0, at most 86400", "--engine-timeout 10", NULL, set_engine_timeout},
    {GROUP_HOSTS, 0, "engine-insecure", NO_ARGUMENT, NULL, "an engine on another host may have no password",
     NULL, NULL, NULL, set_engine_insecure},

    {GROUP_ABOUT, 'h', "help", NO_ARGUMENT, NULL, "show this text; --help all, --help sandbox, --help queue.put: more",
     NULL, NULL, NULL, set_help},
    {GROUP_ABOUT, 0, "version", NO_ARGUMENT, NULL, "show the version and leave",
     NULL, NULL, NULL, set_version},
    {GROUP_ABOUT, 0, "completions", ARGUMENT, "SHELL", "print a completion script for bash, zsh or fish",
     "bash, zsh or fish", "--completions bash", SHELLS, set_completions},
    {GROUP_ABOUT, 0, "init", NO_ARGUMENT, NULL, "write .luarc.json here: editors then know the library",
     NULL, NULL, NULL, set_init},
};

static_assert(sizeof program_rows / sizeof *program_rows <= 64, "`given` has a bit for each");

static const struct option_row trace_rows[] = {
    {GROUP_SEE, 'o', NULL, FILE_ARGUMENT, "FILE", "write FILE: .html .svg .pftrace .json; may be repeated",
     TRACE_WANTS, "-o run.html", NULL, set_trace},
    {GROUP_SEE, 0, "timeline", OPTIONAL_ARGUMENT, "WIDTH", "draw what each process did, on stdout; the default without -o",
     "a number of columns from 40 to 1000", "--timeline=100", NULL, set_timeline},
    {GROUP_SEE, 0, "stats", OPTIONAL_ARGUMENT, "json", "sum up processes, messages, times and waits, on stdout",
     "json or no argument", "--stats=json", STATS, set_stats},
    {GROUP_SEE, 0, "color", ARGUMENT, "WHEN", "colour the timeline: auto, always or never",
     "auto, always or never", "--color never", COLORS, set_color},
    {GROUP_SEE, 'h', "help", NO_ARGUMENT, NULL, "show this text",
     NULL, NULL, NULL, set_trace_help},
};

static const struct option_row course_rows[] = {
    {GROUP_SEE, 0, "table", NO_ARGUMENT, NULL, "show the table only: a line for each answer",
     NULL, NULL, NULL, set_course_table},
    {GROUP_RUN, 0, "timeout", ARGUMENT, "S", "end each run of an answer after S seconds (default 20)",
     "seconds greater than 0", "--timeout 60", NULL, set_course_timeout},
    {GROUP_SEE, 0, "color", ARGUMENT, "WHEN", "colour the verdicts: auto, always or never",
     "auto, always or never", "--color never", COLORS, set_color},
    {GROUP_SEE, 'h', "help", NO_ARGUMENT, NULL, "show this text",
     NULL, NULL, NULL, set_course_help},
};

static const struct option_row agent_rows[] = {
    {GROUP_HOSTS, 0, "name", ARGUMENT, "NAME", "the name of this host in runs (default: its own)",
     "a name of letters, digits, - _ and .", "--name bert", NULL, set_agent_name},
    {GROUP_HOSTS, 0, "slots", ARGUMENT, "N", "as many processes are meant to run at once (default: processors)",
     "an integer from 1 to 4096", "--slots 8", NULL, set_agent_slots},
    {GROUP_HOSTS, 0, "once", NO_ARGUMENT, NULL, "leave when the first run that has used it is over",
     NULL, NULL, NULL, set_agent_once},
    {GROUP_HOSTS, 0, "password-stdin", NO_ARGUMENT, NULL, "read the password from stdin, a line; leave at the end of stdin",
     NULL, NULL, NULL, set_agent_password},
    {GROUP_HOSTS, 0, "engine-insecure", NO_ARGUMENT, NULL, "an engine on another host may have no password",
     NULL, NULL, NULL, set_engine_insecure},
    {GROUP_SEE, 'h', "help", NO_ARGUMENT, NULL, "show this text",
     NULL, NULL, NULL, set_agent_help},
};
/* clang-format on */

const struct option_table program_options = {
    program_rows, sizeof program_rows / sizeof *program_rows, "sandbox --help"};

const struct option_table trace_command_options = {
    trace_rows, sizeof trace_rows / sizeof *trace_rows, "sandbox trace --help"};

const struct option_table course_options = {course_rows, sizeof course_rows / sizeof *course_rows,
                                            "sandbox check --help"};

const struct option_table agent_options = {agent_rows, sizeof agent_rows / sizeof *agent_rows,
                                           "sandbox agent --help"};

const struct command commands[COMMAND_COUNT] = {
    {"trace", "show a recorded run", &trace_command_options, MODE_TRACE},
    {"check", "check an answer to a lesson", &course_options, MODE_COURSE},
    {"agent", "run processes for other hosts", &agent_options, MODE_AGENT},
};

/* -- reading a table --------------------------------------------------------------------------- */

const struct option_row *option_of_letter(const struct option_table *t, char letter) {
  for (int i = 0; i < t->count; i++)
    if (t->rows[i].letter != 0 && t->rows[i].letter == letter)
      return &t->rows[i];
  return NULL;
}

const struct option_row *option_of_name(const struct option_table *t, const char *name,
                                        size_t len) {
  for (int i = 0; i < t->count; i++)
    if (t->rows[i].name && strlen(t->rows[i].name) == len &&
        memcmp(t->rows[i].name, name, len) == 0)
      return &t->rows[i];
  return NULL;
}

struct option_spelling option_spell(const struct option_row *row, bool is_long) {
  struct option_spelling s;
  if (is_long)
    snprintf(s.text, sizeof s.text, "--%s", row->name);
  else
    snprintf(s.text, sizeof s.text, "-%c", row->letter);
  return s;
}

int option_choice_index(const char *choices, const char *value) {
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
