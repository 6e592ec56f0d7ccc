/* prompt/act.c - see act.h. */
#include "prompt/act.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/waits.h"

static const struct verb {
  const char *name;
  enum steer what;
  bool on_main;      /* may be done to main */
  const char *doing; /* "main cannot be ..." */
} verbs[] = {
    [STEER_KILL] = {"kill", STEER_KILL, true, "killed"},
    [STEER_PAUSE] = {"pause", STEER_PAUSE, false, "paused"},
    [STEER_RESUME] = {"resume", STEER_RESUME, true, "resumed"},
    [STEER_MUTE] = {"mute", STEER_MUTE, false, "muted"},
    [STEER_UNMUTE] = {"unmute", STEER_UNMUTE, true, "unmuted"},
    [STEER_FOLLOW] = {"follow", STEER_FOLLOW, false, "followed: its output is always shown"},
    [STEER_STACK] = {"bt", STEER_STACK, true, "asked"}};

enum { STACK_NS = 500 * 1000 * 1000 };

enum { VERBS = sizeof verbs / sizeof *verbs };

/* -- who is meant ---------------------------------------------------------------------------- */

/* Is `who` the name of this process, or its name and number? */
static bool is_named(const struct snapshot_process *p, const char *who) {
  size_t len = strlen(p->name);
  if (strcmp(who, p->slot == 0 ? "main" : p->name) == 0)
    return true;
  return strncmp(who, p->name, len) == 0 && who[len] == '#' &&
         strtoull(who + len + 1, NULL, 10) == p->id;
}

static bool is_number(const char *who) { return *who && who[strspn(who, "0123456789")] == '\0'; }

/* "main, writer#2 and 3 more": the living, or those named so. */
static int list_those(const struct snapshot *s, const char *named, struct buf *out) {
  enum { SHOWN = 8 };
  uint32_t shown = 0, more = 0;
  int rc = 0;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++) {
    const struct snapshot_process *p = &s->processes[i];
    if (!p->lives || (named && !is_named(p, named)))
      continue;
    if (shown == SHOWN) {
      more++;
      continue;
    }
    rc = buf_format(out, "%s", shown++ ? ", " : "");
    if (rc == 0)
      rc = waits_tell_process(s, i, out);
  }
  return rc == 0 && more ? buf_format(out, " and %" PRIu32 " more", more) : rc;
}

/* Returns -SBX_EINVAL unless there is no memory. */
static int refuse(int rc) { return rc ? rc : -SBX_EINVAL; }

static int nobody(const struct snapshot *s, const char *who, struct buf *why) {
  int rc =
      buf_format(why, is_number(who) ? "there is no process %s" : "there is no process '%s'", who);
  if (rc == 0)
    rc = buf_format(why, " now; there %s ", s->process_count == 1 ? "is" : "are");
  if (rc == 0)
    rc = list_those(s, NULL, why);
  return refuse(rc);
}

static int several(const struct snapshot *s, const char *who, uint32_t n, struct buf *why) {
  int rc = buf_format(why, "'%s' is the name of %" PRIu32 " processes: ", who, n);
  if (rc == 0)
    rc = list_those(s, who, why);
  return refuse(rc ? rc : buf_format(why, "; give the number"));
}

int act_find(const struct snapshot *s, const char *who, uint32_t *ret, struct buf *why) {
  uint64_t id = is_number(who) ? strtoull(who, NULL, 10) : 0;
  uint32_t n = 0, found = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_process *p = &s->processes[i];
    if (!p->lives || !(id ? p->id == id : is_named(p, who)))
      continue;
    found = i;
    n++;
  }
  if (n == 0)
    return nobody(s, who, why);
  if (n > 1)
    return several(s, who, n, why);
  *ret = found;
  return 0;
}

int act_allowed(enum steer what, uint32_t slot, struct buf *why) {
  if (slot != 0 || verbs[what].on_main)
    return 0;
  return refuse(
      buf_format(why, "main runs what is typed here: it cannot be %s", verbs[what].doing));
}

/* -- what is done ---------------------------------------------------------------------------- */

int act_on(struct backend *b, enum steer what, uint32_t slot, uint64_t serial) {
  return b->run->steer(b, what, slot, serial, b->run->now(b) + STACK_NS);
}

static bool is_stopped(struct backend *b, uint32_t slot) {
  struct snapshot s;
  bool stopped = false;
  if (b->run->look(b, 0, &s))
    return false;
  for (uint32_t i = 0; i < s.process_count; i++)
    stopped |= s.processes[i].slot == slot && s.processes[i].status == PROCESS_STOPPED;
  snapshot_release(&s);
  return stopped;
}

const char *act_why(struct backend *b, enum steer what, uint32_t slot, int rc) {
  if (what == STEER_STACK && rc == -SBX_ETIMEDOUT)
    return is_stopped(b, slot) ? "it is stopped, and shows its traceback when it goes on (resume)"
                               : "it is in a long call into C; it answers as soon as it can";
  return rc == -SBX_EGONE ? "it has ended" : error_text(rc);
}

static int find_and_act(struct backend *b, const struct snapshot *s, enum steer what,
                        const char *who, struct buf *said) {
  uint32_t process;
  int rc = act_find(s, who, &process, said);
  if (rc == 0)
    rc = act_allowed(what, s->processes[process].slot, said);
  if (rc)
    return rc;
  rc = act_on(b, what, s->processes[process].slot, s->processes[process].id);
  if (rc)
    buf_format(said, "%s: %s", verbs[what].name, act_why(b, what, s->processes[process].slot, rc));
  else if (what == STEER_FOLLOW && (rc = waits_tell_process(s, process, said)) == 0)
    rc = buf_format(said, " alone is shown; :follow shows all again");
  return rc;
}

/* Divide "writer#2 false" into who and "false". The text is the caller's to free. */
static char *first_word(const char *arguments, const char **ret_rest) {
  arguments += strspn(arguments, " \t");
  size_t len = strcspn(arguments, " \t,");
  *ret_rest = arguments + len + strspn(arguments + len, " \t,");
  return strndup(arguments, len);
}

static int command(struct backend *b, const struct verb *v, const char *who, const char *rest,
                   struct buf *said) {
  enum steer what = v->what;
  struct snapshot s;
  if (what == STEER_FOLLOW && *who == '\0') {
    b->run->steer(b, STEER_FOLLOW, 0, 0, 0);
    return buf_format(said, "all are shown");
  }
  if (*who == '\0')
    return refuse(buf_format(said, "%s whom? A name or number from :ps", v->name));
  if (what == STEER_MUTE && strcmp(rest, "false") == 0)
    what = STEER_UNMUTE;
  else if (*rest != '\0')
    return refuse(buf_format(said, "%s takes one process, a name or number from :ps", v->name));
  int rc = b->run->look(b, 0, &s);
  if (rc)
    return rc;
  rc = find_and_act(b, &s, what, who, said);
  snapshot_release(&s);
  return rc;
}

int act_command(struct backend *b, const char *verb, const char *arguments, struct buf *said) {
  const char *rest;
  for (int i = 0; i < VERBS; i++) {
    if (strcmp(verbs[i].name, verb) != 0)
      continue;
    char *who = first_word(arguments, &rest);
    int rc = who ? command(b, &verbs[i], who, rest, said) : -SBX_ENOMEM;
    free(who);
    return rc;
  }
  return refuse(buf_format(said, "there is no command '%s'", verb));
}
