/*
 * host/options_together.c - which options cannot be used together: one of them would say nothing.
 *
 * Refused is what would be left out without a word. What only sets a run up (--seed, --speed, limits) may stand beside
 * --check, which runs nothing: it is added to a line that is there.
 */
#include <string.h>

#include "host/options_internal.h"

/* Names of options, as rows have them; a letter is a name of its own. */
static const struct exclusion {
  const char *these;
  const char *those; /* each of them is refused beside each of `these`, */
  const char *but;   /* unless one of these is there; NULL: always */
} exclusions[] = {
    {"check",
     "i sim explore explore-kills step replay shake shake-same shake-token trace trace-detail "
     "trace-limit timeline stats "
     "hosts engine",
     NULL},
    {"replay", "explore explore-kills step shake shake-same shake-token", NULL},
    {"hosts engine", "sim explore explore-kills step replay shake shake-same shake-token strict",
     NULL},
    {"sim explore explore-kills step",
     "shake shake-same shake-token timeline stats trace-detail trace-limit max-procs output i",
     NULL},
    {"step", "trace", NULL},
    {"sim", "trace", "explore explore-kills"},
};

/* What a row is called in the table above. */
static bool is_called(const struct option_row *row, const char *name, size_t len) {
  return row->name ? strlen(row->name) == len && memcmp(row->name, name, len) == 0
                   : len == 1 && row->letter == *name;
}

/* The first of these options that was given, or NULL. */
static const struct option_row *first_given(const struct options *o, const char *names) {
  for (const char *name = names; *name != '\0';) {
    size_t len = strcspn(name, " ");
    for (int i = 0; i < program_options.count; i++)
      if ((o->given >> i & 1) && is_called(&program_options.rows[i], name, len))
        return &program_options.rows[i];
    name += len + strspn(name + len, " ");
  }
  return NULL;
}

static int refuse_both(const struct option_row *a, const struct option_row *b, FILE *err) {
  return options_usage_error(err, "option '%s' cannot be used together with '%s'",
                             option_spell(a, a->name != NULL).text,
                             option_spell(b, b->name != NULL).text);
}

/* What is not recorded has no detail. A prompt records by itself. */
static int check_recording(const struct options *o, int argc, FILE *err) {
  const struct option_row *row = first_given(o, "trace-detail trace-limit");
  if (!row || first_given(o, "trace timeline stats i") || options_have_no_script(o, argc))
    return 0;
  return options_usage_error(err, "option '--%s' needs '--trace', '--timeline' or '--stats'",
                             row->name);
}

/* What is about this program, not about a run: how it prints, and which variables it reads. An alias may always add it. */
static bool is_general(const struct option_row *row) {
  return is_called(row, "color", strlen("color")) || is_called(row, "E", 1);
}

/* --strict=report runs nothing. */
static int check_report(const struct options *o, int argc, char **argv, FILE *err) {
  if (o->policy.strict != STRICT_REPORT)
    return 0;
  for (int i = 0; i < program_options.count; i++) {
    const struct option_row *row = &program_options.rows[i];
    if ((o->given >> i & 1) && !is_called(row, "strict", strlen("strict")) && !is_general(row))
      return options_usage_error(err, "option '--strict=report' runs nothing: leave out '%s'",
                                 option_spell(row, row->name != NULL).text);
  }
  if (o->script < argc)
    return options_usage_error(err, "option '--strict=report' runs nothing: leave out '%s'",
                               argv[o->script]);
  return 0;
}

int options_check_together(const struct options *o, int argc, char **argv, FILE *err) {
  if (o->mode != MODE_RUN && o->mode != MODE_CHECK && o->mode != MODE_STRICT_REPORT)
    return 0;
  int status = check_report(o, argc, argv, err);
  if (status)
    return status;
  for (size_t i = 0; i < sizeof exclusions / sizeof *exclusions; i++) {
    const struct exclusion *e = &exclusions[i];
    const struct option_row *a = first_given(o, e->these), *b = a ? first_given(o, e->those) : NULL;
    if (b && !(e->but && first_given(o, e->but)))
      return refuse_both(a, b, err);
  }
  return check_recording(o, argc, err);
}

const struct option_row *options_before_command(const struct options *o) {
  for (int i = 0; i < program_options.count; i++) {
    const struct option_row *row = &program_options.rows[i];
    if ((o->given >> i & 1) && !is_called(row, "command", strlen("command")) && !is_general(row))
      return row;
  }
  return NULL;
}
