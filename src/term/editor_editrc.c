/*
 * term/editor_editrc.c - reads ~/.editrc; see editor_internal.h.
 *
 * Of what editrc(5) describes: `bind` with -a -e -k -r -s -v, `edit on` and `edit off`, and the
 * name of a program before a command. Everything else is skipped without a word, since the file
 * serves other programs, too.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "term/editor_internal.h"

enum { WORDS_MOST = 8 };

/* -- words ------------------------------------------------------------------------------------- */

/* Take the next word out of a line, in place: quotes keep blanks, a backslash keeps the next
 * character. Returns NULL at the end of the line. */
static char *next_word(char **text) {
  char *from = *text + strspn(*text, " \t\n"), *to = from, *word = from, quote = 0;
  if (!*from)
    return NULL;
  for (; *from && (quote || !strchr(" \t\n", *from)); from++) {
    if (*from == quote)
      quote = 0;
    else if (!quote && (*from == '"' || *from == '\''))
      quote = *from;
    else if (*from == '\\' && quote != '\'' && from[1]) {
      from++;
      if (quote && !strchr("\"'\\", *from))
        *to++ = '\\';
      *to++ = *from;
    } else
      *to++ = *from;
  }
  *text = *from ? from + 1 : from;
  *to = '\0';
  return word;
}

/* The character that a backslash and what follows it stand for. */
static wchar_t escaped(const wchar_t **at) {
  static const wchar_t names[] = L"abefnrtv", values[] = L"\a\b\033\f\n\r\t\v";
  wchar_t c = *(*at)++;
  const wchar_t *name = wcschr(names, c);
  if (name)
    return values[name - names];
  if (c < L'0' || c > L'7')
    return c;
  c -= L'0';
  for (int i = 0; i < 2 && **at >= L'0' && **at <= L'7'; i++)
    c = 8 * c + (*(*at)++ - L'0');
  return c & 0xff;
}

const wchar_t *editrc_keys(const wchar_t *notation, wchar_t *ret) {
  size_t n = 0;
  while (*notation) {
    wchar_t c = *notation++;
    if (c == L'\\' && *notation)
      c = escaped(&notation);
    else if (c == L'^' && *notation) {
      c = *notation == L'?' ? 0x7f : *notation & 037;
      notation++;
    } else if (c == L'M' && notation[0] == L'-' && notation[1]) {
      c = KEY_ESC;
      notation++;
    }
    ret[n++] = c ? c : (wchar_t)KEY_NULL;
  }
  ret[n] = L'\0';
  return ret;
}

/* -- commands ---------------------------------------------------------------------------------- */

/* Keys in the file's notation; owned by the caller, NULL when memory is exhausted. */
static wchar_t *keys_of(const char *notation) {
  wchar_t *keys = text_widen(notation, strlen(notation));
  if (keys)
    editrc_keys(keys, keys); /* they take less room than their notation */
  return keys;
}

/* Add a binding of a key, as written. Takes the text that it types. */
static void add(struct editor *e, bool named, const char *key, struct binding b) {
  const wchar_t special[] = {named ? keymap_special(key) : L'\0', L'\0'};
  wchar_t *keys = named ? NULL : keys_of(key);
  const wchar_t *bound = keys ? keys : special;
  if (!bound[0] || (!b.string && !b.command) || keymap_add(e, bound, b))
    free(b.string);
  free(keys);
}

/* bind [-a] [-s] [-k] key what, bind -r key, bind -v, bind -e. */
static void bind(struct editor *e, char **words) {
  struct binding b = {.maps = INSERTING, .theirs = true};
  bool typed = false, removed = false, named = false;
  for (; *words && **words == '-' && (*words)[1]; words++) {
    char option = (*words)[1];
    if (option == 'v' || option == 'e') {
      e->vi = option == 'v';
      return;
    }
    b.maps = option == 'a' ? VI_COMMAND : b.maps;
    typed |= option == 's';
    removed |= option == 'r';
    named |= option == 'k';
  }
  const char *key = words[0], *what = key ? words[1] : NULL;
  if (!key || (!what && !removed))
    return;
  wchar_t *text = typed && what ? keys_of(what) : NULL;
  b.string = text ? text_narrow(text, wcslen(text)) : NULL;
  b.command = command_named(removed ? "ed-unassigned" : what);
  free(text);
  add(e, named, key, b);
}

/* Is a command for this program? Its name may be a part of ours, or a regular expression. */
static bool is_meant(const struct editor *e, const char *program) {
  regex_t pattern;
  if (strstr(e->o.program, program))
    return *program != '\0';
  if (regcomp(&pattern, program, REG_NOSUB))
    return false;
  bool fits = regexec(&pattern, e->o.program, 0, NULL, 0) == 0;
  regfree(&pattern);
  return fits;
}

static void run_line(struct editor *e, char *text) {
  char *words[WORDS_MOST + 1] = {0};
  for (int i = 0; i < WORDS_MOST && (words[i] = next_word(&text)); i++)
    continue;
  if (!words[0] || *words[0] == '#')
    return;
  char *command = words[0], *colon = strchr(command, ':');
  if (colon) {
    *colon = '\0';
    if (!is_meant(e, command))
      return;
    command = colon + 1;
  }
  if (strcmp(command, "bind") == 0)
    bind(e, words + 1);
  else if (strcmp(command, "edit") == 0 && words[1])
    e->edits = strcmp(words[1], "off") != 0;
}

/* NULL: there is no such file; owned by the caller. */
static char *editrc_path(void) {
  const char *named = getenv("EDITRC"), *home = getenv("HOME");
  char *path = NULL;
  if (named)
    return *named ? strdup(named) : NULL;
  return home && asprintf(&path, "%s/.editrc", home) >= 0 ? path : NULL;
}

void editrc_read(struct editor *e) {
  char *path = editrc_path(), *line = NULL;
  size_t size = 0;
  FILE *f = path ? fopen(path, "re") : NULL;
  while (f && getline(&line, &size, f) > 0)
    run_line(e, line);
  free(line);
  if (f)
    fclose(f);
  free(path);
}
