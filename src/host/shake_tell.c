/* host/shake_tell.c - what --shake tells: see shake_internal.h. */
#include "host/shake_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/mix.h"
#include "base/pidfd.h"
#include "host/shake_lines.h"
#include "host/shake_token.h"
#include "lua/state/report.h"
#include "os/process/output.h"

static void say(const struct buf *text) {
  report_print(&(struct report){.message = (const char *)text->data});
}

/* A word as a shell takes it. */
static int add_word(struct buf *out, const char *word) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+%@";
  int rc = buf_append_byte(out, ' ');
  if (*word && word[strspn(word, plain)] == '\0')
    return rc ? rc : buf_append(out, word, strlen(word));
  rc = rc ? rc : buf_append_byte(out, '\'');
  for (; *word && rc == 0; word++)
    rc = *word == '\'' ? buf_append(out, "'\\''", 4) : buf_append_byte(out, (uint8_t)*word);
  return rc ? rc : buf_append_byte(out, '\'');
}

/* How many words of the command line stand for an option that --shake-token replaces. */
static int replaced(const char *word) {
  if (strcmp(word, "--shake-token") == 0)
    return 2;
  return strcmp(word, "--shake") == 0 || strncmp(word, "--shake=", 8) == 0 ||
         strncmp(word, "--shake-token=", 14) == 0;
}

/* The command that has the pauses of this run again. */
static int tell_again(const struct shaking *s, const struct shaken_run *r, struct buf *out) {
  char token[SHAKE_TOKEN_MAX];
  shake_token_format(&r->pauses, token);
  int rc = buf_format(out, "again: sandbox --shake=1 --shake-token %s", token);
  for (int i = 1; i < s->argc && rc == 0; i++) {
    int skip = i < s->o->script ? replaced(s->argv[i]) : 0;
    if (skip)
      i += skip - 1;
    else
      rc = add_word(out, s->argv[i]);
  }
  return rc ? rc : buf_format(out, "\n(the same pauses again; it need not fail each time)\n");
}

void shake_tell_wrong(const struct shaking *s, const struct shaken_run *r) {
  struct buf text = {0}, again = {0};
  int rc = r->number == 0 ? buf_format(&text, "shake: even the run without pauses")
                          : buf_format(&text, "shake: run %" PRIu64 " of %" PRIu64, r->number,
                                       s->o->shake.runs);
  if (rc == 0)
    rc = buf_format(&text, " went wrong: %s", s->outcome->why);
  if (rc == 0 && buf_append_byte(&text, 0) == 0)
    say(&text);
  if (r->number > 0 && tell_again(s, r, &again) == 0)
    output_message(again.data, again.len);
  buf_release(&text);
  buf_release(&again);
}

/* No error: not in its colour. */
static void say_plainly(struct buf *text) {
  if (buf_append_byte(text, '\n') == 0)
    output_message(text->data, text->len);
  buf_release(text);
}

void shake_tell_good(const struct shaking *s) {
  struct buf text = {0};
  double seconds = (double)(clock_now_ns() - s->began_ns) / (double)NS_PER_SECOND;
  uint64_t n = s->o->shake.runs;
  buf_format(&text,
             "sandbox: shake: %" PRIu64
             " run%s in %.1f s, none went wrong (this proves nothing: other orders are possible)",
             n, n == 1 ? "" : "s", seconds);
  if (*s->differs)
    buf_format(&text, "\nnot all runs printed the same: %s (--shake-same stops at such a run)",
               s->differs);
  say_plainly(&text);
}

void shake_tell_interrupted(const struct shaking *s, uint64_t number) {
  struct buf text = {0};
  if (number == 0)
    buf_format(&text, "sandbox: shake: interrupted in the run without pauses");
  else
    buf_format(&text,
               "sandbox: shake: interrupted in run %" PRIu64 " of %" PRIu64
               "; none before it went wrong",
               number, s->o->shake.runs);
  say_plainly(&text);
}

int shake_cannot(const char *why) {
  fprintf(stderr, "sandbox: cannot start the run: %s\n", why);
  return EXIT_LUA_ERROR;
}
