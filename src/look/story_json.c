/* look/story_json.c - a story as JSON: see story.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "look/json_text.h"
#include "look/story_internal.h"

/* Members of an object, one after the other, until memory is short. */
struct json {
  struct buf *out;
  int rc;
  bool first; /* of its object or list */
};

#define RAW(j, ...) ((j)->rc = (j)->rc ? (j)->rc : buf_format((j)->out, __VA_ARGS__))

static void begin(struct json *j, const char *bracket) {
  RAW(j, "%s%s", j->first ? "" : ",", bracket);
  j->first = true;
}

static void end(struct json *j, const char *bracket) {
  RAW(j, "%s", bracket);
  j->first = false;
}

static void key(struct json *j, const char *name) {
  RAW(j, "%s\"%s\":", j->first ? "" : ",", name);
  j->first = false;
}

/* A text, if there is one. */
static void text(struct json *j, const char *name, const char *value) {
  if (!value)
    return;
  key(j, name);
  j->rc = j->rc ? j->rc : json_string(j->out, value);
}

/* Of numbers of processes, objects and steps: none is left out. */
static void number(struct json *j, const char *name, uint32_t value) {
  if (value == STORY_NONE)
    return;
  key(j, name);
  RAW(j, "%" PRIu32, value);
}

/* What is not so is left out. */
static void flag(struct json *j, const char *name, bool value) {
  if (!value)
    return;
  key(j, name);
  RAW(j, "true");
}

static void process(struct json *j, const struct story_process *p) {
  begin(j, "{");
  text(j, "name", p->name ? p->name : "");
  flag(j, "ended", p->ended);
  text(j, "waits", p->waits);
  text(j, "where", p->where);
  number(j, "waits_for", p->waits_for);
  number(j, "wanted", p->wanted);
  flag(j, "stuck", p->stuck);
  flag(j, "in_circle", p->in_circle);
  end(j, "}");
}

static void object(struct json *j, const struct story_object *o) {
  begin(j, "{");
  text(j, "type", o->type == OBJECT_NONE ? "none" : object_type_word(o->type));
  text(j, "name", o->name ? o->name : "");
  flag(j, "shown", o->shown);
  end(j, "}");
}

static void note(struct json *j, const struct story *s, const struct finding *f, uint32_t i) {
  struct buf out = {0};
  struct story_text say = {.out = &out, .rc = j->rc};
  story_say_note(s, f, i, &say);
  if (say.rc == 0 && out.len) {
    key(j, "note");
    j->rc = j->rc ? j->rc : json_text(j->out, (const char *)out.data, out.len);
  }
  j->rc = j->rc ? j->rc : say.rc;
  buf_release(&out);
}

static void step(struct json *j, const struct story *s, const struct finding *f, uint32_t i) {
  const struct story_step *at = &s->steps[i];
  begin(j, "{");
  number(j, "process", at->process);
  text(j, "op", op_describe(at->kind)->verb);
  number(j, "object", at->object);
  number(j, "phase", at->phase ? at->phase : STORY_NONE);
  key(j, "rc");
  RAW(j, "%d", at->rc);
  flag(j, "over", at->over);
  flag(j, "preempts", at->preempts);
  flag(j, "vain", at->vain);
  flag(j, "killed", at->killed);
  flag(j, "abandoned", at->abandoned);
  number(j, "woke", at->woke);
  text(j, "call", at->call);
  text(j, "result", at->result);
  text(j, "put", at->put);
  text(j, "expected", at->expected);
  text(j, "source", at->source);
  number(j, "line", at->line > 0 ? (uint32_t)at->line : STORY_NONE);
  text(j, "text", at->text);
  text(j, "before", at->before);
  text(j, "after", at->after);
  if (at->p_fail >= 0) {
    key(j, "p_fail");
    j->rc = j->rc ? j->rc : json_number(j->out, at->p_fail);
  }
  flag(j, "last_chance", at->last_chance);
  note(j, s, f, i);
  end(j, "}");
}

static void lists(struct json *j, const struct story *s, const struct finding *f) {
  key(j, "processes");
  j->first = true;
  begin(j, "[");
  for (uint32_t i = 0; i < s->process_count; i++)
    process(j, &s->processes[i]);
  end(j, "]");
  key(j, "objects");
  j->first = true;
  begin(j, "[");
  for (uint32_t i = 0; i < s->object_count; i++)
    object(j, &s->objects[i]);
  end(j, "]");
  key(j, "steps");
  j->first = true;
  begin(j, "[");
  for (uint32_t i = 0; i < s->step_count && j->rc == 0; i++)
    step(j, s, f, i);
  end(j, "]");
}

static const char *const ends[] = {
    [STORY_ERROR] = "error",     [STORY_DEADLOCK] = "deadlock", [STORY_LIVELOCK] = "livelock",
    [STORY_STARVES] = "starves", [STORY_HELD] = "held",         [STORY_STATUS] = "status",
    [STORY_UNREAD] = "unread",   [STORY_OUTPUT] = "output",     [STORY_ENDLESS] = "endless",
};

static const char *const causes[] = {
    [CAUSE_UNKNOWN] = "unknown",
    [CAUSE_LOST_UPDATE] = "lost update",
    [CAUSE_CHECK_THEN_ACT] = "check then act",
    [CAUSE_LOCK_ORDER] = "lock order",
    [CAUSE_LOST_WAKEUP] = "lost wakeup",
    [CAUSE_IF_FOR_WHILE] = "if for while",
    [CAUSE_WRONG_NOTIFIED] = "wrong notified",
    [CAUSE_ABA] = "aba",
    [CAUSE_MISSING_RELEASE] = "missing release",
    [CAUSE_MISSING_SENTINEL] = "missing sentinel",
    [CAUSE_JOIN_BEFORE_DRAIN] = "join before drain",
    [CAUSE_EMPTY_READER] = "empty reader",
    [CAUSE_OVERTAKING] = "overtaking",
    [CAUSE_HELD_WAIT] = "held wait",
};

static void sentence(struct json *j, const char *name, struct buf *said, int rc) {
  j->rc = j->rc ? j->rc : rc;
  if (said->len) {
    key(j, name);
    j->rc = j->rc ? j->rc : json_text(j->out, (const char *)said->data, said->len);
  }
  buf_release(said);
}

int story_json(const struct story *s, struct buf *out) {
  struct json j = {.out = out, .first = true};
  struct buf why = {0}, cure = {0};
  struct story_text reason = {.out = &why}, advice = {.out = &cure};
  struct finding f;
  story_find(s, &f);
  story_say_why(s, &f, &reason);
  story_say_cure(s, &f, &advice);
  begin(&j, "{");
  text(&j, "script", s->script);
  text(&j, "end", ends[s->end]);
  text(&j, "message", s->message);
  text(&j, "where", s->where);
  if (s->end == STORY_LIVELOCK || s->end == STORY_STARVES || s->end == STORY_ENDLESS)
    number(&j, "loop", s->loop);
  number(&j, "victim", s->victim);
  text(&j, "cause", causes[f.cause]);
  sentence(&j, "why", &why, reason.rc);
  sentence(&j, "cure", &cure, advice.rc);
  text(&j, "checked", s->checked);
  lists(&j, s, &f);
  end(&j, "}");
  return j.rc;
}
