/*
 * host/explore_page.c - what an HTML page of an exploration shows; see explore_report.h.
 *
 * The page is that of a trace (look/trace/page.h) with another program, and its data is one JSON value:
 *   script, report         texts
 *   cut                    true: not all states are told
 *   strings                most of the texts below are numbers in it, 0 is none
 *   processes, sources     names; [path, text]
 *   objects                [name, type]
 *   histories              what a process asks for: [call, verb, object or -1, source or -1, line]
 *   states                 [end, p of a failure, ways or -1, its processes' histories, its objects'
 *                          states, steps]; a history is -1 if the process has left; steps are
 *                          [process, to, result, printed, flags] or null if they are not told
 *   failures               {kind, path: numbers of steps in their states, story: story_json}
 * State 0 is the first. Told are the states of the failures, then those that are near them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/policy_path.h"
#include "host/cure.h"
#include "host/explore_failures.h"
#include "host/explore_report.h"
#include "host/told.h"
#include "look/json_text.h"
#include "look/trace/model.h"
#include "sim/intern.h"

enum { STATES_TOLD = 3000, STEP_VAIN = 1, STEP_ABANDONED = 2, STEP_OPEN = 4 };

/* What a process asks for, told once. */
struct asked {
  const char *call, *verb;
  uint32_t object, source;
  int line;
};

struct page {
  struct exploration *x;
  struct told *t;
  const char *script;
  struct buf out, states; /* all of it; the states, which are told before the histories */
  int rc;
  uint32_t *number; /* of each state: its number in the page + 1; 0: it is not there */
  uint32_t *order;  /* the states of the page */
  uint32_t count, told;
  struct asked *asked; /* by number in the page */
  uint32_t *asked_of;  /* of each history: that number + 1 */
  uint32_t asked_count, asked_cap, history_cap;
  struct intern *strings, *sources;
  struct failure failures[FAILURES_MAX];
  uint32_t failure_count;
  struct cures *cures;
};

#define PUT(p, ...) ((p)->rc = (p)->rc ? (p)->rc : buf_format(&(p)->out, __VA_ARGS__))
#define PUT_STATE(p, ...) ((p)->rc = (p)->rc ? (p)->rc : buf_format(&(p)->states, __VA_ARGS__))

static void put_text(struct page *p, const char *text, size_t len) {
  p->rc = p->rc ? p->rc : json_text(&p->out, text, len);
}

static uint32_t number_of(struct page *p, struct intern *of, const char *text) {
  uint32_t n = text && *text ? intern_put(of, text, strlen(text), NULL) : 0;
  if (text && *text && !n)
    p->rc = -SBX_ENOMEM;
  return n;
}

/* -- which failures, and which states ------------------------------------------------------------- */

static void find_failures(struct page *p) {
  p->failure_count = failures_find(p->x, p->failures);
  if (p->failure_count == EXPLORE_NONE) {
    p->failure_count = 0;
    p->rc = -SBX_ENOMEM;
  }
}

static void take_state(struct page *p, uint32_t state) {
  if (p->number[state])
    return;
  p->order[p->count] = state;
  p->number[state] = ++p->count;
}

/* The states of the page; behind the first `told` of them come those that only are named. */
static void choose_states(struct page *p) {
  take_state(p, 0);
  for (uint32_t i = 0; i < p->failure_count; i++) {
    uint32_t state = 0;
    for (uint32_t k = 0; k < p->failures[i].len; k++) {
      state = exploration_steps(p->x, state)[p->failures[i].path[k]].to;
      take_state(p, state);
    }
  }
  uint32_t most = p->count > STATES_TOLD ? p->count : STATES_TOLD;
  for (p->told = 0; p->told < p->count && p->told < most; p->told++) {
    const struct explore_state *s = exploration_state(p->x, p->order[p->told]);
    for (uint32_t k = 0; k < s->count; k++)
      take_state(p, exploration_steps(p->x, p->order[p->told])[k].to);
  }
}

/* -- histories ----------------------------------------------------------------------------------- */

static bool room_for(struct page *p, uint32_t history) {
  if (history >= p->history_cap) {
    uint32_t cap = 2 * history + 256;
    uint32_t *grown = realloc(p->asked_of, cap * sizeof *grown);
    if (!grown)
      return false;
    memset(grown + p->history_cap, 0, (cap - p->history_cap) * sizeof *grown);
    p->asked_of = grown;
    p->history_cap = cap;
  }
  if (p->asked_count == p->asked_cap) {
    uint32_t cap = p->asked_cap ? 2 * p->asked_cap : 256;
    struct asked *grown = realloc(p->asked, cap * sizeof *grown);
    if (!grown)
      return false;
    p->asked = grown;
    p->asked_cap = cap;
  }
  return true;
}

static void note_asked(struct page *p, uint32_t history, const struct story_step *s) {
  if (!room_for(p, history)) {
    p->rc = -SBX_ENOMEM;
    return;
  }
  if (p->asked_of[history])
    return;
  bool placed = s->line > 0 && p->t->file;
  p->asked[p->asked_count++] =
      (struct asked){.call = s->call,
                     .verb = op_describe(s->kind)->verb,
                     .object = s->object,
                     .source = placed ? number_of(p, p->sources, p->t->file_name) : 0,
                     .line = s->line};
  p->asked_of[history] = p->asked_count;
}

/* The number of a history in the page. */
static uint32_t history_number(struct page *p, uint32_t state, uint32_t process, uint32_t history) {
  if (history >= p->history_cap || !p->asked_of[history]) {
    const struct explore_step asks = {.to = state, .process = (uint16_t)process};
    struct story_step s = {0};
    told_step(p->t, state, &asks, STORY_NONE, &s);
    note_asked(p, history, &s);
  }
  return p->rc ? 0 : p->asked_of[history] - 1;
}

/* -- states -------------------------------------------------------------------------------------- */

static int gather(void *ctx, int stream, const char *text, size_t len) {
  (void)stream;
  return buf_append(ctx, text, len);
}

/* What the step printed: a string. */
static uint32_t printed_by(struct page *p, uint32_t state, const struct explore_step *e) {
  struct buf text = {0};
  uint32_t n = 0, before = exploration_history(p->x, state, e->process),
           after = exploration_history(p->x, e->to, e->process);
  if (before == EXPLORE_NONE || after == EXPLORE_NONE || before == after)
    return 0;
  int rc = exploration_printed_since(p->x, before, after, gather, &text);
  if (rc == 0 && text.len && !(n = intern_put(p->strings, text.data, text.len, NULL)))
    rc = -SBX_ENOMEM;
  p->rc = p->rc ? p->rc : rc;
  buf_release(&text);
  return n;
}

static void put_step(struct page *p, uint32_t state, uint32_t k) {
  const struct explore_step *e = &exploration_steps(p->x, state)[k];
  struct story_step s = {0};
  told_step(p->t, state, e, STORY_NONE, &s);
  note_asked(p, exploration_history(p->x, state, e->process), &s);
  PUT_STATE(p, "%s[%u,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%d]", k ? "," : "", (unsigned)e->process,
            p->number[e->to] - 1, number_of(p, p->strings, s.result), printed_by(p, state, e),
            (s.vain ? STEP_VAIN : 0) | (s.abandoned ? STEP_ABANDONED : 0) |
                (s.over ? 0 : STEP_OPEN));
}

static void put_state(struct page *p, uint32_t i) {
  uint32_t state = p->order[i], count;
  const struct explore_state *s = exploration_state(p->x, state);
  PUT_STATE(p, "%s[%d,%.16g,%.17g,", i ? ",\n" : "", s->end, s->p_bad,
            s->looked_at && s->ways >= 0 ? s->ways : -1.0);
  if (i >= p->told) {
    PUT_STATE(p, "[],[],null]");
    return;
  }
  if (p->rc == 0)
    p->rc = exploration_world(p->x, state, p->t->w);
  count = p->rc ? 0 : world_count(p->t->w);
  for (uint32_t k = 0; k < count && p->rc == 0; k++) {
    uint32_t history = exploration_history(p->x, state, k);
    PUT_STATE(p, k ? "," : "[");
    if (history == EXPLORE_NONE || exploration_left(p->x, history))
      PUT_STATE(p, "-1");
    else
      PUT_STATE(p, "%" PRIu32, history_number(p, state, k, history));
  }
  PUT_STATE(p, count ? "],[" : "[],[");
  if (p->rc == 0)
    p->rc = exploration_world(p->x, state, p->t->w);
  for (uint32_t k = 0; k < p->t->object_count && p->rc == 0; k++)
    PUT_STATE(p, "%s%" PRIu32, k ? "," : "",
              number_of(p, p->strings, told_state(p->t, &p->t->refs[k])));
  PUT_STATE(p, "],[");
  for (uint32_t k = 0; k < s->count && p->rc == 0; k++)
    put_step(p, state, k);
  PUT_STATE(p, "]]");
  if (p->t->no_memory)
    p->rc = -SBX_ENOMEM;
}

/* -- the rest ------------------------------------------------------------------------------------ */

static void put_failure(struct page *p, const struct failure *f) {
  struct told *t = NULL;
  int rc = p->rc ? p->rc : failure_tell(p->x, f, p->script, &t);
  if (rc == 0)
    cures_check(p->cures, p->x, f, t);
  PUT(p, "{\"kind\":\"%s\",\"path\":[", failure_kind(f));
  for (uint32_t k = 0; k < f->len; k++)
    PUT(p, "%s%" PRIu32, k ? "," : "", f->path[k]);
  PUT(p, "],\"story\":");
  if (rc == 0)
    rc = story_json(told_story(t), &p->out);
  p->rc = p->rc ? p->rc : rc;
  PUT(p, "}");
  told_free(t);
}

static void put_strings(struct page *p) {
  PUT(p, ",\"strings\":[\"\"");
  for (uint32_t i = 1; i <= intern_count(p->strings); i++) {
    size_t len;
    const uint8_t *text = intern_get(p->strings, i, &len);
    PUT(p, ",");
    put_text(p, (const char *)text, len);
  }
  PUT(p, "]");
}

static void put_source(struct page *p, uint32_t id) {
  enum { TEXT_MAX = 1 << 20 };
  char path[WHERE_MAX] = "", part[4096];
  struct buf text = {0};
  size_t len;
  const uint8_t *name = intern_get(p->sources, id, &len);
  memcpy(path, name, len < sizeof path ? len : sizeof path - 1);
  FILE *f = policy_source(exploration_policy(p->x), path);
  for (size_t n; f && text.len < TEXT_MAX && (n = fread(part, 1, sizeof part, f)) > 0;)
    p->rc = p->rc ? p->rc : buf_append(&text, part, n);
  if (f)
    fclose(f);
  PUT(p, id > 1 ? ",[" : "[");
  put_text(p, path, strlen(path));
  PUT(p, ",");
  put_text(p, (const char *)text.data, text.len);
  PUT(p, "]");
  buf_release(&text);
}

static void put_histories(struct page *p) {
  PUT(p, ",\"histories\":[");
  for (uint32_t i = 0; i < p->asked_count; i++) {
    const struct asked *a = &p->asked[i];
    struct story_step s = {.call = a->call, .object = a->object};
    told_name_call(p->t, &s);
    PUT(p, "%s[%" PRIu32 ",%" PRIu32, i ? "," : "", number_of(p, p->strings, s.call),
        number_of(p, p->strings, a->verb));
    PUT(p, ",%" PRId64 ",%" PRId64 ",%d]", a->object == STORY_NONE ? -1 : (int64_t)a->object,
        (int64_t)a->source - 1, a->line);
  }
  PUT(p, "]");
}

static void put_names(struct page *p) {
  PUT(p, ",\"processes\":[");
  for (uint32_t i = 0; i < p->t->story.process_count; i++) {
    PUT(p, i ? "," : "");
    put_text(p, p->t->processes[i].name, strlen(p->t->processes[i].name));
  }
  PUT(p, "],\"objects\":[");
  for (uint32_t i = 0; i < p->t->object_count; i++) {
    PUT(p, i ? ",[" : "[");
    put_text(p, p->t->objects[i].name, strlen(p->t->objects[i].name));
    PUT(p, ",\"%s\"]", object_type_word(p->t->objects[i].type));
  }
  PUT(p, "]");
}

/* The processes are those of the state that has most of them. */
static void name_processes(struct page *p) {
  uint32_t most = 0, at = 0;
  for (uint32_t i = 0; i < p->told && p->rc == 0; i++) {
    p->rc = exploration_world(p->x, p->order[i], p->t->w);
    if (p->rc == 0 && world_count(p->t->w) > most) {
      most = world_count(p->t->w);
      at = p->order[i];
    }
  }
  p->rc = p->rc ? p->rc : told_processes(p->t, at);
}

/* Objects are told of where they are met first: after the first round all are known. */
static void put_states(struct page *p) {
  for (int round = 0; round < 2; round++) {
    p->states.len = 0;
    for (uint32_t i = 0; i < p->count && p->rc == 0; i++)
      put_state(p, i);
  }
}

static void put_all(struct page *p, const char *report) {
  struct explore_sum s;
  exploration_sum(p->x, &s);
  name_processes(p);
  put_states(p);
  PUT(p, "{\"script\":");
  put_text(p, p->script, strlen(p->script));
  PUT(p, ",\"report\":");
  put_text(p, report, strlen(report));
  PUT(p, ",\"cut\":%s,\"complete\":%s", p->told < s.states ? "true" : "false",
      s.stop == STOP_COMPLETE ? "true" : "false");
  put_names(p);
  put_histories(p);
  put_strings(p);
  PUT(p, ",\"sources\":[");
  for (uint32_t i = 1; i <= intern_count(p->sources); i++)
    put_source(p, i);
  PUT(p, "],\"states\":[");
  p->rc = p->rc ? p->rc : buf_append(&p->out, p->states.data, p->states.len);
  PUT(p, "],\"failures\":[");
  for (uint32_t i = 0; i < p->failure_count; i++) {
    PUT(p, i ? "," : "");
    put_failure(p, &p->failures[i]);
  }
  PUT(p, "]}");
}

static int page_open(struct page *p) {
  struct explore_sum s;
  exploration_sum(p->x, &s);
  p->number = calloc(s.states + 1u, sizeof *p->number);
  p->order = calloc(s.states + 1u, sizeof *p->order);
  p->strings = intern_new();
  p->sources = intern_new();
  if (!p->number || !p->order || !p->strings || !p->sources)
    return -SBX_ENOMEM;
  return told_open(p->x, p->script, &p->t);
}

static void page_release(struct page *p) {
  failures_release(p->failures, p->failure_count);
  free(p->number);
  free(p->order);
  free(p->asked);
  free(p->asked_of);
  intern_free(p->strings);
  intern_free(p->sources);
  if (p->t)
    told_close(p->t);
  told_free(p->t);
  buf_release(&p->states);
  buf_release(&p->out);
}

int explore_page(struct exploration *x, const char *script, const char *report, struct cures *cures,
                 struct buf *ret) {
  struct page p = {.x = x, .script = script, .cures = cures};
  p.rc = page_open(&p);
  if (p.rc == 0) {
    find_failures(&p);
    choose_states(&p);
    put_all(&p, report);
  }
  if (p.rc == 0) {
    *ret = p.out;
    p.out = (struct buf){0};
  }
  page_release(&p);
  return p.rc;
}
