/* prompt/repl_command.c - what is answered without Lua; see repl_internal.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/policy.h"
#include "look/waits.h"
#include "prompt/act.h"
#include "prompt/repl_internal.h"
#include "prompt/show.h"
#include "prompt/waits_file.h"

enum { WORD_MAX = 4096 }; /* bytes of a file's name, or of a number */

static const double FOLLOW_SECONDS = 0.5; /* between two pictures */

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
  int rc_far = rc == 0 && r->o->run->survey ? r->o->run->survey(r->o->host, &s) : 0;
  if (rc_far)
    repl_say(r, "of other hosts nothing is known now: %s", error_text(rc_far));
  if (rc == 0)
    rc = waits_find(&s, how.idle);
  if (rc == 0)
    rc = show(&s, &how, &text);
  if (rc)
    repl_say(r, "%s", error_text(rc));
  else
    repl_output(r, text.data, text.len);
  snapshot_release(&s);
  buf_release(&text);
}

bool command_tell_running(struct repl *r) {
  struct show how = repl_show(r);
  struct snapshot s = {0};
  struct buf text = {0};
  if (r->b->run->look(r->b, 0, &s) == 0 && show_running(&s, &how, &text) == 0)
    repl_output(r, text.data, text.len);
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

/* An error is "verb: why", a line. */
static void show_said(struct repl *r, const char *verb, int rc, struct buf *said) {
  if (rc && said->len == 0)
    buf_format(said, "%s", error_text(rc));
  if (rc && buf_append_byte(said, '\0') == 0)
    repl_say(r, "%s: %s", verb, (const char *)said->data);
  else if (rc == 0)
    repl_output(r, said->data, said->len);
  buf_release(said);
}

/* Words divided by blanks, at most two, as they are. False: there are others, or they have to be
 * evaluated: a string in quotes, say. */
static bool plain_words(const char *arguments, char ret[2][WORD_MAX]) {
  int n = 0;
  ret[0][0] = ret[1][0] = '\0';
  for (const char *at = arguments + strspn(arguments, " \t"); *at; n++) {
    size_t len = strcspn(at, " \t");
    if (n == 2 || len >= WORD_MAX || strcspn(at, "\"'(){}[],;") < len)
      return false;
    memcpy(ret[n], at, len);
    ret[n][len] = '\0';
    at += len + strspn(at + len, " \t");
  }
  return true;
}

static bool run_waits(struct repl *r, const char *verb, const char *arguments) {
  char words[2][WORD_MAX];
  struct buf said = {0};
  if (!plain_words(arguments, words) || words[1][0])
    return false;
  if (!words[0][0]) {
    show_table(r, show_waits, SNAPSHOT_QUEUES);
    return true;
  }
  int rc = waits_write(r->b, repl_show(r).idle, words[0], r->o->policy, &said);
  show_said(r, verb, rc, &said);
  return true;
}

/* Is it a number, or nothing? */
static bool is_seconds(const char *word) {
  char *end = NULL;
  return !*word || (strtod(word, &end), *end == '\0');
}

/* `:timeline 5`, `:trace x.html`; arguments that are expressions are the session's. */
static bool run_trace(struct repl *r, const char *verb, const char *arguments) {
  char words[2][WORD_MAX];
  struct buf said = {0};
  bool file = strcmp(verb, "trace") == 0;
  if (!plain_words(arguments, words) || !is_seconds(words[file]) || (!file && words[1][0]) ||
      (file && !words[0][0]))
    return false;
  int rc = trace_show(r, verb, (const char *const[2]){words[0], words[1]}, &said);
  show_said(r, verb, rc, &said);
  return true;
}

/* "timeline", "timeline()", "timeline(5)": the seconds, or "". False: it is something else. */
static bool read_timeline(const char *expression, size_t len, char seconds[WORD_MAX]) {
  static const char name[] = "timeline";
  const size_t name_len = sizeof name - 1;
  if (len < name_len || memcmp(expression, name, name_len) != 0)
    return false;
  expression += name_len;
  len -= name_len;
  bool call = len >= 2 && expression[0] == '(' && expression[len - 1] == ')';
  if (len > 0 && (!call || len - 2 >= WORD_MAX))
    return false;
  memcpy(seconds, expression + call, call ? len - 2 : 0);
  seconds[call ? len - 2 : 0] = '\0';
  return is_seconds(seconds);
}

/* `:watch timeline() 0.5` has the whole screen; the value of another expression is the session's. */
static bool run_watch(struct repl *r, const char *verb, const char *arguments) {
  char seconds[WORD_MAX];
  size_t len = strcspn(arguments, " \t");
  const char *period = arguments + len + strspn(arguments + len, " \t");
  (void)verb;
  if (!read_timeline(arguments, len, seconds) || !is_seconds(period))
    return false;
  const char *error = foreground_timeline(r, seconds, *period ? atof(period) : FOLLOW_SECONDS);
  if (error)
    repl_say(r, "watch: %s", error);
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
} commands[] = {{"ps", run_ps},          {"queues", run_queues}, {"objects", run_objects},
                {"waits", run_waits},    {"top", run_top},       {"kill", run_act},
                {"pause", run_act},      {"resume", run_act},    {"mute", run_act},
                {"unmute", run_act},     {"follow", run_act},    {"bt", run_act},
                {"timeline", run_trace}, {"stats", run_trace},   {"marks", run_trace},
                {"trace", run_trace},    {"watch", run_watch},   {"quit", run_quit}};

/* This process is the supervisor, and so would be the program's parent: no jail holds it. */
static const char no_programs[] =
    "the prompt starts no programs in strict mode: os.execute does, with --allow-run";

static void run_shell(struct repl *r, const char *command) {
  if (policy_is_strict(r->o->policy)) {
    repl_say(r, "%s", no_programs);
    return;
  }
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
  if (policy_is_strict(r->o->policy)) {
    reply(r, false, no_programs);
    return;
  }
  snprintf(status, sizeof status, "%d", foreground_run(r, arguments[0]));
  reply(r, true, status);
}

static void request_watch(struct repl *r, const char *const *arguments) {
  const char *error = watch_add(r, arguments[0], atof(arguments[1]));
  reply(r, !error, error ? error : "");
}

/* `timeline()` is drawn, not printed again and again. */
static void request_follow(struct repl *r, const char *const *arguments) {
  char seconds[WORD_MAX];
  const char *error = "timeline() or timeline(seconds) can be watched";
  if (read_timeline(arguments[0], strlen(arguments[0]), seconds))
    error = foreground_timeline(r, seconds, atof(arguments[1]));
  reply(r, !error, error ? error : "");
}

static void request_trace(struct repl *r, const char *const *arguments) {
  struct buf said = {0};
  int rc = trace_show(r, arguments[0], arguments + 1, &said);
  if (rc && said.len == 0)
    buf_format(&said, "%s", error_text(rc));
  link_send(&r->link, FRAME_REPLY, rc != 0, said.data, said.len);
  buf_release(&said);
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
  bool lasts; /* the session waits for the terminal, or for what has nothing to do with the run */
} requests[] = {{"fresh", request_fresh, false},     {"run", request_run, true},
                {"top", request_top, true},          {"watch", request_watch, false},
                {"unwatch", request_unwatch, false}, {"watches", request_watches, false},
                {"follow", request_follow, true},    {"trace", request_trace, true}};

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
      if (requests[i].lasts && r->in_request)
        break; /* a session asks for one after the other */
      if (requests[i].lasts) {
        r->in_request = true;
        chunk_waits(r, true);
      }
      requests[i].run(r, arguments);
      if (requests[i].lasts) {
        chunk_waits(r, false);
        r->in_request = false;
      }
      return;
    }
  reply(r, false, "the prompt does not take this request");
}
