/* host/explore_story.c - a path through an exploration as a story; see explore.h and look/story.h. */
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "host/explore.h"
#include "lua/state/lib.h"
#include "sim/world.h"

struct told {
  struct story story;
  struct story_process *processes;
  struct story_object *objects;
  struct object_ref *refs; /* of each object */
  uint32_t object_count, object_cap;
  struct story_step *steps;
  char **texts; /* that the others borrow */
  uint32_t text_count, text_cap;
  bool no_memory;
  /* while it is made */
  struct exploration *x;
  struct world *w;
  FILE *file; /* of the script: the one that was read last */
  char file_name[WHERE_MAX];
};

/* -- texts --------------------------------------------------------------------------------------- */

/* A copy that lives as long as the story. "" without memory. */
static const char *keep(struct told *t, const void *text, size_t len) {
  if (t->text_count == t->text_cap) {
    uint32_t cap = t->text_cap ? 2 * t->text_cap : 64;
    char **grown = realloc(t->texts, cap * sizeof *grown);
    if (!grown) {
      t->no_memory = true;
      return "";
    }
    t->texts = grown;
    t->text_cap = cap;
  }
  char *copy = malloc(len + 1);
  if (!copy) {
    t->no_memory = true;
    return "";
  }
  if (len)
    memcpy(copy, text, len);
  copy[len] = '\0';
  return t->texts[t->text_count++] = copy;
}

static const char *keep_text(struct told *t, const char *text) {
  return keep(t, text, strlen(text));
}

static const char *keep_buf(struct told *t, struct buf *b) {
  const char *kept = keep(t, b->data, b->len);
  buf_release(b);
  return kept;
}

/* Line `number` of a file, without the blanks around it; NULL: it is not there. */
static const char *keep_line(struct told *t, const char *path, int number) {
  char *line = NULL;
  size_t room = 0;
  const char *kept = NULL;
  if (!t->file || strcmp(path, t->file_name) != 0) {
    if (t->file)
      fclose(t->file);
    t->file = fopen(path, "re");
    text_copy(t->file_name, sizeof t->file_name, path);
  }
  if (!t->file || number <= 0)
    return NULL;
  rewind(t->file);
  ssize_t len = 0;
  for (int i = 0; i < number && len >= 0; i++)
    len = getline(&line, &room, t->file);
  if (len >= 0) {
    char *start = line + strspn(line, " \t");
    size_t n = strcspn(start, "\r\n");
    while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\t'))
      n--;
    kept = keep(t, start, n);
  }
  free(line);
  return kept;
}

/* -- the script's own names ---------------------------------------------------------------------- */

struct naming {
  const struct object_ref *ref;
  char name[64];
};

static bool is_it(lua_State *L, int index, const struct naming *n) {
  struct handle *h = lib_any_handle(L, index, NULL);
  struct object_ref ref;
  if (!h || !h->object)
    return false;
  lib_find(L)->b->objects->object_ref(h->object, &ref);
  return ref.serial == n->ref->serial && ref.type == n->ref->type;
}

/* The value on top, called `name`: is it the object, or a list with the object in it? Pops it. */
static bool try_name(lua_State *L, const char *name, struct naming *n) {
  enum { MOST = 100 };
  bool hit = is_it(L, -1, n);
  if (hit)
    snprintf(n->name, sizeof n->name, "%s", name);
  if (!hit && lua_istable(L, -1))
    for (int i = 1; i <= MOST && !hit && lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
      if ((hit = is_it(L, -1, n)))
        snprintf(n->name, sizeof n->name, "%s[%d]", name, i);
      lua_pop(L, 1);
      if (i == MOST || hit)
        lua_pushnil(L);
    }
  else
    lua_pushnil(L);
  lua_pop(L, 2);
  return hit;
}

/* For exploration_visit: look among the variables of the function that called. */
static void find_name(void *ctx, const struct op *op) {
  struct naming *n = ctx;
  lua_State *L = op && op->locate ? op->locate_ctx : NULL;
  lua_Debug ar;
  const char *name;
  if (!L || !lua_checkstack(L, 20) || !lib_find_caller(L, &ar))
    return;
  bool hit = false;
  for (int i = 1; !hit && (name = lua_getlocal(L, &ar, i)); i++) {
    if (name[0] == '(')
      lua_pop(L, 1);
    else
      hit = try_name(L, name, n);
  }
  lua_getinfo(L, "f", &ar);
  for (int i = 1; !hit && (name = lua_getupvalue(L, -1, i)); i++)
    hit = try_name(L, name, n);
  lua_pushglobaltable(L);
  for (lua_pushnil(L); !hit && lua_next(L, -2);)
    if (lua_type(L, -2) == LUA_TSTRING)
      hit = try_name(L, lua_tostring(L, -2), n);
    else
      lua_pop(L, 1);
}

/* -- objects ------------------------------------------------------------------------------------- */

/* `variable`: what the script calls it where it was met first. */
static uint32_t note_object(struct told *t, const struct object_ref *ref, const char *variable) {
  char name[NAME_MAX_BYTES + 24];
  if (ref->type == OBJECT_NONE || ref->type == OBJECT_PROCESS || ref->type == OBJECT_CLOCK)
    return STORY_NONE;
  for (uint32_t i = 0; i < t->object_count; i++)
    if (t->refs[i].serial == ref->serial) {
      if (variable[0] && strchr(t->objects[i].name, '#'))
        t->objects[i].name = keep_text(t, variable);
      return i;
    }
  if (t->object_count == t->object_cap) {
    uint32_t cap = t->object_cap ? 2 * t->object_cap : 16;
    struct story_object *objects = realloc(t->objects, cap * sizeof *objects);
    if (objects)
      t->objects = objects;
    struct object_ref *refs = objects ? realloc(t->refs, cap * sizeof *refs) : NULL;
    if (!refs) {
      t->no_memory = true;
      return STORY_NONE;
    }
    t->refs = refs;
    t->object_cap = cap;
  }
  if (!world_name(t->w, ref, name, sizeof name))
    snprintf(name, sizeof name, "object#%llu", (unsigned long long)ref->serial);
  /* "lock fork1#3" has a name of its own, "lock#3" has none */
  const char *word = lib_type_name((enum object_type)ref->type);
  size_t len = strlen(word);
  bool own_name = strncmp(name, word, len) == 0 && name[len] == ' ';
  if (own_name) {
    memmove(name, name + len + 1, strlen(name + len + 1) + 1);
    name[strcspn(name, "#")] = '\0';
  }
  t->refs[t->object_count] = *ref;
  t->objects[t->object_count] =
      (struct story_object){.type = (enum object_type)ref->type,
                            .name = keep_text(t, !own_name && variable[0] ? variable : name),
                            .shown = ref->type == OBJECT_VALUE || ref->type == OBJECT_QUEUE ||
                                     ref->type == OBJECT_SEMAPHORE};
  return t->object_count++;
}

/* Its state as a short text, in the world as it is. */
static const char *state_text(struct told *t, const struct object_ref *ref) {
  char text[80] = "";
  struct buf value = {0}, out = {0};
  if (ref->type == OBJECT_NONE || ref->type == OBJECT_PROCESS ||
      !world_describe(t->w, ref, text, sizeof text, &value))
    return NULL;
  if (value.len > 0 && told_message(value.data, value.len, &out) == 0) {
    buf_release(&value);
    return keep_buf(t, &out);
  }
  buf_release(&value);
  buf_release(&out);
  return keep_text(t, text);
}

/* -- steps --------------------------------------------------------------------------------------- */

static const char *number_text(struct told *t, const struct number *n) {
  struct buf out = {0};
  if (n->kind == NUMBER_INTEGER)
    buf_format(&out, "%lld", (long long)n->i);
  else
    buf_format(&out, "%.14g", n->f);
  return keep_buf(t, &out);
}

static const char *message_text(struct told *t, const uint8_t *data, size_t len) {
  struct buf out = {0};
  if (told_message(data, len, &out))
    t->no_memory = true;
  return keep_buf(t, &out);
}

static bool sends(enum op_kind kind) {
  return kind == OP_QUEUE_PUT || kind == OP_PIPE_SEND || kind == OP_VALUE_SET ||
         kind == OP_VALUE_CAS || kind == OP_VALUE_REPLACE || kind == OP_DICT_SET ||
         kind == OP_DICT_REPLACE || kind == OP_VALUE_ADD;
}

static const char *put_text(struct told *t, const struct request *r) {
  if (!sends(r->kind) || r->none)
    return NULL;
  if (r->has_value && r->value.kind != NUMBER_NONE)
    return number_text(t, &r->value);
  return r->len ? message_text(t, r->data, r->len) : NULL;
}

static const char *expected_text(struct told *t, const struct request *r) {
  if (r->kind != OP_VALUE_CAS)
    return NULL;
  if (r->expected.kind != NUMBER_NONE)
    return number_text(t, &r->expected);
  return message_text(t, r->expected_data, r->expected_len);
}

static const char *answer_text(struct told *t, const struct request *r, const struct answer *a) {
  if (a->rc == -SBX_ETIMEDOUT || a->rc == -SBX_ECLOSED || a->rc == -SBX_EBROKEN) {
    struct buf out = {0};
    buf_format(&out, "nil, %s", error_text(a->rc));
    return keep_buf(t, &out);
  }
  if (a->rc)
    return keep_text(t, error_text(a->rc));
  if (r->kind == OP_VALUE_CAS)
    return a->same ? "true" : "false";
  if (a->value.kind != NUMBER_NONE && r->kind != OP_VALUE_SET)
    return number_text(t, &a->value);
  if (a->has_out && a->out.len && r->kind != OP_PROCESS_JOIN)
    return message_text(t, a->out.data, a->out.len);
  if (r->kind == OP_QUEUE_LOOK || r->kind == OP_PIPE_LOOK) {
    struct buf out = {0};
    buf_format(&out, "%llu items", (unsigned long long)a->queue.len);
    return keep_buf(t, &out);
  }
  if (r->kind == OP_EVENT_LOOK)
    return a->sync.set ? "true" : "false";
  if (r->kind == OP_LOCK_ACQUIRE && a->abandoned)
    return "true, abandoned";
  return NULL;
}

/* "count:set(1)", "forks[1]:acquire()" */
static const char *call_text(struct told *t, const struct request *r, const char *variable,
                             uint32_t object, const char *put, const char *expected) {
  struct buf out = {0};
  const char *verb = op_describe(r->kind)->verb;
  const char *name = variable[0] ? variable : object != STORY_NONE ? t->objects[object].name : NULL;
  if (r->kind == OP_PROCESS_END)
    buf_format(&out, "ends");
  else if (!name)
    buf_format(&out, "%s()", verb);
  else if (r->kind == OP_QUEUE_LOOK)
    buf_format(&out, "#%s", name);
  else
    buf_format(&out, "%s:%s(%s%s%s)", name, verb, expected ? expected : "",
               expected && put ? ", " : "", put ? put : "");
  return keep_buf(t, &out);
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

static void split_where(struct told *t, struct story_step *s, const char where[WHERE_MAX]) {
  const char *colon = strrchr(where, ':');
  if (!colon)
    return;
  s->source = keep(t, where, (size_t)(colon - where));
  s->line = atoi(colon + 1);
  s->text = keep_line(t, s->source, s->line);
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
    if (steps[i].process == process)
      return true;
  return false;
}

/* The step `e` from a state; `before`: the process of the step before. */
static void tell_step(struct told *t, uint32_t state, const struct explore_step *e, uint32_t before,
                      struct story_step *s) {
  uint32_t history = exploration_history(t->x, state, e->process);
  struct request r;
  struct answer a = {0};
  char where[WHERE_MAX];
  struct naming naming = {.ref = &r.object}, by_main = naming;
  if (exploration_request(t->x, history, &r)) {
    t->no_memory = true;
    return;
  }
  if (e->answer && exploration_answer(t->x, e->answer, &a))
    t->no_memory = true;
  if (r.object.type != OBJECT_NONE && r.object.type != OBJECT_PROCESS) {
    exploration_visit(t->x, exploration_history(t->x, state, 0), find_name, &by_main);
    exploration_visit(t->x, history, find_name, &naming);
  }
  exploration_where(t->x, history, where);
  exploration_world(t->x, state, t->w);
  *s = (struct story_step){
      .process = e->process,
      .kind = r.kind,
      .object = note_object(t, &r.object, by_main.name[0] ? by_main.name : naming.name),
      .rc = a.rc,
      .over = e->answer != 0,
      .abandoned = a.abandoned,
      .woke = STORY_NONE,
      .preempts = before != STORY_NONE && before != e->process && could_go_on(t, state, before),
      .put = put_text(t, &r),
      .expected = expected_text(t, &r),
      .before = state_text(t, &r.object)};
  s->vain = r.kind == OP_CONDITION_NOTIFY && waiting_at(t, e->process, &r.object) == 0;
  s->result = e->answer ? answer_text(t, &r, &a) : NULL;
  s->call = call_text(t, &r, naming.name, s->object, s->put, s->expected);
  split_where(t, s, where);
  exploration_world(t->x, e->to, t->w);
  s->after = state_text(t, &r.object);
  s->p_fail = exploration_state(t->x, state)->p_bad;
  s->last_chance = s->p_fail < 1 && exploration_state(t->x, e->to)->p_bad >= 1;
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

/* -- the end ------------------------------------------------------------------------------------- */

static uint32_t process_of(const struct told *t, uint64_t serial) {
  for (uint32_t i = 0; i < world_count(t->w); i++) {
    struct world_process p;
    world_process(t->w, i, &p);
    if (p.serial == serial)
      return i;
  }
  return STORY_NONE;
}

static uint32_t helper_of(struct told *t, uint32_t process, const struct request *r) {
  struct answer a = {0};
  struct request look = {.kind = OP_LOCK_LOOK, .object = r->object};
  uint32_t ret = STORY_NONE;
  if (r->kind == OP_PROCESS_JOIN)
    return r->object.slot;
  if (r->kind == OP_LOCK_ACQUIRE && world_step(t->w, process, &look, &a) == 0 && a.sync.holder)
    ret = process_of(t, a.sync.holder);
  answer_release(&a);
  return ret;
}

static void tell_waiter(struct told *t, uint32_t state, uint32_t i, struct story_process *p) {
  uint32_t history = exploration_history(t->x, state, i);
  char where[WHERE_MAX];
  struct request r;
  struct buf text = {0};
  if (history == EXPLORE_NONE || exploration_left(t->x, history) ||
      exploration_request(t->x, history, &r))
    return;
  struct naming naming = {.ref = &r.object};
  exploration_visit(t->x, history, find_name, &naming);
  exploration_where(t->x, history, where);
  exploration_world(t->x, state, t->w);
  p->wanted = note_object(t, &r.object, naming.name);
  p->waits_for = helper_of(t, i, &r);
  p->stuck = world_deadline(t->w, i, &r) == SBX_FOREVER && world_can(t->w, i, &r) == WORLD_WAITS;
  if (r.kind == OP_PROCESS_JOIN && p->waits_for < t->story.process_count)
    buf_format(&text, "join of %s", t->processes[p->waits_for].name);
  else if (p->wanted != STORY_NONE)
    buf_format(&text, "%s of %s", op_describe(r.kind)->verb, t->objects[p->wanted].name);
  else
    buf_format(&text, "%s", op_describe(r.kind)->verb);
  p->waits = keep_buf(t, &text);
  const char *slash = strrchr(where, '/');
  p->where = where[0] ? keep_text(t, slash ? slash + 1 : where) : NULL;
  request_close(&r);
}

static void find_circle(struct told *t) {
  uint32_t n = t->story.process_count;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t at = i;
    for (uint32_t k = 0; k < n && at != STORY_NONE; k++) {
      at = t->processes[at].waits ? t->processes[at].waits_for : STORY_NONE;
      if (at == i)
        t->processes[i].in_circle = true;
    }
  }
}

static int name_processes(struct told *t, uint32_t state) {
  exploration_world(t->x, state, t->w);
  uint32_t n = world_count(t->w);
  t->processes = calloc(n ? n : 1, sizeof *t->processes);
  if (!t->processes)
    return -SBX_ENOMEM;
  t->story.process_count = n;
  for (uint32_t i = 0; i < n; i++) {
    struct world_process p;
    struct buf name = {0};
    world_process(t->w, i, &p);
    if (i == 0)
      buf_format(&name, "main");
    else
      buf_format(&name, "%s#%llu", p.name ? p.name : "process", (unsigned long long)p.serial);
    t->processes[i] = (struct story_process){.ended = p.phase == PHASE_ENDED,
                                             .waits_for = STORY_NONE,
                                             .wanted = STORY_NONE,
                                             .name = keep_buf(t, &name)};
  }
  return 0;
}

/* "x.lua:5: count is 1" -> message and place. */
static void split_message(struct told *t, const char *text, size_t len) {
  static const char prefix[] = "sandbox: ";
  const char *line = memchr(text, '\n', len);
  size_t n = line ? (size_t)(line - text) : len;
  if (n >= sizeof prefix - 1 && strncmp(text, prefix, sizeof prefix - 1) == 0) {
    text += sizeof prefix - 1;
    n -= sizeof prefix - 1;
  }
  const char *colon = memchr(text, ':', n);
  if (colon && colon[1] >= '0' && colon[1] <= '9') {
    const char *after = memchr(colon + 1, ':', n - (size_t)(colon + 1 - text));
    if (after && after[1] == ' ') {
      t->story.where = keep(t, text, (size_t)(after - text));
      n -= (size_t)(after + 2 - text);
      text = after + 2;
    }
  }
  for (size_t i = 0; i + 10 < n; i++) /* who it was stands elsewhere */
    if (strncmp(text + i, " (process ", 10) == 0)
      n = i;
  t->story.message = keep(t, text, n);
}

static void tell_error(struct told *t, uint32_t state) {
  const uint8_t *report;
  size_t len;
  uint32_t at = 0;
  struct buf printed = {0};
  for (uint32_t i = 0; i < t->story.process_count; i++) {
    struct world_process p;
    uint32_t history = exploration_history(t->x, state, i);
    world_process(t->w, i, &p);
    if (p.exit_code == 0 && !p.signal)
      continue;
    t->story.victim = i;
    if (i == 0 && exploration_printed(t->x, history, 2, &printed) == 0 && printed.len > 0)
      split_message(t, (const char *)printed.data, printed.len);
    break;
  }
  if (!t->story.message && world_report(t->w, &at, &report, &len) && report)
    split_message(t, (const char *)report, len);
  if (!t->story.message) {
    t->story.end = STORY_STATUS;
    t->story.message = "it ended with an exit status other than 0";
  }
  buf_release(&printed);
}

static void tell_held(struct told *t, uint32_t state) {
  static const char warning[] = "sandbox: warning: ";
  for (uint32_t i = 0; i < t->story.process_count && !t->story.message; i++) {
    struct buf printed = {0};
    uint32_t history = exploration_history(t->x, state, i);
    if (exploration_printed(t->x, history, 2, &printed) == 0 &&
        buf_append_byte(&printed, '\0') == 0) {
      const char *at = strstr((const char *)printed.data, warning);
      if (at) {
        at += sizeof warning - 1;
        t->story.message = keep(t, at, strcspn(at, "\n"));
        t->story.victim = i;
      }
    }
    buf_release(&printed);
  }
}

static void tell_end(struct told *t, uint32_t state, enum explore_end end) {
  exploration_world(t->x, state, t->w);
  switch (end) {
  case EXPLORE_ERROR:
    t->story.end = STORY_ERROR;
    tell_error(t, state);
    break;
  case EXPLORE_HELD:
    t->story.end = STORY_HELD;
    tell_held(t, state);
    break;
  case EXPLORE_STARVES:
    t->story.end = STORY_STARVES;
    break;
  case EXPLORE_LIVELOCK:
    t->story.end = STORY_LIVELOCK;
    break;
  case EXPLORE_STUCK:
    t->story.end = exploration_state(t->x, state)->count ? STORY_LIVELOCK : STORY_DEADLOCK;
    t->story.loop = t->story.step_count;
    break;
  default:
    t->story.end = STORY_DEADLOCK;
  }
  for (uint32_t i = 0; i < t->story.process_count; i++)
    if (!t->processes[i].ended)
      tell_waiter(t, state, i, &t->processes[i]);
  find_circle(t);
}

/* -- all of it ----------------------------------------------------------------------------------- */

/* Calls that were told before the script's own name of their object was known: "queue#1:put(2)". */
static void tell_names(struct told *t) {
  for (uint32_t i = 0; i < t->story.step_count; i++) {
    struct story_step *step = &t->steps[i];
    const char *name = step->object < t->object_count ? t->objects[step->object].name : NULL;
    const char *call = step->call, *rest = call ? strchr(call, ':') : NULL;
    struct buf out = {0};
    if (!name || !call || strchr(name, '#'))
      continue;
    if (call[0] == '#' && strchr(call + 1, '#'))
      buf_format(&out, "#%s", name);
    else if (call[0] != '#' && rest && memchr(call, '#', (size_t)(rest - call)))
      buf_format(&out, "%s%s", name, rest);
    else
      continue;
    step->call = keep_buf(t, &out);
  }
}

static int tell_path(struct told *t, const uint32_t *path, uint32_t len, enum explore_end end) {
  uint32_t *histories = calloc(len + 1, sizeof *histories);
  uint32_t state = 0, before = STORY_NONE, last = 0;
  for (uint32_t i = 0; i < len; i++)
    last = exploration_steps(t->x, last)[path[i]].to;
  t->steps = calloc(len + 1, sizeof *t->steps);
  int rc = t->steps && histories ? name_processes(t, last) : -SBX_ENOMEM;
  for (uint32_t i = 0; i < len && rc == 0; i++) {
    const struct explore_step *e = &exploration_steps(t->x, state)[path[i]];
    histories[i] = exploration_history(t->x, state, e->process);
    tell_step(t, state, e, before, &t->steps[i]);
    before = e->process;
    state = e->to;
    t->story.step_count++;
  }
  if (rc == 0) {
    tell_phases(t, histories);
    tell_end(t, state, end);
    tell_names(t);
  }
  free(histories);
  return rc ? rc : t->no_memory ? -SBX_ENOMEM : 0;
}

int told_make(struct exploration *x, const uint32_t *path, uint32_t len, enum explore_end end,
              const char *script, struct told **ret) {
  const struct world_options wo = {0};
  struct told *t = calloc(1, sizeof *t);
  if (!t)
    return -SBX_ENOMEM;
  t->x = x;
  t->story.script = keep_text(t, script);
  t->story.victim = STORY_NONE;
  int rc = world_new(&wo, &t->w);
  if (rc == 0)
    rc = tell_path(t, path, len, end);
  t->story.processes = t->processes;
  t->story.objects = t->objects;
  t->story.object_count = t->object_count;
  t->story.steps = t->steps;
  world_free(t->w);
  t->w = NULL;
  if (t->file)
    fclose(t->file);
  t->file = NULL;
  if (rc) {
    told_free(t);
    return rc;
  }
  *ret = t;
  return 0;
}

void told_circle(struct told *t, uint32_t loop, uint32_t victim) {
  t->story.loop = loop;
  t->story.victim = victim;
}

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
