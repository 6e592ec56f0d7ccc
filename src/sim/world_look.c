/* sim/world_look.c - a world told to people; see world.h. */
#include <stdio.h>

#include "look/words.h"
#include "object/array.h"
#include "object/barrier.h"
#include "object/progress.h"
#include "sim/world_internal.h"

/* -- names --------------------------------------------------------------------------------------
 */

static void name_process(const struct world *w, uint32_t i, char *to, size_t size) {
  if (i == 0)
    snprintf(to, size, "main");
  else
    snprintf(to, size, "%s#%u", w->actors[i].name, (unsigned)i + 1);
}

bool world_name(const struct world *w, const struct object_ref *ref, char *to, size_t size) {
  uint32_t i = world_actor_of(w, ref);
  if (i != NOBODY) {
    name_process(w, i, to, size);
    return true;
  }
  const struct world_object *o = world_find(w, ref);
  if (!o)
    return false;
  if (words_name_has_number(o->name)) {
    snprintf(to, size, "%s %s", object_type_word(o->type), o->name);
    return true;
  }
  snprintf(to, size, "%s%s%s#%llu", object_type_word(o->type), *o->name ? " " : "", o->name,
           (unsigned long long)o->serial);
  return true;
}

void world_objects(const struct world *w, void (*visit)(void *ctx, const struct object_ref *ref),
                   void *ctx) {
  for (uint64_t last = 0;;) {
    uint32_t oldest = NOBODY; /* of those that are younger than the last one */
    for (uint32_t slot = 0; slot < w->object_end; slot++)
      if (w->objects[slot].serial > last &&
          (oldest == NOBODY || w->objects[slot].serial < w->objects[oldest].serial))
        oldest = slot;
    if (oldest == NOBODY)
      return;
    const struct object_ref ref = world_ref(w, oldest);
    last = ref.serial;
    visit(ctx, &ref);
  }
}

/* -- states -------------------------------------------------------------------------------------
 */

static void count_of(char *to, size_t size, uint64_t n, const char *one) {
  snprintf(to, size, "%llu %s%s", (unsigned long long)n, one, n == 1 ? "" : "s");
}

static void describe_owner(const struct world *w, const struct sync_info *info, const char *verb,
                           const char *none, char *to, size_t size) {
  char name[NAME_MAX_BYTES + 24];
  if (info->holder == 0) {
    snprintf(to, size, "%s", none);
    return;
  }
  if (info->holder > w->actor_count)
    return;
  name_process(w, (uint32_t)info->holder - 1, name, sizeof name);
  snprintf(to, size, "%s %s", verb, name);
}

static void describe_lock(const struct world *w, const struct sync_info *info, char *to,
                          size_t size) {
  if (info->set)
    snprintf(to, size, "abandoned");
  else
    describe_owner(w, info, "held by", "free", to, size);
  size_t len = strlen(to);
  if (info->holder && !info->set && info->depth > 1)
    snprintf(to + len, size - len, ", %llu times", (unsigned long long)info->depth);
}

static void describe_number(const struct number *n, char *to, size_t size) {
  if (n->kind == NUMBER_INTEGER)
    snprintf(to, size, "%lld", (long long)n->i);
  else
    snprintf(to, size, "%.14g", n->f);
}

/* The text is empty if the value is a message. */
static bool describe_value(struct world *w, uint32_t slot, const struct sync_info *info, char *to,
                           size_t size, struct buf *value) {
  if (info->number.kind != NUMBER_NONE)
    describe_number(&info->number, to, size);
  else if (value)
    return world_value_read(&w->objects[slot], value) == 0;
  return true;
}

static void describe_queue(const struct world_object *o, char *to, size_t size) {
  count_of(to, size, queue_len(&o->queue), "item");
  size_t len = strlen(to);
  if (queue_in_hand(&o->queue))
    len += (size_t)snprintf(to + len, size - len, ", %llu in hand",
                            (unsigned long long)queue_in_hand(&o->queue));
  if (o->queue.closed)
    snprintf(to + len, size - len, ", closed");
}

static void describe_barrier(const struct sync_info *info, char *to, size_t size) {
  snprintf(to, size, "%llu of %llu%s", (unsigned long long)info->count,
           (unsigned long long)info->max, info->set ? ", broken" : "");
}

static void describe_progress(const struct sync_info *info, char *to, size_t size) {
  if (info->max == PROGRESS_ENDLESS)
    snprintf(to, size, "%llu", (unsigned long long)info->count);
  else
    snprintf(to, size, "%llu of %llu", (unsigned long long)info->count,
             (unsigned long long)info->max);
}

static void describe_process(const struct world_actor *p, char *to, size_t size) {
  if (actor_lives(p))
    snprintf(to, size, p->stopped ? "stopped" : "running");
  else if (p->state.signal)
    snprintf(to, size, "killed by signal %d", p->state.signal);
  else if (p->state.exit_code)
    snprintf(to, size, "left with exit status %d", p->state.exit_code);
  else
    snprintf(to, size, "done");
}

/* The elements, as many as there is room for. */
static void describe_array(const struct world_object *o, char *to, size_t size) {
  const char *dots = ", ...";
  size_t len = 0;
  for (uint64_t i = 0; i < o->words[ARRAY_COUNT]; i++) {
    char text[40];
    uint64_t bits;
    memcpy(&bits, o->contents.data + array_bytes(i), sizeof bits);
    struct number n = number_of((int)o->words[ARRAY_KIND], bits);
    if (n.kind == NUMBER_INTEGER)
      snprintf(text, sizeof text, "%s%lld", i ? ", " : "", (long long)n.i);
    else
      snprintf(text, sizeof text, "%s%.14g", i ? ", " : "", n.f);
    if (len + strlen(text) + strlen(dots) >= size) {
      snprintf(to + len, size - len, "%s", dots);
      return;
    }
    len += (size_t)snprintf(to + len, size - len, "%s", text);
  }
}

static bool describe_sync(struct world *w, uint32_t slot, char *to, size_t size,
                          struct buf *value) {
  struct sync_info info;
  world_describe_sync(w, slot, &info);
  switch (w->objects[slot].type) {
  case OBJECT_LOCK:
    describe_lock(w, &info, to, size);
    break;
  case OBJECT_SEMAPHORE:
    count_of(to, size, info.count, "unit");
    break;
  case OBJECT_EVENT:
    snprintf(to, size, info.set ? "set" : "not set");
    break;
  case OBJECT_CONDITION:
    snprintf(to, size, "%llu waiting", (unsigned long long)info.waiting);
    break;
  case OBJECT_BARRIER:
    describe_barrier(&info, to, size);
    break;
  case OBJECT_VALUE:
    return describe_value(w, slot, &info, to, size, value);
  case OBJECT_DICT:
    count_of(to, size, info.count, "key");
    break;
  case OBJECT_RWLOCK:
    if (info.holder)
      snprintf(to, size, "written by %s#%llu", info.holder_name, (unsigned long long)info.holder);
    else
      snprintf(to, size, "%llu reading", (unsigned long long)info.count);
    break;
  case OBJECT_ARRAY:
    describe_array(&w->objects[slot], to, size);
    break;
  case OBJECT_LATCH:
    snprintf(to, size, "%llu left", (unsigned long long)info.count);
    break;
  case OBJECT_PROGRESS:
    describe_progress(&info, to, size);
    break;
  default:
    break;
  }
  return true;
}

bool world_describe(struct world *w, const struct object_ref *ref, char *to, size_t size,
                    struct buf *value) {
  uint32_t i = world_actor_of(w, ref);
  *to = '\0';
  if (i != NOBODY) {
    describe_process(&w->actors[i], to, size);
    return true;
  }
  const struct world_object *o = world_find(w, ref);
  if (!o)
    return false;
  if (o->type == OBJECT_QUEUE || o->type == OBJECT_PIPE)
    describe_queue(o, to, size);
  else
    return describe_sync(w, ref->slot, to, size, value);
  return true;
}

/* -- what is left behind ------------------------------------------------------------------------
 */

/* The newest first. */
static const struct past_event *past_at(const struct world_past *p, uint32_t n) {
  bool known = n < p->count && n < PAST_EVENTS;
  return known ? &p->events[(p->count - 1 - n) % PAST_EVENTS] : NULL;
}

static bool is_forgotten(const struct world *w, uint32_t i, uint32_t slot, struct forgotten *ret) {
  const struct world_object *o = &w->objects[slot];
  const struct sync_machine *m = o->serial ? sync_machine_of(o->type) : NULL;
  enum op_kind kind = m && m->taken_by ? m->taken_by(o->words, world_who(i)) : OP_NONE;
  if (kind == OP_NONE)
    return false;
  *ret = (struct forgotten){.type = o->type, .id = o->serial};
  memcpy(ret->name, o->name, sizeof ret->name);
  const struct past_event *e;
  for (uint32_t n = 0; (e = past_at(&o->past, n)); n++)
    if (e->who == world_who(i) && e->kind == (uint32_t)kind) {
      past_where(e, ret->where);
      ret->scoped = e->scoped;
      break;
    }
  return true;
}

bool world_forgotten(const struct world *w, uint32_t i, uint32_t *at, struct forgotten *ret) {
  while (*at < w->object_end)
    if (is_forgotten(w, i, (*at)++, ret))
      return true;
  return false;
}

/* Failures of tasks come after those of processes, by their order, and then by age. */
static uint32_t tasks_before(const struct world *w, uint32_t k) {
  uint32_t n = 0;
  for (uint32_t x = 0; x < w->failure_count; x++)
    n += w->failures[x].counts && !w->failures[x].looked &&
         (w->failures[x].order < w->failures[k].order ||
          (w->failures[x].order == w->failures[k].order && x < k));
  return n;
}

/* Nobody looked at it, and the script did not end the process: joined or not, a run reports it. */
static bool is_unseen(const struct world_actor *p) { return world_pending(p) && !p->expected; }

bool world_first_failure(const struct world *w, uint32_t *ret_process, const uint8_t **ret,
                         size_t *ret_len) {
  struct world_process p;
  for (uint32_t i = 1; i < w->actor_count; i++) {
    const struct world_actor *a = &w->actors[i];
    world_process(w, i, &p);
    if (!p.failed && !is_unseen(a))
      continue;
    bool text = a->has_report && p.signal == 0 && a->report.len > 0;
    *ret_process = i;
    *ret = text ? a->report.data : NULL;
    *ret_len = text ? a->report.len : 0;
    return true;
  }
  for (uint32_t k = 0; k < w->failure_count; k++) {
    const struct world_failure *f = &w->failures[k];
    if (!f->counts || (f->joined && f->looked))
      continue;
    *ret_process = NOBODY;
    *ret = f->report.len > 0 ? f->report.data : NULL;
    *ret_len = f->report.len;
    return true;
  }
  return false;
}

bool world_has_harmless(const struct world *w) {
  for (uint32_t i = 1; i < w->actor_count; i++) {
    const struct world_actor *p = &w->actors[i];
    if (world_pending(p) && p->expected && !p->state.signal)
      return true;
  }
  return false;
}

bool world_report(const struct world *w, uint32_t *at, const uint8_t **ret, size_t *ret_len) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < w->actor_count; i++) {
    const struct world_actor *p = &w->actors[i];
    if ((i == 0 && !p->has_report) || !world_pending(p) || n++ < *at)
      continue;
    bool text = p->has_report && p->state.signal == 0;
    *ret = text ? p->report.data : NULL;
    *ret_len = text ? p->report.len : 0;
    ++*at;
    return true;
  }
  for (uint32_t k = 0; k < w->failure_count; k++) {
    const struct world_failure *f = &w->failures[k];
    if (!f->counts || f->looked || n + tasks_before(w, k) != *at)
      continue;
    *ret = f->report.data;
    *ret_len = f->report.len;
    ++*at;
    return true;
  }
  return false;
}
