/*
 * term/editor_command.c - the commands that keys run, and the running of one; see
 * editor_internal.h.
 *
 * The names are those that editrc(5) lists, so that bindings made for other programs work here; those
 * that begin with edit- are ours. A command that moves the cursor may follow an operator of vi.
 */
#include <string.h>

#include "term/editor_internal.h"

static const struct command commands[] = {
    /* moving */
    {"ed-next-char", "a character to the right", move_by_characters, 1, MOVES},
    {"ed-prev-char", "a character to the left", move_by_characters, -1, MOVES},
    {"em-next-word", "to the end of the word", move_by_words, 1, MOVES},
    {"ed-prev-word", "to the beginning of the word", move_by_words, -1, MOVES},
    {"ed-move-to-beg", "to the beginning", move_to_edge, -1, MOVES},
    {"ed-move-to-end", "to the end", move_to_edge, 1, MOVES},
    {"edit-home", "to the beginning of this line of a block", move_to_row_edge, -1, MOVES},
    {"edit-end", "to the end of this line of a block", move_to_row_edge, 1, MOVES},
    {"ed-prev-line", "to the line above in a block", on_row, -1, 0},
    {"ed-next-line", "to the line below in a block", on_row, 1, 0},
    {"em-set-mark", "set the mark", set_mark, 0, 0},
    {"em-exchange-mark", "exchange cursor and mark", exchange_mark, 0, 0},

    /* inserting and deleting */
    {"ed-insert", "insert the key", insert_key, 0, TYPES},
    {"ed-digit", "insert a digit, or add it to the count", insert_digit, 0, TYPES | COUNTS},
    {"ed-quoted-insert", "insert the next key as it is", insert_quoted, 0, 0},
    {"edit-newline", "insert a newline", insert_newline, 0, 0},
    {"edit-paste", "insert what was pasted", insert_pasted, 0, 0},
    {"edit-complete", "complete the word, or indent", on_tab, 0, 0},
    {"em-toggle-overwrite", "overwrite or insert", toggle_overwrite, 0, 0},
    {"ed-delete-next-char", "delete the character at the cursor", delete_characters, 1, CHANGES},
    {"edit-delete", "delete the character at the cursor", delete_characters, 1, CHANGES},
    {"ed-delete-prev-char", "delete the character before the cursor", delete_characters, -1,
     CHANGES},
    {"em-delete-prev-char", "delete the character before the cursor", delete_characters, -1, 0},
    {"vi-delete-prev-char", "delete the character before the cursor", delete_characters, -1, 0},
    {"edit-delete-or-eof", "delete, or leave if there is nothing", delete_or_leave, 1, CHANGES},
    {"em-delete-or-list", "delete, or leave if there is nothing", delete_or_leave, 1, 0},
    {"vi-list-or-eof", "leave if there is nothing", delete_or_leave, 0, 0},

    /* killing and yanking */
    {"ed-kill-line", "kill to the end", kill_to, KILL_END, KILLS | CHANGES},
    {"vi-kill-line-prev", "kill to the beginning", kill_to, KILL_BEGINNING, KILLS},
    {"em-kill-line", "kill everything", kill_to, KILL_EVERYTHING, KILLS},
    {"em-delete-next-word", "kill to the end of the word", kill_to, KILL_WORD, KILLS},
    {"ed-delete-prev-word", "kill to the beginning of the word", kill_to, KILL_WORD_BEFORE,
     KILLS | CHANGES},
    {"em-kill-region", "kill up to the mark", kill_to, KILL_REGION, KILLS},
    {"em-copy-region", "copy up to the mark", copy_region, 0, 0},
    {"em-copy-prev-word", "copy the word before the cursor", copy_word, 0, 0},
    {"em-yank", "insert what was killed last", yank, 0, YANKS},
    {"edit-yank-pop", "replace what was yanked by what was killed before", yank_older, 0, YANKS},

    /* changing */
    {"ed-transpose-chars", "exchange the characters around the cursor", transpose, 1, 0},
    {"em-gosmacs-transpose", "exchange the two characters before the cursor", transpose, 0, 0},
    {"em-upper-case", "word in capitals", change_word_case, 'u', 0},
    {"em-lower-case", "word in small letters", change_word_case, 'l', 0},
    {"em-capitol-case", "word with one capital", change_word_case, 'c', 0},
    {"edit-undo", "undo", on_undo, 0, 0},
    {"vi-undo", "undo", on_undo, 0, 0},
    {"edit-redo", "redo what was undone", on_redo, 0, 0},
    {"vi-undo-line", "undo everything", on_undo, 1, 0},
    {"ed-start-over", "empty the line", start_over, 0, 0},

    /* older lines */
    {"edit-up", "up in the block, or the older line", on_up, -1, 0},
    {"edit-down", "down in the block, or the younger line", on_up, 1, 0},
    {"edit-older", "older line with the same beginning", on_older, -1, 0},
    {"edit-younger", "younger line with the same beginning", on_older, 1, 0},
    {"ed-search-prev-history", "older line with the same beginning", on_older, -1, 0},
    {"ed-search-next-history", "younger line with the same beginning", on_older, 1, 0},
    {"ed-prev-history", "older line", on_any_older, -1, 0},
    {"ed-next-history", "younger line", on_any_older, 1, 0},
    {"vi-to-history-line", "line of this number, or the oldest", on_numbered, 0, 0},
    {"edit-search", "search older lines for a text", on_search, 0, 0},
    {"em-inc-search-prev", "search older lines for a text", on_search, 0, 0},
    {"em-inc-search-next", "search older lines for a text", on_search, 0, 0},
    {"vi-search-prev", "search older lines for a text", on_search, -1, 0},
    {"vi-search-next", "search younger lines for a text", on_search, 1, 0},
    {"vi-repeat-search-next", "search on", on_search_again, 1, 0},
    {"vi-repeat-search-prev", "search on in the other direction", on_search_again, -1, 0},

    /* the rest */
    {"ed-argument-digit", "begin or continue a count", add_digit, 0, COUNTS},
    {"em-universal-argument", "count four times as many", multiply_count, 0, COUNTS},
    {"ed-newline", "the line is finished", accept_line, 0, 0},
    {"ed-end-of-file", "leave", leave, 0, 0},
    {"edit-clear-screen", "clear the screen", on_clear_screen, 0, 0},
    {"ed-clear-screen", "clear the screen", on_clear_screen, 0, 0},
    {"ed-redisplay", "draw the line again", redisplay, 0, 0},
    {"ed-ignore", "nothing", ignore, 0, 0},
    {"ed-unassigned", "nothing, with a beep", refuse, 0, 0},

    /* vi */
    {"vi-command-mode", "to command mode", vi_command_mode, 0, 0},
    {"vi-insert", "insert at the cursor", vi_insert, 'i', CHANGES},
    {"vi-add", "insert after the cursor", vi_insert, 'a', CHANGES},
    {"vi-insert-at-bol", "insert at the beginning", vi_insert, 'I', CHANGES},
    {"vi-add-at-eol", "insert at the end", vi_insert, 'A', CHANGES},
    {"vi-replace-mode", "overwrite", vi_insert, 'R', CHANGES},
    {"vi-delete-meta", "delete what the next motion passes", vi_operator, 'd', CHANGES | OPERATES},
    {"vi-change-meta", "change what the next motion passes", vi_operator, 'c', CHANGES | OPERATES},
    {"vi-yank", "copy what the next motion passes", vi_operator, 'y', OPERATES},
    {"vi-substitute-char", "change the character", vi_substitute, 's', CHANGES},
    {"vi-substitute-line", "change everything", vi_substitute, 'S', CHANGES},
    {"vi-change-to-eol", "change to the end", vi_substitute, 'C', CHANGES},
    {"vi-yank-end", "copy to the end", vi_yank_end, 0, 0},
    {"vi-paste-next", "insert what was deleted, after the cursor", vi_paste, 1, CHANGES},
    {"vi-paste-prev", "insert what was deleted", vi_paste, 0, CHANGES},
    {"vi-replace-char", "replace the character by the next key", vi_replace, 0, CHANGES},
    {"vi-change-case", "capital or small letter", vi_change_case, 0, CHANGES},
    {"vi-redo", "repeat the last change", vi_repeat, 0, COUNTS},
    {"vi-next-word", "to the next word", vi_next_word, 0, MOVES},
    {"vi-next-big-word", "to the next word between blanks", vi_next_word, 1, MOVES},
    {"vi-prev-word", "to the word before", vi_prev_word, 0, MOVES},
    {"vi-prev-big-word", "to the word between blanks before", vi_prev_word, 1, MOVES},
    {"vi-end-word", "to the end of the word", vi_end_word, 0, MOVES},
    {"vi-end-big-word", "to the end of the word between blanks", vi_end_word, 1, MOVES},
    {"vi-zero", "to the beginning, or a digit of the count", vi_zero, 0, MOVES},
    {"vi-to-column", "to the column of this number", vi_to_column, 0, MOVES},
    {"vi-match", "to the other bracket", vi_match, 0, MOVES},
    {"vi-next-char", "to the character given by the next key", vi_find, 'f', MOVES},
    {"vi-prev-char", "back to the character given by the next key", vi_find, 'F', MOVES},
    {"vi-to-next-char", "before the character given by the next key", vi_find, 't', MOVES},
    {"vi-to-prev-char", "back behind the character given by the next key", vi_find, 'T', MOVES},
    {"vi-repeat-next-char", "to the next such character", vi_find_again, 1, MOVES},
    {"vi-repeat-prev-char", "to such a character in the other direction", vi_find_again, -1, MOVES},
};

const struct command *command_named(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

bool last_command(const struct editor *e, int flag) { return e->last && (e->last->flags & flag); }

/* Does typed text belong to the same step as what was typed before? vi undoes an insertion as a
 * whole, emacs word by word. */
static bool same_step(const struct editor *e, const struct command *c) {
  if (e->vi)
    return !e->command_mode;
  const struct edit_line *l = &e->text;
  bool new_word = l->cursor > 0 && l->text[l->cursor - 1] == L' ' && e->key != L' ';
  return (c->flags & TYPES) && last_command(e, TYPES) && !new_word;
}

/* Something is impossible: then what nobody typed is not meant any more. */
static void beep(struct editor *e) {
  screen_beep(e);
  keys_drop_pushed(e);
}

/* After a command that is not a part of a larger one. */
static void finish(struct editor *e, const struct command *c, enum outcome outcome) {
  struct edit_line *l = &e->text;
  e->count = 1;
  e->counted = false;
  e->operation = 0;
  e->last = c;
  if (e->command_mode && l->cursor > 0 && l->cursor == l->len)
    l->cursor--;
  if (outcome == REFUSED)
    beep(e);
}

static enum outcome run(struct editor *e, const struct command *c) {
  int count = e->count;
  char operation = e->operation;
  bool repeatable = e->command_mode && (operation ? operation != 'y' : (c->flags & CHANGES) != 0);
  if (!same_step(e, c))
    line_step(&e->text);
  enum outcome outcome = operation ? vi_operate(e, c) : c->call(e, c->what);
  if (outcome == MORE)
    return DONE;
  finish(e, c, outcome);
  vi_remember(e, repeatable && outcome == DONE, count);
  return outcome;
}

enum outcome command_next(struct editor *e) {
  if (e->command_mode && !e->operation)
    e->record.len = 0;
  const struct binding *b = keymap_read(e);
  if (!b)
    return DONE;
  if (!b->string)
    return run(e, b->command);
  if (!keys_push(e, b->string, strlen(b->string)))
    beep(e);
  return DONE;
}
