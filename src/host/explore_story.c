/* host/explore_story.c - a path through an exploration as a story; see explore_story.h and look/story.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/explore_words.h"
#include "host/told.h"

/* -- steps --------------------------------------------------------------------------------------- */

static const char *number_text(struct told *t, const struct number *n) {
  struct buf out = {0};
  if (n->kind == NUMBER_INTEGER)
    buf_format(&out, "%lld", (long long)n->i);
  else
    buf_format(&out, "%.14g", n->f);
  return told_keep_buf(t, &out);
}

static const char *message_text(struct told *t, const uint8_t *data, size_t len) {
  struct buf out = {0};
  if (told_message(data, len, &out))
    t->no_memory = true;
  return told_keep_buf(t, &out);
}

static bool sends(enum op_kind kind) {
  return kind == OP_QUEUE_PUT || kind == OP_PIPE_SEND || kind == OP_VALUE_SET ||
         kind == OP_VALUE_CAS || kind == OP_VALUE_REPLACE || kind == OP_DICT_SET ||
         kind == OP_DICT_REPLACE || kind == OP_VALUE_ADD || kind == OP_DICT_ADD ||
         kind == OP_DICT_CAS || (kind >= OP_ARRAY_SET && kind <= OP_ARRAY_FILL);
}

static const char *put_text(struct told *t, const struct request *r) {
  if (!sends(r->kind) || r->none)
    return NULL;
  if (r->has_value && r->value.kind != NUMBER_NONE)
    return number_text(t, &r->value);
  return r->len ? message_text(t, r->data, r->len) : NULL;
}

static const char *expected_text(struct told *t, const struct request *r) {
  if (r->kind != OP_VALUE_CAS && r->kind != OP_DICT_CAS && r->kind != OP_ARRAY_CAS)
    return NULL;
  if (r->expected.kind != NUMBER_NONE)
    return number_text(t, &r->expected);
  return message_text(t, r->expected_data, r->expected_len);
}

static const char *answer_text(struct told *t, const struct request *r, const struct answer *a) {
  if (a->rc == -SBX_ETIMEDOUT || a->rc == -SBX_ECLOSED || a->rc == -SBX_EBROKEN) {
    struct buf out = {0};
    buf_format(&out, "nil, %s", error_text(a->rc));
    return told_keep_buf(t, &out);
  }
  if (a->rc)
    return told_keep_text(t, error_text(a->rc));
  if (r->kind == OP_VALUE_CAS || r->kind == OP_DICT_CAS || r->kind == OP_ARRAY_CAS)
    return a->same ? "true" : "false";
  if (a->value.kind != NUMBER_NONE && r->kind != OP_VALUE_SET && r->kind != OP_ARRAY_SET)
    return number_text(t, &a->value);
  if (r->kind == OP_ARRAY_COPY)
    return NULL;
  if (a->has_out && a->out.len && r->kind != OP_PROCESS_JOIN)
    return message_text(t, a->out.data, a->out.len);
  if (r->kind == OP_QUEUE_LOOK || r->kind == OP_PIPE_LOOK) {
    struct buf out = {0};
    buf_format(&out, "%llu item%s", (unsigned long long)a->queue.len, a->queue.len == 1 ? "" : "s");
    return told_keep_buf(t, &out);
  }
  if (r->kind == OP_EVENT_LOOK)
    return a->sync.set ? "true" : "false";
  if ((r->kind == OP_LOCK_ACQUIRE || r->kind == OP_RWLOCK_READ || r->kind == OP_RWLOCK_WRITE) &&
      a->abandoned)
    return "true, abandoned";
  return NULL;
}

/* The first step of wait_for notifies nobody: it finds out whether the lock is held. */
static bool begins_wait_for(const struct request *r) {
  return r->kind == OP_CONDITION_NOTIFY && r->count == 0;
}

/* As the script calls it: methods that are one op with several counts. */
static const char *method_of(const struct request *r) {
  if (begins_wait_for(r))
    return "wait_for";
  if (r->kind == OP_CONDITION_NOTIFY && r->count == UINT64_MAX)
    return "notify_all";
  return op_describe(r->kind)->verb;
}

/* "count:set(1)", "forks[1]:acquire()" */
static const char *call_text(struct told *t, const struct request *r, const char *variable,
                             uint32_t object, const char *put, const char *expected) {
  struct buf out = {0};
  const char *verb = method_of(r);
  const char *name = variable[0] ? variable : object != STORY_NONE ? t->objects[object].name : NULL;
  if (r->kind == OP_PROCESS_END)
    buf_format(&out, "ends");
  else if (!name)
    buf_format(&out, "%s()", verb);
  else if (r->kind == OP_QUEUE_LOOK || r->kind == OP_ARRAY_LOOK)
    buf_format(&out, "#%s", name);
  else if (r->kind == OP_ARRAY_GET || r->kind == OP_ARRAY_SET)
    buf_format(&out, "%s[%llu]%s%s", name, (unsigned long long)r->count, put ? " = " : "",
               put ? put : "");
  else if (r->kind == OP_ARRAY_ADD || r->kind == OP_ARRAY_CAS)
    buf_format(&out, "%s:%s(%llu, %s%s%s)", name, verb, (unsigned long long)r->count,
               expected ? expected : "", expected ? ", " : "", put ? put : "");
  else
    buf_format(&out, "%s:%s(%s%s%s)", name, verb, expected ? expected : "",
               expected && put ? ", " : "", put ? put : "");
  return told_keep_buf(t, &out);
}

/* How many processes wait for it: a condition's notification is in vain if nobody does. */
static uint64_t waiting_at(struct told *t, uint32_t process, const struct object_ref *ref) {
  const struct request look = {.kind = OP_CONDITION_LOOK, .object = *ref};
  struct answer a = {0};
  uint64_t n = 0;
  if (world_step(t->w, process, &look, &a) == 0)
    n = a.sync.waiting;
  answer_release(&a);
  return n;
}

/* A look at a queue is called as the line of the script has it, if only one method is in it. */
static void name_look(struct told *t, struct story_step *s) {
  static const char *const methods[] = {"empty", "full", "len", "closed"};
  const char *found = NULL;
  if (!s->text || !s->call || s->call[0] != '#' || strchr(s->text, '#'))
    return;
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    char call[16];
    snprintf(call, sizeof call, ":%s(", methods[i]);
    if (!strstr(s->text, call))
      continue;
    if (found)
      return;
    found = methods[i];
  }
  struct buf out = {0};
  if (found && buf_format(&out, "%s:%s()", s->call + 1, found) == 0)
    s->call = told_keep_buf(t, &out);
}

static void split_where(struct told *t, struct story_step *s, const char where[WHERE_MAX]) {
  const char *colon = strrchr(where, ':');
  if (!colon)
    return;
  s->source = told_keep(t, where, (size_t)(colon - where));
  s->line = atoi(colon + 1);
  s->text = told_keep_line(t, s->source, s->line);
  const char *slash = strrchr(s->source, '/');
  s->source = slash ? slash + 1 : s->source;
}

static uint32_t phase_of(enum op_kind kind, bool goes_on, bool again) {
  if (kind != OP_CONDITION_WAIT && kind != OP_BARRIER_WAIT)
    return 0;
  if (!again)
    return 1;
  return kind == OP_BARRIER_WAIT ? 2 : goes_on ? 2 : 3;
}

static bool could_go_on(const struct told *t, uint32_t state, uint32_t process) {
  const struct explore_step *steps = exploration_steps(t->x, state);
  for (uint32_t i = 0; i < exploration_state(t->x, state)->count; i++)
    if (steps[i].process == process && !steps[i].kill)
      return true;
  return false;
}

/* How likely a failure is before the step, and whether it is certain behind it. */
static void tell_chance(const struct told *t, uint32_t state, const struct explore_step *e,
                        struct story_step *s) {
  const struct explore_state *before = exploration_state(t->x, state);
  bool may_end_well = before->p_bad < 0 ? before->ways > before->bad_ways : before->p_bad < 1;
  s->p_fail = before->p_bad;
  s->last_chance = may_end_well && exploration_state(t->x, e->to)->p_bad >= 1;
}

/* The process is killed where it stands. */
static void tell_kill(struct told *t, uint32_t state, const struct explore_step *e,
                      struct story_step *s) {
  char where[WHERE_MAX];
  exploration_where(t->x, exploration_history(t->x, state, e->process), where);
  *s = (struct story_step){.process = e->process,
                           .kind = OP_PROCESS_SIGNAL,
                           .object = STORY_NONE,
                           .over = true,
                           .killed = true,
                           .woke = STORY_NONE,
                           .call = "is killed"};
  split_where(t, s, where);
  tell_chance(t, state, e, s);
}

void told_step(struct told *t, uint32_t state, const struct explore_step *e, uint32_t before,
               struct story_step *s) {
  uint32_t history = exploration_history(t->x, state, e->process);
  struct request r;
  struct answer a = {0};
  char where[WHERE_MAX];
  struct naming naming = {.ref = &r.object}, by_main = naming;
  if (e->kill) {
    tell_kill(t, state, e, s);
    return;
  }
  if (exploration_request(t->x, history, &r)) {
    t->no_memory = true;
    return;
  }
  if (e->answer && exploration_answer(t->x, e->answer, &a))
    t->no_memory = true;
  if (r.object.type != OBJECT_NONE && r.object.type != OBJECT_PROCESS) {
    exploration_visit(t->x, exploration_history(t->x, state, 0), told_find_name, &by_main);
    exploration_visit(t->x, history, told_find_name, &naming);
  }
  exploration_where(t->x, history, where);
  exploration_world(t->x, state, t->w);
  *s = (struct story_step){
      .process = e->process,
      .kind = begins_wait_for(&r) ? OP_CONDITION_LOOK : r.kind,
      .object = told_object(t, &r.object, by_main.name[0] ? by_main.name : naming.name),
      .rc = a.rc,
      .over = e->answer != 0,
      .abandoned = a.abandoned,
      .woke = STORY_NONE,
      .preempts = before != STORY_NONE && before != e->process && could_go_on(t, state, before),
      .put = put_text(t, &r),
      .expected = expected_text(t, &r),
      .before = told_state(t, &r.object)};
  s->vain = s->kind == OP_CONDITION_NOTIFY && waiting_at(t, e->process, &r.object) == 0;
  s->result = e->answer ? answer_text(t, &r, &a) : NULL;
  s->call = call_text(t, &r, naming.name, s->object, s->put, s->expected);
  split_where(t, s, where);
  if (r.kind == OP_QUEUE_LOOK)
    name_look(t, s);
  exploration_world(t->x, e->to, t->w);
  s->after = told_state(t, &r.object);
  tell_chance(t, state, e, s);
  answer_release(&a);
  request_close(&r);
}

/* Which step of its op was it, and whom did it wake? */
static void tell_phases(struct told *t, const uint32_t *histories) {
  struct story *s = &t->story;
  for (uint32_t i = 0; i < s->step_count; i++) {
    struct story_step *step = &t->steps[i];
    bool again = false;
    for (uint32_t k = i; k-- > 0 && !again;)
      if (t->steps[k].process == step->process) {
        again = !t->steps[k].over && histories[k] == histories[i];
        break;
      }
    step->phase = phase_of(step->kind, !step->over, again);
    if (step->kind != OP_CONDITION_NOTIFY || step->vain)
      continue;
    for (uint32_t k = 0; k < i && step->woke == STORY_NONE; k++) {
      const struct story_step *w = &t->steps[k];
      bool woken = false;
      if (w->kind != OP_CONDITION_WAIT || w->object != step->object || w->phase != 1)
        continue;
      for (uint32_t j = k + 1; j < i; j++)
        woken |= t->steps[j].woke == w->process ||
                 (t->steps[j].process == w->process && t->steps[j].over);
      if (!woken)
        step->woke = w->process;
    }
  }
}

/* -- all of it ----------------------------------------------------------------------------------- */

void told_name_call(struct told *t, struct story_step *step) {
  const char *name = step->object < t->object_count ? t->objects[step->object].name : NULL;
  const char *call = step->call, *rest = call ? strchr(call, ':') : NULL;
  struct buf out = {0};
  if (!name || !call || strchr(name, '#'))
    return;
  if (call[0] == '#' && strchr(call + 1, '#'))
    buf_format(&out, "#%s", name);
  else if (call[0] != '#' && rest && memchr(call, '#', (size_t)(rest - call)))
    buf_format(&out, "%s%s", name, rest);
  else
    return;
  step->call = told_keep_buf(t, &out);
}

static int tell_path(struct told *t, const uint32_t *path, uint32_t len, enum explore_end end) {
  uint32_t *histories = calloc(len + 1, sizeof *histories);
  uint32_t state = 0, before = STORY_NONE, last = 0;
  for (uint32_t i = 0; i < len; i++)
    last = exploration_steps(t->x, last)[path[i]].to;
  t->steps = calloc(len + 1, sizeof *t->steps);
  int rc = t->steps && histories ? told_processes(t, last) : -SBX_ENOMEM;
  for (uint32_t i = 0; i < len && rc == 0; i++) {
    const struct explore_step *e = &exploration_steps(t->x, state)[path[i]];
    histories[i] = exploration_history(t->x, state, e->process);
    told_step(t, state, e, before, &t->steps[i]);
    before = e->kill ? before : e->process;
    state = e->to;
    t->story.step_count++;
  }
  if (rc == 0) {
    tell_phases(t, histories);
    told_finish(t, state, end);
    for (uint32_t i = 0; i < t->story.step_count; i++)
      told_name_call(t, &t->steps[i]);
  }
  free(histories);
  return rc ? rc : t->no_memory ? -SBX_ENOMEM : 0;
}

int told_open(struct exploration *x, const char *script, struct told **ret) {
  const struct world_options wo = {0};
  struct told *t = calloc(1, sizeof *t);
  if (!t)
    return -SBX_ENOMEM;
  t->x = x;
  t->story.script = told_keep_text(t, script);
  t->story.victim = STORY_NONE;
  int rc = world_new(&wo, &t->w);
  if (rc)
    told_free(t);
  else
    *ret = t;
  return rc;
}

void told_close(struct told *t) {
  t->story.processes = t->processes;
  t->story.objects = t->objects;
  t->story.object_count = t->object_count;
  t->story.steps = t->steps;
  world_free(t->w);
  t->w = NULL;
  if (t->file)
    fclose(t->file);
  t->file = NULL;
}

int told_make(struct exploration *x, const uint32_t *path, uint32_t len, enum explore_end end,
              const char *script, struct told **ret) {
  struct told *t;
  int rc = told_open(x, script, &t);
  if (rc)
    return rc;
  rc = tell_path(t, path, len, end);
  told_close(t);
  if (rc)
    told_free(t);
  else
    *ret = t;
  return rc;
}

void told_circle(struct told *t, uint32_t loop, uint32_t victim) {
  t->story.loop = loop;
  t->story.victim = victim;
  for (uint32_t i = loop; i < t->story.step_count; i++) /* it gets on again and again */
    t->processes[t->steps[i].process].stuck = false;
  if (t->story.end == STORY_LIVELOCK && story_gets_on(&t->story))
    t->story.end = STORY_ENDLESS;
}

void told_checked(struct told *t, struct buf *said) { t->story.checked = told_keep_buf(t, said); }

const struct story *told_story(const struct told *t) { return &t->story; }

void told_free(struct told *t) {
  if (!t)
    return;
  for (uint32_t i = 0; i < t->text_count; i++)
    free(t->texts[i]);
  free(t->texts);
  free(t->processes);
  free(t->objects);
  free(t->refs);
  free(t->steps);
  free(t);
}
