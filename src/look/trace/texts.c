/* look/trace/texts.c - see texts.h. */
#include "look/trace/texts.h"

#include <stdbool.h>
#include <string.h>

static uint32_t hash(const char *s) {
  uint32_t h = 2166136261u; /* FNV-1a */
  for (int i = 0; s[i] && i < TEXT_BYTES - 1; i++)
    h = (h ^ (unsigned char)s[i]) * 16777619u;
  return h ? h : 1;
}

static bool is(const struct trace_text *cell, const char *text) {
  return atomic_load_explicit(&cell->filled, memory_order_acquire) &&
         strncmp(cell->bytes, text, TEXT_BYTES - 1) == 0;
}

static void fill(struct trace_text *cell, const char *text) {
  size_t len = strnlen(text, TEXT_BYTES - 1);
  memcpy(cell->bytes, text, len);
  cell->bytes[len] = '\0';
  atomic_store_explicit(&cell->filled, 1, memory_order_release);
}

uint32_t trace_text_number(struct trace_texts *t, const char *text) {
  enum { PROBES = 64 };
  if (!*text)
    return 0;
  uint32_t tag = hash(text);
  for (uint32_t i = 0; i < PROBES; i++) {
    uint32_t at = (tag + i) % TEXT_CELLS, was = 0;
    struct trace_text *cell = &t->cells[at];
    if (atomic_load_explicit(&cell->tag, memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong(&cell->tag, &was, tag)) {
      fill(cell, text);
      atomic_fetch_add(&t->count, 1);
      return at + 1;
    }
    if (atomic_load(&cell->tag) == tag && is(cell, text))
      return at + 1;
  }
  atomic_fetch_add(&t->nameless, 1);
  return 0;
}

const char *trace_text_of(const struct trace_texts *t, uint32_t number) {
  const struct trace_text *cell = &t->cells[(number - 1) % TEXT_CELLS];
  if (number == 0 || number > TEXT_CELLS ||
      !atomic_load_explicit(&cell->filled, memory_order_acquire))
    return "";
  return cell->bytes;
}
