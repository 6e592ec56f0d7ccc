/* term/editor_bind.c - key bindings; ~/.editrc overrides ours. See editor_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "term/editor_internal.h"

void replace_line(EditLine *el, const wchar_t *text, size_t cursor) {
  const LineInfoW *line = line_now(el);
  if (!*text) { /* el_wreplacestr does not accept it */
    el_cursor(el, (int)(line->lastchar - line->cursor));
    el_wdeletestr(el, (int)(line->lastchar - line->buffer));
    return;
  }
  el_wreplacestr(el, text);
  line = line_now(el);
  el_cursor(el, (int)cursor - (int)(line->cursor - line->buffer));
}

/* -- what keys do ------------------------------------------------------------------------------ */

static unsigned char on_paste(EditLine *el, int key) {
  struct editor *e = editor_of(el);
  wchar_t *text = text_widen((const char *)e->pasted.data, e->pasted.len);
  static const char refused[] = "(too long to be pasted)\n";
  unsigned char todo = CC_REFRESH;
  (void)key;
  if (text && !terminal_own_has_room(e, text)) {
    output_above(e, refused, sizeof refused - 1);
    todo = CC_ERROR;
  } else if (text && *text)
    el_winsertstr(el, text);
  free(text);
  buf_clear(&e->pasted, 0);
  return todo;
}

static unsigned char on_newline(EditLine *el, int key) {
  (void)key;
  return el_winsertstr(el, L"\n") ? CC_ERROR : CC_REFRESH;
}

static unsigned char on_delete(EditLine *el, int key) {
  const LineInfoW *line = line_now(el);
  (void)key;
  if (line->cursor == line->lastchar)
    return CC_ERROR;
  el_cursor(el, 1);
  el_wdeletestr(el, 1);
  return CC_REFRESH;
}

static unsigned char on_delete_or_eof(EditLine *el, int key) {
  const LineInfoW *line = line_now(el);
  return line->buffer == line->lastchar ? CC_EOF : on_delete(el, key);
}

static unsigned char on_clear_screen(EditLine *el, int key) {
  (void)key;
  screen_clear(editor_of(el));
  return CC_REFRESH;
}

/* The beginning and the end of the cursor's line within a block. */
static unsigned char on_home(EditLine *el, int key) {
  const LineInfoW *line = line_now(el);
  const wchar_t *c = line->cursor;
  (void)key;
  while (c > line->buffer && c[-1] != L'\n')
    c--;
  el_cursor(el, (int)(c - line->cursor));
  return CC_REFRESH;
}

static unsigned char on_end(EditLine *el, int key) {
  const LineInfoW *line = line_now(el);
  const wchar_t *c = line->cursor;
  (void)key;
  while (c < line->lastchar && *c != L'\n')
    c++;
  el_cursor(el, (int)(c - line->cursor));
  return CC_REFRESH;
}

static const struct {
  const wchar_t *name, *help; /* libedit keeps these pointers */
  unsigned char (*call)(EditLine *el, int key);
} functions[] = {
    {L"edit-complete", L"Complete the word, or indent", on_tab},
    {L"edit-up", L"Up in the block, or the older entry", on_up},
    {L"edit-down", L"Down in the block, or the younger entry", on_down},
    {L"edit-older", L"Older entry with the same beginning", on_older},
    {L"edit-younger", L"Younger entry with the same beginning", on_younger},
    {L"edit-search", L"Search older entries for a text", on_search},
    {L"edit-paste", L"Insert what was pasted", on_paste},
    {L"edit-newline", L"Insert a newline", on_newline},
    {L"edit-clear-screen", L"Clear the screen", on_clear_screen},
    {L"edit-home", L"To the beginning of the line", on_home},
    {L"edit-end", L"To the end of the line", on_end},
    {L"edit-delete", L"Delete the character at the cursor", on_delete},
    {L"edit-delete-or-eof", L"Delete, or leave if there is nothing", on_delete_or_eof}};

/* -- bindings ---------------------------------------------------------------------------------- */

enum map { EMACS = 1, VI_INSERT = 2, VI_COMMAND = 4, INSERTING = EMACS | VI_INSERT, ALL = 7 };

static const struct {
  const wchar_t *key, *function;
  int maps;
} bindings[] = {
    {L"^I", L"edit-complete", INSERTING}, {L"^D", L"edit-delete-or-eof", ALL},
    {L"^R", L"edit-search", ALL},         {L"^L", L"edit-clear-screen", ALL},
    {L"^P", L"edit-older", INSERTING},    {L"^N", L"edit-younger", INSERTING},
    {L"^A", L"edit-home", EMACS},         {L"^E", L"edit-end", EMACS},
    {L"\\ep", L"edit-older", EMACS},      {L"\\en", L"edit-younger", EMACS},
    {L"\\e^M", L"edit-newline", EMACS},   {L"\\e^J", L"edit-newline", EMACS},
    {L"k", L"edit-up", VI_COMMAND},       {L"j", L"edit-down", VI_COMMAND},
    {L"v", L"ed-unassigned", VI_COMMAND}, /* would wait for an external editor and block
                                             everything else */
};

/* The bindings of the codes of enum key. */
static const wchar_t *const key_functions[] = {
    [KEY_UP - KEY_FIRST] = L"edit-up",
    [KEY_DOWN - KEY_FIRST] = L"edit-down",
    [KEY_OLDER - KEY_FIRST] = L"edit-older",
    [KEY_YOUNGER - KEY_FIRST] = L"edit-younger",
    [KEY_LEFT - KEY_FIRST] = L"ed-prev-char",
    [KEY_RIGHT - KEY_FIRST] = L"ed-next-char",
    [KEY_HOME - KEY_FIRST] = L"edit-home",
    [KEY_END - KEY_FIRST] = L"edit-end",
    [KEY_DELETE - KEY_FIRST] = L"edit-delete",
    [KEY_WORD_LEFT - KEY_FIRST] = L"ed-prev-word",
    [KEY_WORD_RIGHT - KEY_FIRST] = L"em-next-word",
    [KEY_PASTE - KEY_FIRST] = L"edit-paste",
};

static int bind(struct editor *e, const wchar_t *key, const wchar_t *function, bool alternative) {
  if (alternative)
    return el_wset(e->el, EL_BIND, L"-a", key, function, NULL);
  return el_wset(e->el, EL_BIND, key, function, NULL);
}

static int bind_in_maps(struct editor *e, const wchar_t *key, const wchar_t *function, int maps,
                        bool vi) {
  int rc = 0;
  if (maps & (vi ? VI_INSERT : EMACS))
    rc |= bind(e, key, function, false);
  if (vi && (maps & VI_COMMAND))
    rc |= bind(e, key, function, true);
  return rc;
}

static int bind_ours(struct editor *e, bool vi) {
  int rc = 0;
  for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
    rc |= bind_in_maps(e, bindings[i].key, bindings[i].function, bindings[i].maps, vi);
  for (size_t i = 0; i < sizeof key_functions / sizeof *key_functions; i++) {
    wchar_t key[8];
    swprintf(key, sizeof key / sizeof *key, L"\\%03o", (unsigned)(KEY_FIRST + i));
    rc |= bind_in_maps(e, key, key_functions[i], ALL, vi);
  }
  return rc;
}

/* -- ~/.editrc --------------------------------------------------------------------------------- */

/* Does it choose emacs or vi bindings, which would undo ours? The choice has been followed
 * before. */
static bool chooses_map(int count, const char *const *words) {
  return count == 2 && (strcmp(words[1], "-v") == 0 || strcmp(words[1], "-e") == 0);
}

/* Run a line split into words: "bind key function", "sandbox:bind ...", or another command. */
static void run_command(struct editor *e, int count, const char **words) {
  const char *colon = count ? strchr(words[0], ':') : NULL;
  bool is_bind = count > 1 && strcmp(colon ? colon + 1 : words[0], "bind") == 0;
  if (count == 0 || (is_bind && chooses_map(count, words)))
    return;
  for (int i = 1; is_bind && i < count; i++)
    buf_append(&e->editrc_keys, words[i], strlen(words[i]) + 1);
  el_parse(e->el, count, words);
}

static void run_file(struct editor *e, FILE *f) {
  Tokenizer *tokens = tok_init(NULL);
  char *line = NULL;
  size_t size = 0;
  ssize_t n;
  while (tokens && (n = getline(&line, &size, f)) > 0) {
    const char **words;
    int count;
    if (line[n - 1] == '\n')
      line[n - 1] = '\0';
    const char *text = line + strspn(line, " \t");
    if (*text && *text != '#' && tok_str(tokens, text, &count, &words) == 0)
      run_command(e, count, words);
    tok_reset(tokens);
  }
  free(line);
  if (tokens)
    tok_end(tokens);
}

/* The file that libedit itself would read. NULL: none; owned by the caller. */
static char *editrc_path(void) {
  const char *named = getenv("EDITRC"), *home = getenv("HOME");
  char *path = NULL;
  if (named)
    return *named ? strdup(named) : NULL;
  return home && asprintf(&path, "%s/.editrc", home) >= 0 ? path : NULL;
}

/*
 * The file may choose between emacs and vi, which rebinds all keys, and may override our bindings.
 * So it is read twice: for the choice, and, after our bindings, for everything else.
 */
int bind_all(struct editor *e) {
  const char *editor = "emacs";
  char *path = editrc_path();
  FILE *f = path ? fopen(path, "re") : NULL;
  el_set(e->el, EL_EDITOR, editor);
  if (f)
    el_source(e->el, path);
  el_get(e->el, EL_EDITOR, &editor);
  bool vi = strcmp(editor, "vi") == 0;
  el_set(e->el, EL_EDITOR, vi ? "vi" : "emacs");
  int rc = 0;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    rc |= el_wset(e->el, EL_ADDFN, functions[i].name, functions[i].help, functions[i].call);
  rc |= bind_ours(e, vi);
  if (f) {
    run_file(e, f);
    fclose(f);
  }
  free(path);
  return rc ? -SBX_ESYSTEM : 0;
}
