/* prompt/repl_command.c - what is answered without Lua; see repl_internal.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "look/waits.h"
#include "prompt/act.h"
#include "prompt/repl_internal.h"
#include "prompt/show.h"

/* -- tables ------------------------------------------------------------------------------------ */

struct show repl_show(const struct repl *r) {
  uint64_t session = r->b->self->id(r->b);
  return (struct show){.style = {.columns = show_columns(STDOUT_FILENO), .color = r->o->color},
                       .idle = r->state == REPL_IDLE ? session : 0};
}

typedef int show_fn(const struct snapshot *s, const struct show *how, struct buf *out);

static void show_table(struct repl *r, show_fn *show, unsigned parts) {
  struct show how = repl_show(r);
  struct snapshot s = {0};
  struct buf text = {0};
  int rc = r->b->run->look(r->b, parts, &s);
  if (rc == 0)
    rc = waits_find(&s, how.idle);
  if (rc == 0)
    rc = show(&s, &how, &text);
  if (rc)
    repl_say(r, "%s", error_text(rc));
  else
    editor_output(r->editor, text.data, text.len);
  snapshot_release(&s);
  buf_release(&text);
}

bool command_tell_running(struct repl *r) {
  struct show how = repl_show(r);
  struct snapshot s = {0};
  struct buf text = {0};
  if (r->b->run->look(r->b, 0, &s) == 0 && show_running(&s, &how, &text) == 0)
    editor_output(r->editor, text.data, text.len);
  bool any = text.len > 0;
  snapshot_release(&s);
  buf_release(&text);
  return any;
}

/* -- commands ---------------------------------------------------------------------------------- */

/* Each returns whether the command is answered by it; if not, the session is asked. */
typedef bool command_fn(struct repl *r, const char *verb, const char *arguments);

/* Of one process the session knows more: by a variable, say. */
static bool run_ps(struct repl *r, const char *verb, const char *arguments) {
  (void)verb;
  if (*arguments)
    return false;
  show_table(r, show_ps, SNAPSHOT_QUEUES | SNAPSHOT_USAGE);
  return true;
}

static bool run_queues(struct repl *r, const char *verb, const char *arguments) {
  (void)verb, (void)arguments;
  show_table(r, show_queues, SNAPSHOT_QUEUES);
  return true;
}

static bool run_objects(struct repl *r, const char *verb, const char *arguments) {
  (void)verb, (void)arguments;
  show_table(r, show_objects, SNAPSHOT_QUEUES | SNAPSHOT_OBJECTS);
  return true;
}

static bool run_waits(struct repl *r, const char *verb, const char *arguments) {
  (void)verb, (void)arguments;
  show_table(r, show_waits, SNAPSHOT_QUEUES);
  return true;
}

static bool run_top(struct repl *r, const char *verb, const char *arguments) {
  (void)verb, (void)arguments;
  foreground_top(r);
  return true;
}

/* By name or number. An idle session takes variables, too, so it is asked first. */
static bool run_act(struct repl *r, const char *verb, const char *arguments) {
  struct buf said = {0};
  if (r->state == REPL_IDLE)
    return false;
  int rc = act_command(r->b, verb, arguments, &said);
  bool told = said.len > 0 && buf_append_byte(&said, '\0') == 0;
  bool by_variable = rc == -SBX_EINVAL && *arguments; /* no such name: an expression, perhaps */
  if (told && !by_variable)
    repl_say(r, "%s", (const char *)said.data);
  buf_release(&said);
  return !by_variable;
}

static bool run_quit(struct repl *r, const char *verb, const char *arguments) {
  (void)verb, (void)arguments;
  r->state = REPL_LEAVING;
  return true;
}

static const struct command {
  const char *name;
  command_fn *run;
} commands[] = {{"ps", run_ps},       {"queues", run_queues}, {"objects", run_objects},
                {"waits", run_waits}, {"top", run_top},       {"kill", run_act},
                {"pause", run_act},   {"resume", run_act},    {"mute", run_act},
                {"unmute", run_act},  {"follow", run_act},    {"bt", run_act},
                {"quit", run_quit}};

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
    if (strlen(commands[i].name) == len && memcmp(commands[i].name, line + 1, len) == 0)
      return commands[i].run(r, commands[i].name, argument);
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

static void request_top(struct repl *r, const char *const *arguments) {
  (void)arguments;
  foreground_top(r);
  reply(r, true, "");
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
  uint32_t id = (uint32_t)strtoul(arguments[0], NULL, 10);
  bool found = watch_remove(r, id);
  reply(r, found, found ? "" : id ? "nothing is watched under this number" : "nothing is watched");
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
  repl_drain_lines(r);
  editor_output_flush(r->editor);
  reply(r, true, "");
}

static const struct request {
  const char *name;
  void (*run)(struct repl *r, const char *const *arguments);
} requests[] = {{"fresh", request_fresh},     {"run", request_run},
                {"top", request_top},         {"watch", request_watch},
                {"unwatch", request_unwatch}, {"watches", request_watches}};

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
