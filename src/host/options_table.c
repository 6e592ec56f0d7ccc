/*
 * host/options_table.c - every option, declared once; see options_internal.h.
 *
 * A row's handler stores the option's argument (NULL if it takes none) in struct options, or
 * rejects it. To add an option, add a handler and a row: parsing, --help, --completions and
 * suggestions read the row.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/options_internal.h"

enum { PROCS_MAX = 32768 };

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
const struct option_row option_rows[] = {
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

    {GROUP_RUN, 0, "speed", "X", "run the clock X times faster: sleep and timeouts take 1/X",
     "a number greater than 0", "--speed 10", NULL, set_speed},
    {GROUP_RUN, 0, "seed", "N", "set the seed of the random numbers, to repeat a run",
     "an integer of 64 bits, decimal or 0x", "--seed 42", NULL, set_seed},
    {GROUP_RUN, 0, "timeout", "S", "end the run after S seconds of real time (exit status 124)",
     "seconds greater than 0", "--timeout 60", NULL, set_timeout},
    {GROUP_RUN, 0, "max-procs", "N", "at most N processes alive at once (default 512)",
     "an integer from 1 to 32768", "--max-procs 64", NULL, set_max_procs},
    {GROUP_RUN, 0, "output", "HOW", "raw: unchanged; tag: each line of a child begins with [name#id]",
     "raw or tag", "--output tag", OUTPUTS, set_output},
    {GROUP_RUN, 0, "check", NULL, "compile the script or scripts, but run nothing",
     NULL, NULL, NULL, set_check},
    {GROUP_RUN, 0, "color", "WHEN", "colour messages: auto, always or never",
     "auto, always or never", "--color never", COLORS, set_color},

    {GROUP_ABOUT, 'h', "help", NULL, "show this text; --help sandbox: the library; --help queue.put: one item",
     NULL, NULL, NULL, set_help},
    {GROUP_ABOUT, 0, "version", NULL, "show the version and leave",
     NULL, NULL, NULL, set_version},
    {GROUP_ABOUT, 0, "completions", "SHELL", "print a completion script for bash, zsh or fish",
     "bash, zsh or fish", "--completions bash", SHELLS, set_completions},
    {GROUP_ABOUT, 0, "init", NULL, "write .luarc.json here: editors then know the library",
     NULL, NULL, NULL, set_init},
};
/* clang-format on */

const int option_row_count = sizeof option_rows / sizeof *option_rows;

/* -- reading the table ------------------------------------------------------------------------- */

const struct option_row *option_of_letter(char letter) {
  for (int i = 0; i < option_row_count; i++)
    if (option_rows[i].letter != 0 && option_rows[i].letter == letter)
      return &option_rows[i];
  return NULL;
}

const struct option_row *option_of_name(const char *name, size_t len) {
  for (int i = 0; i < option_row_count; i++)
    if (option_rows[i].name && strlen(option_rows[i].name) == len &&
        memcmp(option_rows[i].name, name, len) == 0)
      return &option_rows[i];
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
