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

static void complete_bash(FILE *out) {
  fputs("# bash completion for sandbox; in ~/.bashrc: eval \"$(sandbox --completions bash)\"\n"
        "_sandbox() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "  local equals=\n"
        "  if [[ $cur == = ]]; then cur= equals==; fi\n"
        "  if [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]} equals==; fi\n"
        "  case $prev$equals in\n",
        out);
  for (int i = 0; i < option_row_count; i++) {
    if (!option_rows[i].argument)
      continue;
    bash_case(out, &option_rows[i]);
  }
  fputs("  esac\n"
        "  if [[ $cur == -* ]]; then\n"
        "    mapfile -t COMPREPLY < <(compgen -W '",
        out);
  for (int i = 0; i < option_row_count; i++) {
    fputs(i == 0 ? "" : " ", out);
    put_spellings(out, &option_rows[i], " ");
  }
  fputs("' -- \"$cur\")\n"
        "  else\n"
        "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
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

static void complete_zsh(FILE *out) {
  fputs("#compdef sandbox\n"
        "# zsh completion for sandbox; in ~/.zshrc after compinit: eval \"$(sandbox --completions "
        "zsh)\"\n"
        "_sandbox() {\n"
        "  _arguments -S \\\n",
        out);
  for (int i = 0; i < option_row_count; i++) {
    if (option_rows[i].letter)
      zsh_spec(out, &option_rows[i], false);
    if (option_rows[i].name)
      zsh_spec(out, &option_rows[i], true);
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
  for (int i = 0; i < option_row_count; i++) {
    const struct option_row *row = &option_rows[i];
    fputs("complete -c sandbox", out);
    if (row->letter)
      fprintf(out, " -s %c", row->letter);
    if (row->name)
      fprintf(out, " -l %s", row->name);
    if (row->takes == ARGUMENT)
      fputs(" -x", out);
    if (row->takes == FILE_ARGUMENT)
      fputs(" -r", out); /* and files */
    if (row->choices)
      fprintf(out, " -a '%s'", row->choices);
    fputs(" -d '", out);
    put_escaped(out, row->help, "\\'");
    fputs("'\n", out);
  }
}

void options_completions(FILE *out, const char *shell) {
  static void (*const writers[])(FILE *) = {complete_bash, complete_zsh, complete_fish};
  int index = option_choice_index(SHELLS, shell);
  if (index >= 0)
    writers[index](out);
}
