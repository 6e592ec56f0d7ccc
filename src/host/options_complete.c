/* host/options_complete.c - --completions, from the table of options; see options.h. */
#include <string.h>

#include "host/options_internal.h"

/* Write `text` with a backslash before each character that is in `special`. */
static void put_escaped(FILE *out, const char *text, const char *special) {
  for (; *text != '\0'; text++) {
    if (strchr(special, *text))
      fputc('\\', out);
    fputc(*text, out);
  }
}

/* Write both spellings of a row, with the separator between them. */
static void put_spellings(FILE *out, const struct option_row *row, const char *separator) {
  if (row->letter)
    fprintf(out, "-%c", row->letter);
  if (row->letter && row->name)
    fputs(separator, out);
  if (row->name)
    fprintf(out, "--%s", row->name);
}

/* Write what completes the argument of a row: '--output | --output=) ... return ;;' */
static void bash_case(FILE *out, const struct option_row *row) {
  fputs("    ", out);
  if (row->takes != OPTIONAL_ARGUMENT) {
    put_spellings(out, row, " | ");
    fputs(row->name ? " | " : "", out);
  }
  if (row->name)
    fprintf(out, "--%s=", row->name);
  fputs(") mapfile -t COMPREPLY < <(compgen ", out);
  if (row->takes == FILE_ARGUMENT)
    fputs("-f", out);
  else
    fprintf(out, "-W '%s'", row->choices ? row->choices : "");
  fputs(" -- \"$cur\"); return ;;\n", out);
}

/* The arguments of a table's options, but for those that `said` has, too. */
static void bash_cases(FILE *out, const struct option_table *t, const struct option_table *said) {
  for (int i = 0; i < t->count; i++) {
    const struct option_row *row = &t->rows[i];
    bool is_said = said && row->name && option_of_name(said, row->name, strlen(row->name));
    if (row->takes != NO_ARGUMENT && !is_said)
      bash_case(out, row);
  }
}

static void bash_words(FILE *out, const struct option_table *t) {
  for (int i = 0; i < t->count; i++) {
    fputs(i == 0 ? "" : " ", out);
    put_spellings(out, &t->rows[i], " ");
  }
}

static void complete_bash(FILE *out) {
  fputs("# bash completion for sandbox; in ~/.bashrc: eval \"$(sandbox --completions bash)\"\n"
        "_sandbox() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "  local equals=\n"
        "  if [[ $cur == = ]]; then cur= equals==; fi\n"
        "  if [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]} equals==; fi\n"
        "  case $prev$equals in\n",
        out);
  bash_cases(out, &program_options, NULL);
  for (int i = 0; i < COMMAND_COUNT; i++)
    bash_cases(out, commands[i].options, &program_options);
  fputs("  esac\n"
        "  local options='",
        out);
  bash_words(out, &program_options);
  fputs("' commands=\n"
        "  if [[ $COMP_CWORD == 1 ]]; then commands='",
        out);
  for (int i = 0; i < COMMAND_COUNT; i++)
    fprintf(out, "%s%s", i == 0 ? "" : " ", commands[i].name);
  fputs("'; fi\n", out);
  for (int i = 0; i < COMMAND_COUNT; i++) {
    fprintf(out, "  if [[ ${COMP_WORDS[1]} == %s ]]; then options='", commands[i].name);
    bash_words(out, commands[i].options);
    fputs("'; fi\n", out);
  }
  fputs("  local word\n"
        "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
        "    if [[ $word == *.lua ]]; then options=; fi\n" /* behind the script they are its own */
        "  done\n"
        "  if [[ $cur == -* && $options ]]; then\n"
        "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
        "  else\n"
        "    mapfile -t COMPREPLY < <(compgen -W \"$commands\" -f -- \"$cur\")\n"
        "  fi\n"
        "}\n"
        "complete -o filenames -F _sandbox sandbox\n",
        out);
}

/* Write one spelling of a row for zsh's _arguments: '--speed=[help]:X:' */
static void zsh_spec(FILE *out, const struct option_row *row, bool is_long) {
  const char *special =
      "\\:[]"; /* to _arguments; a single quote could not be escaped, so no text may contain one */
  fprintf(out, "    '%s", option_spell(row, is_long).text);
  if (row->takes == OPTIONAL_ARGUMENT)
    fputs("=-[", out);
  else
    fputs(!row->argument ? "[" : is_long ? "=[" : "+[", out);
  put_escaped(out, row->help, special);
  fputs("]", out);
  if (row->argument) {
    fputs(row->takes == OPTIONAL_ARGUMENT ? "::" : ":", out);
    put_escaped(out, row->argument, special);
    if (row->choices)
      fprintf(out, ":(%s)", row->choices);
    else
      fputs(row->takes == FILE_ARGUMENT ? ":_files" : ":", out);
  }
  fputs("' \\\n", out);
}

static void zsh_specs(FILE *out, const struct option_table *t) {
  for (int i = 0; i < t->count; i++) {
    if (t->rows[i].letter)
      zsh_spec(out, &t->rows[i], false);
    if (t->rows[i].name)
      zsh_spec(out, &t->rows[i], true);
  }
}

static void complete_zsh(FILE *out) {
  fputs("#compdef sandbox\n"
        "# zsh completion for sandbox; in ~/.zshrc after compinit: eval \"$(sandbox --completions "
        "zsh)\"\n"
        "_sandbox() {\n",
        out);
  for (int i = 0; i < COMMAND_COUNT; i++) {
    fprintf(out, "  if [[ ${words[2]} == %s ]]; then\n    _arguments -S \\\n", commands[i].name);
    zsh_specs(out, commands[i].options);
    fprintf(out, "    '*:%s:_files'\n    return\n  fi\n", commands[i].name);
  }
  fputs("  _arguments -S -A '-*' \\\n", out); /* behind the script they are its own */
  zsh_specs(out, &program_options);
  fputs("    '1:script:{ compadd", out);
  for (int i = 0; i < COMMAND_COUNT; i++)
    fprintf(out, " %s", commands[i].name);
  fputs("; _files }' \\\n"
        "    '*:argument:_files'\n"
        "}\n"
        "if [[ ${funcstack[1]} == _sandbox ]]; then _sandbox \"$@\"; else compdef _sandbox "
        "sandbox; fi\n",
        out);
}

/* `when`: " -n 'condition'", or "" */
static void fish_rows(FILE *out, const struct option_table *t, const char *when) {
  for (int i = 0; i < t->count; i++) {
    const struct option_row *row = &t->rows[i];
    fprintf(out, "complete -c sandbox%s", when);
    if (row->letter)
      fprintf(out, " -s %c", row->letter);
    if (row->name)
      fprintf(out, " -l %s", row->name);
    if (row->takes == ARGUMENT)
      fputs(" -x", out);
    if (row->takes == FILE_ARGUMENT)
      fputs(" -r", out); /* and files */
    if (row->takes == OPTIONAL_ARGUMENT)
      fputs(" -f", out);
    if (row->choices)
      fprintf(out, " -a '%s'", row->choices);
    fputs(" -d '", out);
    put_escaped(out, row->help, "\\'");
    fputs("'\n", out);
  }
}

static void complete_fish(FILE *out) {
  fputs("# fish completion for sandbox; in config.fish: sandbox --completions fish | source\n",
        out);
  char when[256] =
      " -n 'not string match -q -- \\*.lua (commandline -opc); and not __fish_seen_subcommand_from";
  for (int i = 0; i < COMMAND_COUNT; i++) {
    fprintf(out, "complete -c sandbox -n __fish_use_subcommand -a %s -d '%s'\n", commands[i].name,
            commands[i].help);
    size_t len = strlen(when);
    snprintf(when + len, sizeof when - len, " %s%s", commands[i].name,
             i + 1 == COMMAND_COUNT ? "'" : "");
  }
  fish_rows(out, &program_options, when);
  for (int i = 0; i < COMMAND_COUNT; i++) {
    snprintf(when, sizeof when, " -n '__fish_seen_subcommand_from %s'", commands[i].name);
    fish_rows(out, commands[i].options, when);
  }
}

void options_completions(FILE *out, const char *shell) {
  static void (*const writers[])(FILE *) = {complete_bash, complete_zsh, complete_fish};
  int index = option_choice_index(SHELLS, shell);
  if (index >= 0)
    writers[index](out);
}
