/*
 * repl/editor_demo.c - the line editor alone, for tests that look at the screen.
 *
 *   editor_demo [--history FILE] [--prompt TEXT] [--dumb] [--color] [--escape] [--commands FD]
 *
 * Reads lines until Ctrl-D and tells what each read gave: `<line "text">`, a newline in it written
 * \n, and with --escape other control characters but tabs \x01. Lines are added to the history.
 * Meanwhile commands come from the socket FD, a line each, with \n, \e and \\ in their text; each is
 * answered by a zero byte when it was carried out:
 *
 *   o TEXT  output       f  flush            p TEXT  set the prompt     a TEXT  add to the history
 *   s  stop the read     i  interrupted      t MS    output "tick" once after this time
 *   z  pause             g  resume           q       stop, then leave through editor_finish
 *   j  stop the read, and interrupt before the next one
 *   b TEXT  rows above the prompt
 *
 * Signals of the terminal are taken by a signalfd, as the supervisor of a run does it.
 */
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "term/editor.h"

struct demo {
  struct editor *editor;
  struct buf commands; /* read and not carried out */
  int commands_fd;
  bool leave, interrupt_between, escape;
};

static void show(struct demo *d, const char *text) { editor_output(d->editor, text, strlen(text)); }

/* -- commands ---------------------------------------------------------------------------------- */

/* In place: \n, \e, \\. */
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    if (*from == '\\' && from[1]) {
      from++;
      *to++ = *from == 'n' ? '\n' : *from == 'e' ? '\033' : *from;
    } else
      *to++ = *from;
  }
  *to = '\0';
}

static void on_tick(void *ctx) { show(ctx, "tick\n"); }

static void carry_out(struct demo *d, char *command) {
  char *text = command + (command[0] && command[1] == ' ' ? 2 : strlen(command));
  unescape(text);
  switch (command[0]) {
  case 'o':
    show(d, text);
    break;
  case 'f':
    editor_output_flush(d->editor);
    break;
  case 'p':
    editor_set_prompt(d->editor, text);
    break;
  case 'b':
    editor_set_above(d->editor, text);
    break;
  case 'a':
    editor_history_add(d->editor, text);
    break;
  case 's':
    editor_stop(d->editor);
    break;
  case 'i':
    editor_interrupted(d->editor);
    break;
  case 'j':
    d->interrupt_between = true;
    editor_stop(d->editor);
    break;
  case 't':
    editor_set_deadline(d->editor, clock_now_ns() + atoi(text) * NS_PER_MS, on_tick, d);
    break;
  case 'z':
    editor_pause(d->editor);
    break;
  case 'g':
    editor_resume(d->editor);
    break;
  case 'q':
    d->leave = true;
    editor_stop(d->editor);
    break;
  default:
    show(d, "unknown command\n");
  }
}

static void on_commands(void *ctx, int fd, short events) {
  struct demo *d = ctx;
  char data[65536], *newline;
  (void)events;
  ssize_t n = read(fd, data, sizeof data);
  if (n <= 0) {
    editor_unwatch(d->editor, fd);
    return;
  }
  buf_append(&d->commands, data, (size_t)n);
  while (d->commands.len > 0 && (newline = memchr(d->commands.data, '\n', d->commands.len))) {
    size_t used = (size_t)(newline + 1 - (char *)d->commands.data);
    char *command = strndup((char *)d->commands.data, used - 1);
    memmove(d->commands.data, newline + 1, d->commands.len - used);
    d->commands.len -= used;
    carry_out(d, command);
    (void)!write(fd, "", 1);
    free(command);
  }
}

/* -- the rest ---------------------------------------------------------------------------------- */

static void on_signals(void *ctx, int fd, short events) {
  struct demo *d = ctx;
  struct signalfd_siginfo info;
  (void)events;
  while (read(fd, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGINT)
      editor_interrupted(d->editor);
    else if (info.ssi_signo == SIGWINCH)
      editor_resized(d->editor);
    else
      editor_suspended(d->editor);
  }
}

static int take_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGWINCH);
  sigaddset(&set, SIGTSTP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void complete(void *ctx, const char *line, size_t cursor, struct completions *ret) {
  static const char *const words[] = {
      "alpha",  "alphabet", "alpine", "beta",   "gamma",  "grün",   "grünspan",    "item01",
      "item02", "item03",   "item04", "item05", "item06", "item07", "item08_long", "item09"};
  (void)ctx;
  ret->start = cursor;
  while (ret->start > 0 && line[ret->start - 1] != ' ')
    ret->start--;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strncmp(words[i], line + ret->start, cursor - ret->start) == 0)
      completions_add(ret, words[i], strlen(words[i]));
}

static void tell(struct demo *d, const char *what, const char *line) {
  struct buf text = {0};
  buf_append(&text, "<", 1);
  buf_append(&text, what, strlen(what));
  buf_append(&text, " \"", 2);
  for (; *line; line++)
    if (*line == '\n')
      buf_append(&text, "\\n", 2);
    else if (d->escape && (((uint8_t)*line < ' ' && *line != '\t') || *line == 0x7f))
      buf_format(&text, "\\x%02x", (uint8_t)*line);
    else
      buf_append_byte(&text, (uint8_t)*line);
  buf_append(&text, "\">\n", 3);
  editor_output(d->editor, text.data, text.len);
  buf_release(&text);
}

static void loop(struct demo *d) {
  static const char *const names[] = {
      [EDITOR_LINE] = "line", [EDITOR_INTERRUPT] = "interrupt", [EDITOR_STOP] = "stop"};
  const char *line;
  while (!d->leave) {
    enum editor_event event = editor_read(d->editor, &line);
    if (event == EDITOR_EOF || event == EDITOR_HANGUP)
      break;
    if (event == EDITOR_LINE)
      editor_history_add(d->editor, line);
    tell(d, names[event], line);
    if (d->interrupt_between)
      editor_interrupted(d->editor);
    d->interrupt_between = false;
  }
}

int main(int argc, char **argv) {
  struct demo d = {.commands_fd = -1};
  struct editor_options o = {
      .in = STDIN_FILENO, .out = STDOUT_FILENO, .program = "demo", .complete = complete, .ctx = &d};
  const char *prompt = "> ";
  for (int i = 1; i < argc; i++) {
    const char *next = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--dumb") == 0)
      o.dumb = true;
    else if (strcmp(argv[i], "--color") == 0)
      o.color = true;
    else if (strcmp(argv[i], "--escape") == 0)
      d.escape = true;
    else if (strcmp(argv[i], "--history") == 0)
      o.history_path = next, i++;
    else if (strcmp(argv[i], "--prompt") == 0)
      prompt = next, i++;
    else if (strcmp(argv[i], "--commands") == 0)
      d.commands_fd = atoi(next), i++;
  }
  setlocale(LC_CTYPE, "");
  int signals = take_signals();
  if (editor_open(&o, &d.editor))
    return 2;
  editor_set_prompt(d.editor, prompt);
  editor_watch(d.editor, signals, POLLIN, on_signals, &d);
  if (d.commands_fd >= 0)
    editor_watch(d.editor, d.commands_fd, POLLIN, on_commands, &d);
  loop(&d);
  editor_finish(d.editor);
  show(&d, "bye\n");
  editor_close(d.editor);
  buf_release(&d.commands);
  close(signals);
  return 0;
}
