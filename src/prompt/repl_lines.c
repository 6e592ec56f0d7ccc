/*
 * prompt/repl_lines.c - what a line does that was typed: at the prompt it is a command or belongs to a chunk, while a chunk runs
 * it is a command or its standard input. What the chunk did not read comes back, and is taken as typed at the prompt.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/repl_internal.h"

/* What the session's _PROMPT, or _PROMPT2, was when it came to wait for a line. */
static const char *prompt(const struct repl *r) {
  const struct buf *text = &r->prompts[r->incomplete];
  return text->data ? (const char *)text->data : "";
}

void line_show_prompt(struct repl *r) {
  editor_set_prompt(r->editor, r->state == REPL_IDLE ? prompt(r) : "");
}

static void send_line(struct repl *r, enum frame_kind kind) {
  if (kind != FRAME_PROMPT)
    chunk_begin(r, r->block.data, r->block.len);
  r->state = REPL_BUSY;
  r->interrupted_ns = 0;
  r->warned = false;
  line_show_prompt(r);
  link_send(&r->link, kind, 0, r->block.data, r->block.len);
}

/* A line that was no chunk is done with: the prompt may be another now. */
static void ask_prompt(struct repl *r) {
  r->block.len = 0;
  r->not_for_history = true;
  if (r->state == REPL_IDLE)
    send_line(r, FRAME_PROMPT);
}

static bool is_command(const char *line) { return *line == ':' || *line == '?' || *line == '!'; }

/* A line at the prompt: a command, or one more line of a chunk. */
static void on_line_idle(struct repl *r, const char *line) {
  bool first = !r->incomplete;
  if (first)
    r->block.len = 0;
  if (first && line[strspn(line, " \t")] == '\0') {
    ask_prompt(r);
    return;
  }
  if ((!first && buf_append_byte(&r->block, '\n')) || buf_append(&r->block, line, strlen(line))) {
    repl_say(r, "not enough memory for this line");
    return;
  }
  r->not_for_history = false;
  if (!first || !is_command(line)) {
    send_line(r, FRAME_EVAL);
    return;
  }
  editor_history_add(r->editor, line);
  r->not_for_history = true;
  if (command_run(r, line))
    ask_prompt(r);
  else
    send_line(r, FRAME_COMMAND);
}

/* A line while a chunk runs: a command, or its standard input. */
static void on_line_busy(struct repl *r, const char *line) {
  if (*line == ':' || *line == '!') {
    editor_history_add(r->editor, line);
    if (!command_run(r, line))
      session_inquire(r, line);
    return;
  }
  struct buf text = {0};
  if (buf_append(&text, line, strlen(line)) == 0 && buf_append_byte(&text, '\n') == 0 &&
      write(r->input_write, text.data, text.len) != (ssize_t)text.len)
    repl_say(r, "the line is lost: the chunk has not read what was typed before (Ctrl-C ends it)");
  buf_release(&text);
}

void line_came(struct repl *r, const char *line) {
  r->told_running = false;
  if (r->state == REPL_IDLE)
    on_line_idle(r, line);
  else
    on_line_busy(r, line);
}

void line_take_back(struct repl *r) {
  char data[4096];
  struct pollfd left = {.fd = r->input_read, .events = POLLIN};
  while (poll(&left, 1, 0) > 0) {
    ssize_t n = read(r->input_read, data, sizeof data);
    if (n <= 0 || buf_append(&r->ahead, data, (size_t)n))
      return;
  }
}

void line_run_ahead(struct repl *r) {
  while (r->state == REPL_IDLE && r->ahead.len > 0) {
    char *end = memchr(r->ahead.data, '\n', r->ahead.len);
    size_t len = end ? (size_t)(end - (char *)r->ahead.data) : r->ahead.len;
    char *line = strndup((const char *)r->ahead.data, len);
    size_t used = len + (end != NULL);
    memmove(r->ahead.data, r->ahead.data + used, r->ahead.len - used);
    r->ahead.len -= used;
    if (line) {
      repl_say(r, "%s%s", prompt(r), line);
      line_came(r, line);
    }
    free(line);
  }
}
