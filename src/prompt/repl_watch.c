/* prompt/repl_watch.c - expressions that are looked at again and again; see repl_internal.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/repl_internal.h"

static void clear(struct watch *w) {
  free(w->text);
  free(w->shown);
  *w = (struct watch){0};
}

const char *watch_add(struct repl *r, const char *expression, double seconds) {
  if (!(seconds >= PERIOD_LEAST && seconds <= PERIOD_MOST))
    return "watch: the seconds must be from 0.05 to 86400";
  for (struct watch *w = r->watches; w < r->watches + WATCHES; w++) {
    if (w->id)
      continue;
    char *text = strdup(expression);
    if (!text)
      return "not enough memory";
    *w = (struct watch){.id = (uint32_t)(w - r->watches) + 1,
                        .text = text,
                        .period_ns = (int64_t)(seconds * NS_PER_SECOND)};
    return NULL;
  }
  return "watch: 16 expressions are watched already; unwatch(n) some";
}

bool watch_remove(struct repl *r, uint32_t id) {
  bool found = false;
  for (struct watch *w = r->watches; w < r->watches + WATCHES; w++)
    if (w->id && (id == 0 || w->id == id)) {
      clear(w);
      found = true;
    }
  return found;
}

void watch_list(struct repl *r, struct buf *out) {
  char line[200];
  for (const struct watch *w = r->watches; w < r->watches + WATCHES; w++)
    if (w->id) {
      int n = snprintf(line, sizeof line, "%u  %.120s  every %.9g s\n", w->id, w->text,
                       (double)w->period_ns / NS_PER_SECOND);
      buf_append(out, line, (size_t)n);
    }
}

int64_t watch_turn(struct repl *r) {
  int64_t now = clock_now_ns(), next = SBX_FOREVER;
  for (struct watch *w = r->watches; w < r->watches + WATCHES; w++) {
    if (!w->id)
      continue;
    if (w->next_ns <= now) {
      w->next_ns = now + w->period_ns;
      if (!w->asked) { /* a session that cannot answer is not asked twice */
        w->asked = true;
        w->inquiry = session_inquire(r, w->text);
      }
    }
    if (w->next_ns < next)
      next = w->next_ns;
  }
  return next;
}

bool watch_answer(struct repl *r, uint32_t inquiry, const char *text) {
  for (struct watch *w = r->watches; w < r->watches + WATCHES; w++) {
    if (!w->id || !w->asked || w->inquiry != inquiry)
      continue;
    w->asked = false;
    if (!w->shown || strcmp(w->shown, text) != 0) {
      repl_say(r, "watch %u: %s = %s", w->id, w->text, text);
      free(w->shown);
      w->shown = strdup(text);
    }
    return true;
  }
  return false;
}

void watch_forget_answers(struct repl *r) {
  for (struct watch *w = r->watches; w < r->watches + WATCHES; w++)
    w->asked = false;
}
