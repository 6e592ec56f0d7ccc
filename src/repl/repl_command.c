/* repl/repl_command.c - what the supervisor answers without Lua; see repl_internal.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "repl/repl_internal.h"

/* -- commands ---------------------------------------------------------------------------------- */

static void run_quit(struct repl *r, const char *argument) {
  (void)argument;
  r->state = REPL_LEAVING;
}

static const struct command {
  const char *name;
  void (*run)(struct repl *r, const char *argument);
} commands[] = {{"quit", run_quit}, {"q", run_quit}};

static void run_shell(struct repl *r, const char *command) {
  int status = foreground_run(r, command);
  if (status < 0)
    repl_say(r, "the command could not be run, or did not end");
  else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    repl_say(r, "(exit status %d)", WEXITSTATUS(status));
  else if (WIFSIGNALED(status))
    repl_say(r, "(ended by signal %d, %s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

bool command_run(struct repl *r, const char *line) {
  if (*line == '!') {
    run_shell(r, line + 1);
    return true;
  }
  size_t len = strcspn(line + 1, " \t");
  const char *argument = line + 1 + len;
  argument += strspn(argument, " \t");
  for (size_t i = 0; *line == ':' && i < sizeof commands / sizeof *commands; i++)
    if (strlen(commands[i].name) == len && memcmp(commands[i].name, line + 1, len) == 0) {
      commands[i].run(r, argument);
      return true;
    }
  return false;
}

/* While a chunk runs: the commands that would be answered. */
void command_complete(const char *line, size_t cursor, struct completions *ret) {
  if (*line != ':' || memchr(line, ' ', cursor))
    return;
  ret->start = 1;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strncmp(commands[i].name, line + 1, cursor - 1) == 0)
      completions_add(ret, commands[i].name, strlen(commands[i].name));
}

/* -- requests of the session ------------------------------------------------------------------- */

static void reply(struct repl *r, bool ok, const char *text) {
  link_send(&r->link, FRAME_REPLY, !ok, text, strlen(text));
}

static void request_run(struct repl *r, const char *const *arguments) {
  char status[16];
  snprintf(status, sizeof status, "%d", foreground_run(r, arguments[0]));
  reply(r, true, status);
}

static void request_watch(struct repl *r, const char *const *arguments) {
  const char *error = watch_add(r, arguments[0], atof(arguments[1]));
  reply(r, !error, error ? error : "");
}

static void request_unwatch(struct repl *r, const char *const *arguments) {
  bool found = watch_remove(r, (uint32_t)strtoul(arguments[0], NULL, 10));
  reply(r, found, found ? "" : "nothing is watched under this number");
}

static void request_watches(struct repl *r, const char *const *arguments) {
  struct buf text = {0};
  (void)arguments;
  watch_list(r, &text);
  link_send(&r->link, FRAME_REPLY, 0, text.data, text.len);
  buf_release(&text);
}

static void request_fresh(struct repl *r, const char *const *arguments) {
  (void)arguments;
  repl_drain(r);
  editor_output_flush(r->editor);
  reply(r, true, "");
}

static const struct request {
  const char *name;
  void (*run)(struct repl *r, const char *const *arguments);
} requests[] = {{"fresh", request_fresh},
                {"run", request_run},
                {"watch", request_watch},
                {"unwatch", request_unwatch},
                {"watches", request_watches}};

enum { ARGUMENTS = 4 };

void command_request(struct repl *r, const struct frame *f) {
  const char *arguments[ARGUMENTS] = {"", "", "", ""};
  const char *text = (const char *)f->text.data, *end = text + f->text.len;
  const char *name = text;
  int n = 0;
  for (text += strlen(text) + 1; text < end && n < ARGUMENTS; text += strlen(text) + 1)
    arguments[n++] = text;
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
    if (strcmp(requests[i].name, name) == 0) {
      requests[i].run(r, arguments);
      return;
    }
  reply(r, false, "the prompt knows no such request");
}
