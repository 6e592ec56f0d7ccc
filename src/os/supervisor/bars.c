/* os/supervisor/bars.c - see bars.h. */
#include "os/supervisor/bars.h"

#include <stdlib.h>
#include <string.h>

#include "os/sync/progress.h"

enum {
  LOOK_NS = 100 * 1000 * 1000, /* between two looks: ten a second */
  SOON_NS = 20 * 1000 * 1000   /* when something was told, or could not be shown */
};

static bool make_room(struct bars_watch *w) {
  if (w->count < w->cap)
    return true;
  uint32_t cap = w->cap ? 2 * w->cap : 16;
  struct bar *list = realloc(w->list, cap * sizeof *list);
  w->list = list ? list : w->list;
  struct bar *before = list ? realloc(w->before, cap * sizeof *before) : NULL;
  w->before = before ? before : w->before;
  uint32_t *slots = before ? realloc(w->slots, cap * sizeof *slots) : NULL;
  w->slots = slots ? slots : w->slots;
  w->cap = slots ? cap : w->cap;
  return slots;
}

/* One that cannot be read never will be: let go of it. */
static void add(struct bars_watch *w, uint32_t slot, int64_t now_ns) {
  const struct control *c = w->b->control;
  struct progress_shown p;
  if (!progress_read(c, slot, &p)) {
    progress_was_shown(w->b, slot);
    return;
  }
  if (!make_room(w))
    return; /* later */
  struct bar *bar = &w->list[w->count];
  w->slots[w->count++] = slot;
  *bar = (struct bar){.id = p.info.id,
                      .count = p.info.count,
                      .total = p.info.max,
                      .closed = p.info.set,
                      .elapsed =
                          clock_run_now(&c->clock, now_ns) - clock_run_now(&c->clock, p.begun_ns),
                      .seen_ns = now_ns};
  memcpy(bar->label, p.info.name, sizeof bar->label);
}

/* How it was at the look before. */
static const struct bar *find_before(const struct bars_watch *w, uint64_t id) {
  for (uint32_t i = 0; i < w->before_count; i++)
    if (w->before[i].id == id)
      return &w->before[i];
  return NULL;
}

static void settle(struct bars_watch *w) {
  for (uint32_t i = 0; i < w->count; i++) {
    const struct bar *before = find_before(w, w->list[i].id);
    if (before)
      bar_settle(&w->list[i], before);
  }
}

/* The oldest first: there are few, and they come in nearly that order. */
static void sort(struct bars_watch *w) {
  for (uint32_t i = 1; i < w->count; i++)
    for (uint32_t k = i; k > 0 && w->list[k - 1].id > w->list[k].id; k--) {
      struct bar bar = w->list[k];
      uint32_t slot = w->slots[k];
      w->list[k] = w->list[k - 1];
      w->slots[k] = w->slots[k - 1];
      w->list[k - 1] = bar;
      w->slots[k - 1] = slot;
    }
}

static void collect(struct bars_watch *w, int64_t now_ns) {
  struct bar *before = w->list;
  w->list = w->before;
  w->before = before;
  w->before_count = w->count;
  w->count = 0;
  for (uint32_t i = 0; i < OBJECT_WORDS; i++)
    for (uint64_t bits = atomic_load(&w->b->control->shown[i]); bits; bits &= bits - 1)
      add(w, 64 * i + (uint32_t)__builtin_ctzll(bits), now_ns);
  sort(w);
  settle(w);
}

/* The closed ones were shown. */
static void let_go(struct bars_watch *w) {
  bool some = false;
  for (uint32_t i = 0; i < w->count; i++)
    if (w->list[i].closed) {
      progress_was_shown(w->b, w->slots[i]);
      some = true;
    }
  if (some)
    progress_tell_shown(w->b->control);
}

static bool show(struct bars_watch *w) {
  return w->o->bars ? w->o->bars(w->o->ctx, w->list, w->count)
                    : bars_on_stderr(&w->screen, w->list, w->count);
}

static bool any_open(const struct bars_watch *w) {
  for (uint32_t i = 0; i < w->count; i++)
    if (!w->list[i].closed)
      return true;
  return false;
}

void bars_begin(struct bars_watch *w, struct os_backend *b, const struct supervisor_options *o) {
  *w = (struct bars_watch){.b = b, .o = o, .look_at_ns = SBX_FOREVER, .screen.control = b->control};
}

/* Whoever made one may have been killed before it told of it. */
static bool any_shown(const struct control *c) {
  uint64_t some = 0;
  for (uint32_t i = 0; i < OBJECT_WORDS; i++)
    some |= atomic_load_explicit(&c->shown[i], memory_order_relaxed);
  return some;
}

void bars_look(struct bars_watch *w) {
  int64_t now = clock_now_ns();
  bool idle = w->look_at_ns == SBX_FOREVER && !any_shown(w->b->control);
  if (!w->told && (idle || (w->look_at_ns != SBX_FOREVER && now < w->look_at_ns)))
    return;
  w->told = false;
  collect(w, now);
  bool all = show(w);
  let_go(w);
  w->look_at_ns = !all ? now + SOON_NS : any_open(w) ? now + LOOK_NS : SBX_FOREVER;
}

void bars_end(struct bars_watch *w) {
  collect(w, clock_now_ns());
  for (uint32_t i = 0; i < w->count; i++)
    w->list[i].closed = true;
  if (w->count || w->look_at_ns != SBX_FOREVER)
    show(w);
  bars_screen_release(&w->screen);
  free(w->list);
  free(w->before);
  free(w->slots);
}
