/*
 * term/editor_keymap.c - which keys run which command: the tables, and the reading of a sequence of
 * keys; see editor_internal.h.
 *
 * There is one list of bindings: first those of the tables, then those of ~/.editrc. The last one
 * that fits is in force. If a sequence is bound, and a longer one that begins with it, too, what
 * follows within a moment belongs to it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wctype.h>

#include "base/error.h"
#include "term/editor_internal.h"

enum { KEYS_MOST = 16, FOLLOWS_MS = 50 };

struct standard {
  const wchar_t *keys; /* as in editrc(5) */
  const char *command;
};

/* clang-format off */
static const struct standard everywhere[] = {
    {L"^D", "edit-delete-or-eof"}, {L"^J", "ed-newline"}, {L"^\\", "ed-ignore"},
    {L"^R", "edit-search"},        {L"^M", "ed-newline"}, {L"^W", "ed-delete-prev-word"},
    {L"^L", "edit-clear-screen"},  {L"^S", "ed-ignore"},
};

static const struct standard inserting[] = {
    {L"^I", "edit-complete"}, {L"^N", "edit-younger"},     {L"^V", "ed-quoted-insert"},
    {L"^P", "edit-older"},    {L"^Q", "ed-quoted-insert"},
};

static const struct standard emacs[] = {
    {L"^@", "em-set-mark"},         {L"^_", "edit-undo"},              {L"\\eu", "em-upper-case"},
    {L"^A", "edit-home"},           {L"\\e^H", "ed-delete-prev-word"}, {L"\\ew", "em-copy-region"},
    {L"^B", "ed-prev-char"},        {L"\\e^?", "ed-delete-prev-word"}, {L"\\ey", "edit-yank-pop"},
    {L"^E", "edit-end"},            {L"\\e^J", "edit-newline"},        {L"\\e0", "ed-argument-digit"},
    {L"^F", "ed-next-char"},        {L"\\e^M", "edit-newline"},        {L"\\e1", "ed-argument-digit"},
    {L"^H", "em-delete-prev-char"}, {L"\\e^L", "edit-clear-screen"},   {L"\\e2", "ed-argument-digit"},
    {L"^?", "em-delete-prev-char"}, {L"\\e^_", "em-copy-prev-word"},   {L"\\e3", "ed-argument-digit"},
    {L"^K", "ed-kill-line"},        {L"\\e_", "edit-redo"},            {L"\\e4", "ed-argument-digit"},
    {L"^O", "ed-ignore"},           {L"\\eb", "ed-prev-word"},         {L"\\e5", "ed-argument-digit"},
    {L"^T", "ed-transpose-chars"},  {L"\\ec", "em-capitol-case"},      {L"\\e6", "ed-argument-digit"},
    {L"^U", "em-kill-line"},        {L"\\ed", "em-delete-next-word"},  {L"\\e7", "ed-argument-digit"},
    {L"^X^U", "edit-undo"},         {L"\\ef", "em-next-word"},         {L"\\e8", "ed-argument-digit"},
    {L"^X^X", "em-exchange-mark"},  {L"\\el", "em-lower-case"},        {L"\\e9", "ed-argument-digit"},
    {L"^Y", "em-yank"},             {L"\\en", "edit-younger"},
    {L"^]", "ed-ignore"},           {L"\\ep", "edit-older"},
};

static const struct standard vi_inserting[] = {
    {L"^H", "vi-delete-prev-char"}, {L"^U", "vi-kill-line-prev"},
    {L"^?", "vi-delete-prev-char"}, {L"\\e", "vi-command-mode"},
};

static const struct standard vi_commands[] = {
    {L"^A", "ed-move-to-beg"},      {L"7", "ed-argument-digit"},      {L"\\^", "ed-move-to-beg"},
    {L"^E", "ed-move-to-end"},      {L"8", "ed-argument-digit"},      {L"a", "vi-add"},
    {L"^H", "ed-delete-prev-char"}, {L"9", "ed-argument-digit"},      {L"b", "vi-prev-word"},
    {L"^?", "ed-prev-char"},        {L";", "vi-repeat-next-char"},    {L"c", "vi-change-meta"},
    {L"^K", "ed-kill-line"},        {L"?", "vi-search-next"},         {L"d", "vi-delete-meta"},
    {L"^N", "ed-next-history"},     {L"A", "vi-add-at-eol"},          {L"e", "vi-end-word"},
    {L"^O", "ed-ignore"},           {L"B", "vi-prev-big-word"},       {L"f", "vi-next-char"},
    {L"^P", "ed-prev-history"},     {L"C", "vi-change-to-eol"},       {L"h", "ed-prev-char"},
    {L"^Q", "ed-ignore"},           {L"D", "ed-kill-line"},           {L"i", "vi-insert"},
    {L" ", "ed-next-char"},         {L"E", "vi-end-big-word"},        {L"j", "edit-down"},
    {L"$", "ed-move-to-end"},       {L"F", "vi-prev-char"},           {L"k", "edit-up"},
    {L"%", "vi-match"},             {L"G", "vi-to-history-line"},     {L"l", "ed-next-char"},
    {L"+", "ed-next-history"},      {L"I", "vi-insert-at-bol"},       {L"n", "vi-repeat-search-next"},
    {L",", "vi-repeat-prev-char"},  {L"J", "ed-search-next-history"}, {L"p", "vi-paste-next"},
    {L"-", "ed-prev-history"},      {L"K", "ed-search-prev-history"}, {L"r", "vi-replace-char"},
    {L".", "vi-redo"},              {L"N", "vi-repeat-search-prev"},  {L"s", "vi-substitute-char"},
    {L"/", "vi-search-prev"},       {L"P", "vi-paste-prev"},          {L"t", "vi-to-next-char"},
    {L"0", "vi-zero"},              {L"R", "vi-replace-mode"},        {L"u", "vi-undo"},
    {L"1", "ed-argument-digit"},    {L"S", "vi-substitute-line"},     {L"w", "vi-next-word"},
    {L"2", "ed-argument-digit"},    {L"T", "vi-to-prev-char"},        {L"x", "ed-delete-next-char"},
    {L"3", "ed-argument-digit"},    {L"U", "vi-undo-line"},           {L"y", "vi-yank"},
    {L"4", "ed-argument-digit"},    {L"W", "vi-next-big-word"},       {L"|", "vi-to-column"},
    {L"5", "ed-argument-digit"},    {L"X", "ed-delete-prev-char"},    {L"~", "vi-change-case"},
    {L"6", "ed-argument-digit"},    {L"Y", "vi-yank-end"},            {L"\\e", "vi-command-mode"},
};
/* clang-format on */

static const struct {
  const struct standard *list;
  size_t count;
  int maps;
} tables[] = {{everywhere, sizeof everywhere / sizeof *everywhere, ALL_MAPS},
              {inserting, sizeof inserting / sizeof *inserting, INSERTING},
              {emacs, sizeof emacs / sizeof *emacs, EMACS},
              {vi_inserting, sizeof vi_inserting / sizeof *vi_inserting, VI_INSERT},
              {vi_commands, sizeof vi_commands / sizeof *vi_commands, VI_COMMAND}};

/* Keys that are no characters; the name is that of `bind -k`. */
static const struct {
  enum key key;
  const char *command, *name;
} special[] = {{KEY_UP, "edit-up", "up"},
               {KEY_DOWN, "edit-down", "down"},
               {KEY_LEFT, "ed-prev-char", "left"},
               {KEY_RIGHT, "ed-next-char", "right"},
               {KEY_HOME, "edit-home", "home"},
               {KEY_END, "edit-end", "end"},
               {KEY_DELETE, "edit-delete", "delete"},
               {KEY_OLDER, "edit-older", NULL},
               {KEY_YOUNGER, "edit-younger", NULL},
               {KEY_WORD_LEFT, "ed-prev-word", NULL},
               {KEY_WORD_RIGHT, "em-next-word", NULL},
               {KEY_PASTE, "edit-paste", NULL}};

enum { TABLES = sizeof tables / sizeof *tables, SPECIAL = sizeof special / sizeof *special };

/* -- making the list --------------------------------------------------------------------------- */

int keymap_add(struct editor *e, const wchar_t *keys, struct binding b) {
  if (e->binding_count == e->binding_cap) {
    size_t cap = e->binding_cap ? 2 * e->binding_cap : 256;
    struct binding *grown = realloc(e->bindings, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    e->bindings = grown;
    e->binding_cap = cap;
  }
  b.keys = wcsdup(keys);
  if (!b.keys)
    return -SBX_ENOMEM;
  e->bindings[e->binding_count++] = b;
  return 0;
}

wchar_t keymap_special(const char *name) {
  for (size_t i = 0; i < SPECIAL; i++)
    if (special[i].name && strcmp(special[i].name, name) == 0)
      return (wchar_t)special[i].key;
  return 0;
}

/* The character that a terminal's settings give the role of a key (`stty erase`) is bound as that
 * key is. */
static int add_own_character(struct editor *e, cc_t own, wchar_t usual) {
  const wchar_t keys[] = {own, L'\0'};
  int rc = 0;
  if (own == _POSIX_VDISABLE || own == usual)
    return 0;
  for (size_t i = 0, n = e->binding_count; i < n && !rc; i++) {
    struct binding b = e->bindings[i];
    if (b.keys[0] == usual && !b.keys[1])
      rc = keymap_add(e, keys, b);
  }
  return rc;
}

static int add_standard(struct editor *e, const wchar_t *keys, const char *command, int maps) {
  return keymap_add(e, keys, (struct binding){.command = command_named(command), .maps = maps});
}

int keymap_make(struct editor *e) {
  static const struct {
    int role;
    wchar_t usual;
  } roles[] = {{VERASE, 0x7f}, {VKILL, 0x15}, {VWERASE, 0x17}, {VLNEXT, 0x16}};
  wchar_t keys[KEYS_MOST];
  int rc = 0;
  for (size_t i = 0; i < TABLES; i++)
    for (size_t k = 0; k < tables[i].count && !rc; k++) {
      const struct standard *b = &tables[i].list[k];
      rc = add_standard(e, editrc_keys(b->keys, keys), b->command, tables[i].maps);
    }
  for (size_t i = 0; i < SPECIAL && !rc; i++) {
    keys[0] = (wchar_t)special[i].key;
    keys[1] = L'\0';
    rc = add_standard(e, keys, special[i].command, ALL_MAPS);
  }
  for (size_t i = 0; i < sizeof roles / sizeof *roles && !rc; i++)
    rc = add_own_character(e, e->before.c_cc[roles[i].role], roles[i].usual);
  return rc;
}

void keymap_release(struct editor *e) {
  for (size_t i = 0; i < e->binding_count; i++) {
    free(e->bindings[i].keys);
    free(e->bindings[i].string);
  }
  free(e->bindings);
  e->bindings = NULL;
  e->binding_count = e->binding_cap = 0;
}

/* -- looking up -------------------------------------------------------------------------------- */

struct found {
  const struct binding *exact;
  bool longer;        /* there are sequences that begin with this one */
  bool longer_theirs; /* ... in ~/.editrc */
};

static struct found look_up(const struct editor *e, const wchar_t *keys, size_t len) {
  int map = e->command_mode ? VI_COMMAND : e->vi ? VI_INSERT : EMACS;
  struct found f = {0};
  for (size_t i = e->binding_count; i-- > 0;) {
    const struct binding *b = &e->bindings[i];
    if (!(b->maps & map) || wcsncmp(b->keys, keys, len) != 0)
      continue;
    if (!b->keys[len])
      f.exact = f.exact ? f.exact : b;
    else if (!f.exact || !f.exact->theirs) { /* a key that is bound anew begins no others */
      f.longer = true;
      f.longer_theirs |= b->theirs;
    }
  }
  if (f.exact && f.longer_theirs && !f.exact->theirs && keys[0] != KEY_ESC)
    f.exact = NULL;
  return f;
}

/* A sequence that is bound may go on: does what was typed? */
static bool goes_on(struct editor *e, wchar_t keys[KEYS_MOST + 1], size_t len) {
  int byte = editor_peek(e, 0, FOLLOWS_MS);
  if (byte < 0)
    return false;
  keys[len] = (wchar_t)byte;
  struct found f = look_up(e, keys, len + 1);
  return f.exact || f.longer;
}

/* A key that no binding is about. */
static const struct binding *unbound(struct editor *e, wchar_t key) {
  static struct binding inserts, digit, refused;
  inserts.command = command_named("ed-insert");
  digit.command = command_named("ed-digit");
  refused.command = command_named("ed-unassigned");
  if (e->command_mode || is_key_code(key))
    return &refused;
  if (key >= L'0' && key <= L'9')
    return &digit;
  return e->vi || (key >= L' ' && key != 0x7f) ? &inserts : &refused;
}

const struct binding *keymap_read(struct editor *e) {
  wchar_t keys[KEYS_MOST + 2];
  size_t len = 0;
  struct found f;
  do {
    e->key = keys[len++] = editor_key(e);
    if (!e->key)
      return NULL;
    f = look_up(e, keys, len);
  } while (f.longer && len < KEYS_MOST && (!f.exact || goes_on(e, keys, len)));
  if (!f.exact && len == 2 && keys[0] == KEY_ESC) { /* M-B is M-b */
    keys[1] = (wchar_t)towlower((wint_t)keys[1]);
    f = look_up(e, keys, len);
  }
  if (f.exact)
    return f.exact;
  return unbound(e, len == 1 ? e->key : (wchar_t)KEY_FIRST);
}

bool keymap_has(const struct editor *e, const char *sequence) {
  wchar_t keys[KEYS_MOST];
  size_t n = 0;
  keys[n++] = KEY_ESC;
  for (; *sequence && n + 1 < KEYS_MOST; sequence++)
    keys[n++] = (wchar_t)*sequence;
  keys[n] = L'\0';
  struct found f = *sequence ? (struct found){0} : look_up(e, keys, n);
  return f.exact != NULL;
}
