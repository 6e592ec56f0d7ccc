/* prompt/repl_chunks.c - which chunks the session carried out, and when; see repl_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "prompt/repl_internal.h"

/* A chunk that did nothing others can see, but took so long, is worth a look. */
enum { LONG_NS = 100 * NS_PER_MS };

int64_t chunk_now(const struct repl *r) {
  return (int64_t)(clock_run_now(r->b->run->clock(r->b), r->b->run->now(r->b)) * NS_PER_SECOND);
}

struct chunk *chunk_last(struct repl *r) {
  return r->chunk_count > 0 ? &r->chunks[(r->chunk_count - 1) % CHUNKS] : NULL;
}

static char *copy(const void *text, size_t len) {
  char *ret = text ? malloc(len + 1) : NULL;
  if (ret) {
    memcpy(ret, text, len);
    ret[len] = '\0';
  }
  return ret;
}

void chunk_begin(struct repl *r, const void *text, size_t len) {
  struct chunk *c = &r->chunks[r->chunk_count++ % CHUNKS];
  int64_t began_ns = clock_now_ns();
  r->run->idle(r->o->host, false, 0);
  free(c->text);
  *c = (struct chunk){.text = copy(text, len),
                      .session = r->b->self->id(r->b),
                      .began_ns = began_ns,
                      .from_ns = chunk_now(r),
                      .to_ns = -1,
                      .recorded = r->run->recorded(r->o->host)};
}

static bool runs(const struct chunk *c) { return c && c->to_ns < 0; }

/* Did a chunk that runs do something, so far? The start of a session takes as long as the machine lets it. */
static bool did(const struct repl *r, const struct chunk *c) {
  return r->run->recorded(r->o->host) != c->recorded ||
         (c->text && clock_now_ns() - c->began_ns >= LONG_NS && !c->waited);
}

/* What did nothing is not drawn: the session counts as idle all the while. */
static void be_idle(struct repl *r, const struct chunk *c) {
  r->run->idle(r->o->host, true, did(r, c) ? 0 : c->began_ns);
}

void chunk_end(struct repl *r, uint32_t number) {
  struct chunk *c = chunk_last(r);
  if (!runs(c))
    return;
  be_idle(r, c);
  c->did = did(r, c);
  c->to_ns = chunk_now(r);
  c->number = number;
}

void chunk_drop(struct repl *r) {
  struct chunk *c = chunk_last(r);
  if (!runs(c))
    return;
  be_idle(r, c);
  free(c->text);
  *c = (struct chunk){0};
  r->chunk_count--;
}

void chunk_waits(struct repl *r, bool waits) {
  struct chunk *c = chunk_last(r);
  if (!runs(c))
    return;
  c->waited = true;
  if (waits)
    be_idle(r, c);
  else
    r->run->idle(r->o->host, false, 0);
}

/* One that runs is, unless it only asks for what was before. */
static bool is_of_interest(const struct repl *r, const struct chunk *c) {
  return runs(c) ? !c->waited || did(r, c) : c->did;
}

const struct chunk *chunk_of_interest(struct repl *r) {
  uint64_t first = r->chunk_count > CHUNKS ? r->chunk_count - CHUNKS : 0;
  for (uint64_t i = r->chunk_count; i-- > first;)
    if (is_of_interest(r, &r->chunks[i % CHUNKS]))
      return &r->chunks[i % CHUNKS];
  return NULL;
}

void chunks_release(struct repl *r) {
  for (int i = 0; i < CHUNKS; i++)
    free(r->chunks[i].text);
}
