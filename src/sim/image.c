/* sim/image.c - see image.h. */
#include "sim/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/error.h"
#include "base/sanitized.h"
#include "sim/intern.h"

static_assert(ARENA_UNIT % IMAGE_LEAF == 0, "leaves at the end of a part can be read");

enum { PART_RECORDS, PART_HEAP, PART_STACK, PARTS };

#define STACK_ADDRESS ((char *)(uintptr_t)0x1f0000000000)

/* What a process keeps at the upper end of its stack. */
struct top {
  ucontext_t context; /* where it left */
  void *word;
};

/* A part of the memory. Leaf i of the stack lies i leaves below its upper end. */
struct part {
  char *start;     /* lowest address; of the stack one beyond the highest */
  uint32_t leaves; /* in use */
  char *shadow;    /* leaf i of it at i * IMAGE_LEAF, also of the stack */
  uint32_t *ids;   /* of leaf i; 0: the shadow does not have it */
  bool *empty;     /* leaf i means nothing: its number in an image is 0 */
  uint32_t cap;    /* of shadow, ids and empty, in leaves */
};

struct images {
  struct arena *arena;
  char *stack;
  struct part parts[PARTS];
  struct intern *blocks;
  ucontext_t outside;
  uint32_t present;
  uint32_t *root; /* for making roots: for each part the count of leaves, then the leaves */
  uint32_t root_cap;
};

static struct top *top_of(const struct images *m) {
  return (struct top *)(void *)(m->stack + IMAGE_STACK - (sizeof(struct top) + 63) / 64 * 64);
}

void **image_word(struct images *m) { return &top_of(m)->word; }
void image_touched(struct images *m) { m->present = 0; }
size_t images_bytes(const struct images *m) { return intern_bytes(m->blocks); }

/* -- open --------------------------------------------------------------------------------------- */

int images_open(struct arena *arena, struct images **ret) {
  struct images *m = calloc(1, sizeof *m);
  if (!m)
    return -SBX_ENOMEM;
  m->arena = arena;
  m->blocks = intern_new();
  m->stack = mmap(STACK_ADDRESS, IMAGE_STACK, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (m->stack == MAP_FAILED)
    m->stack = NULL;
  if (!m->blocks || !m->stack) {
    images_close(m);
    return -SBX_ENOMEM;
  }
  *ret = m;
  return 0;
}

void images_close(struct images *m) {
  if (!m)
    return;
  for (int i = 0; i < PARTS; i++) {
    free(m->parts[i].shadow);
    free(m->parts[i].ids);
    free(m->parts[i].empty);
  }
  if (m->stack)
    munmap(m->stack, IMAGE_STACK);
  intern_free(m->blocks);
  free(m->root);
  free(m);
}

/* -- in and out --------------------------------------------------------------------------------- */

static void start(unsigned body_low, unsigned body_high, unsigned ctx_low, unsigned ctx_high) {
  union {
    uintptr_t word;
    void (*body)(void *ctx);
  } body = {.word = (uintptr_t)body_low | (uintptr_t)body_high << 32};
  body.body((void *)((uintptr_t)ctx_low | (uintptr_t)ctx_high << 32));
  abort(); /* it must not return */
}

static void enter(struct images *m) {
  m->present = 0; /* it is going to change */
  swapcontext(&m->outside, &top_of(m)->context);
}

void image_enter(struct images *m) { enter(m); }

void image_begin(struct images *m, void (*body)(void *ctx), void *ctx) {
  struct top *top = top_of(m);
  memset(top, 0, sizeof *top);
  getcontext(&top->context);
  top->context.uc_stack.ss_sp = m->stack;
  top->context.uc_stack.ss_size = (size_t)((char *)top - m->stack);
  top->context.uc_link = NULL;
  makecontext(&top->context, (void (*)(void))start, 4, (unsigned)(uintptr_t)body,
              (unsigned)((uintptr_t)body >> 32), (unsigned)(uintptr_t)ctx,
              (unsigned)((uintptr_t)ctx >> 32));
  enter(m);
}

void image_leave(struct images *m) { swapcontext(&top_of(m)->context, &m->outside); }

/* -- leaves ------------------------------------------------------------------------------------- */

static char *leaf_at(const struct part *p, int part, uint32_t i) {
  return part == PART_STACK ? p->start - (size_t)(i + 1) * IMAGE_LEAF
                            : p->start + (size_t)i * IMAGE_LEAF;
}

static char *shadow_at(const struct part *p, uint32_t i) {
  return p->shadow + (size_t)i * IMAGE_LEAF;
}

static bool grow(struct part *p, uint32_t leaves) {
  if (leaves <= p->cap)
    return true;
  uint32_t cap = p->cap ? p->cap : 16;
  while (cap < leaves)
    cap *= 2;
  char *shadow = realloc(p->shadow, (size_t)cap * IMAGE_LEAF);
  if (shadow)
    p->shadow = shadow;
  bool *empty = realloc(p->empty, cap * sizeof *empty);
  if (empty)
    p->empty = empty;
  uint32_t *ids = shadow && empty ? realloc(p->ids, cap * sizeof *ids) : NULL;
  if (!ids)
    return false;
  memset(ids + p->cap, 0, (cap - p->cap) * sizeof *ids);
  memset(empty + p->cap, 0, (cap - p->cap) * sizeof *empty);
  p->ids = ids;
  p->cap = cap;
  return true;
}

static uint32_t leaves_of(size_t bytes) {
  return (uint32_t)((bytes + IMAGE_LEAF - 1) / IMAGE_LEAF);
}

/* The stack pointer of the process that has left. */
static char *stack_pointer(const struct images *m) {
#if defined __x86_64__
  return (char *)(uintptr_t)top_of(m)->context.uc_mcontext.gregs[REG_RSP];
#elif defined __aarch64__
  return (char *)(uintptr_t)top_of(m)->context.uc_mcontext.sp;
#else
#error "where is the stack pointer in a ucontext_t of this machine?"
#endif
}

/* Leaves of the heap that lie in free pages. */
static void find_empty(struct images *m) {
  struct part *p = &m->parts[PART_HEAP];
  size_t at, bytes;
  memset(p->empty, 0, p->leaves * sizeof *p->empty);
  for (size_t from = 0; (bytes = arena_free_run(m->arena, from, &at)); from = at + bytes)
    for (size_t k = (at + IMAGE_LEAF - 1) / IMAGE_LEAF; (k + 1) * IMAGE_LEAF <= at + bytes; k++)
      p->empty[k] = true;
}

/* Where each part lies now. What is below the stack pointer, and after the end of the others in
 * their last leaf, means nothing: it becomes 0, so that equal memory is equal. */
static bool measure(struct images *m) {
  struct arena_part of[2];
  char *sp = stack_pointer(m), *end = m->stack + IMAGE_STACK;
  uint32_t leaves[PARTS];
  arena_parts(m->arena, of);
  for (int i = 0; i < 2; i++) {
    leaves[i] = leaves_of(of[i].bytes);
    m->parts[i].start = of[i].start;
  }
  size_t rest = leaves[PART_HEAP] * (size_t)IMAGE_LEAF - of[PART_HEAP].bytes;
  memset(of[PART_HEAP].start + of[PART_HEAP].bytes, 0, rest);
  leaves[PART_STACK] = leaves_of((size_t)(end - sp));
  m->parts[PART_STACK].start = end;
  char *lowest = end - (size_t)leaves[PART_STACK] * IMAGE_LEAF;
#ifdef SANITIZED
  ASAN_UNPOISON_MEMORY_REGION(lowest, (size_t)(end - lowest));
#endif
  memset(lowest, 0, (size_t)(sp - lowest));
  for (int i = 0; i < PARTS; i++) {
    if (!grow(&m->parts[i], leaves[i]))
      return false;
    for (uint32_t k = leaves[i]; k < m->parts[i].leaves; k++)
      m->parts[i].ids[k] = 0;
    m->parts[i].leaves = leaves[i];
  }
  find_empty(m);
  return true;
}

/* -- save --------------------------------------------------------------------------------------- */

#ifdef SANITIZED
#define READS_ALL __attribute__((no_sanitize("address")))
#else
#define READS_ALL
#endif

READS_ALL static bool same(const char *a, const char *b, size_t len) {
#ifdef SANITIZED
  for (size_t i = 0; i < len; i++)
    if (a[i] != b[i])
      return false;
  return true;
#else
  return memcmp(a, b, len) == 0;
#endif
}

READS_ALL static void copy(char *to, const char *from, size_t len) {
#ifdef SANITIZED
  for (size_t i = 0; i < len; i++)
    to[i] = from[i];
#else
  memcpy(to, from, len);
#endif
}

static bool save_leaf(struct images *m, struct part *p, int part, uint32_t i) {
  uint32_t blocks[IMAGE_LEAF_BLOCKS] = {0};
  if (p->empty[i]) {
    p->ids[i] = 0;
    return true;
  }
  char *now = leaf_at(p, part, i), *shadow = shadow_at(p, i);
  bool known = p->ids[i] != 0;
  if (known && same(now, shadow, IMAGE_LEAF))
    return true;
  if (known)
    memcpy(blocks, intern_get(m->blocks, p->ids[i], NULL), sizeof blocks);
  for (uint32_t k = 0; k < IMAGE_LEAF_BLOCKS; k++) {
    size_t at = (size_t)k * IMAGE_BLOCK;
    if (known && same(now + at, shadow + at, IMAGE_BLOCK))
      continue;
    copy(shadow + at, now + at, IMAGE_BLOCK);
    blocks[k] = intern_put(m->blocks, shadow + at, IMAGE_BLOCK, NULL);
    if (!blocks[k])
      return false;
  }
  p->ids[i] = intern_put(m->blocks, blocks, sizeof blocks, NULL);
  return p->ids[i] != 0;
}

static bool fit_root(struct images *m, uint32_t words) {
  if (words <= m->root_cap)
    return true;
  uint32_t *root = realloc(m->root, 2 * words * sizeof *root);
  if (!root)
    return false;
  m->root = root;
  m->root_cap = 2 * words;
  return true;
}

uint32_t image_save(struct images *m) {
  uint32_t words = PARTS, at = 0;
  if (m->present)
    return m->present;
  if (!measure(m))
    return 0;
  for (int i = 0; i < PARTS; i++)
    words += m->parts[i].leaves;
  if (!fit_root(m, words))
    return 0;
  for (int i = 0; i < PARTS; i++) {
    struct part *p = &m->parts[i];
    m->root[at++] = p->leaves;
    for (uint32_t k = 0; k < p->leaves; k++) {
      if (!save_leaf(m, p, i, k))
        return 0;
      m->root[at++] = p->ids[k];
    }
  }
  return m->present = intern_put(m->blocks, m->root, at * sizeof *m->root, NULL);
}

/* -- load --------------------------------------------------------------------------------------- */

/* The shadow has what is present: only blocks that differ are copied. */
static void load_leaf(struct images *m, struct part *p, int part, uint32_t i, uint32_t id) {
  uint32_t want[IMAGE_LEAF_BLOCKS], has[IMAGE_LEAF_BLOCKS] = {0};
  char *now = leaf_at(p, part, i), *shadow = shadow_at(p, i);
  memcpy(want, intern_get(m->blocks, id, NULL), sizeof want);
  if (p->ids[i])
    memcpy(has, intern_get(m->blocks, p->ids[i], NULL), sizeof has);
  for (uint32_t k = 0; k < IMAGE_LEAF_BLOCKS; k++) {
    size_t at = (size_t)k * IMAGE_BLOCK;
    if (want[k] == has[k])
      continue;
    const char *block = (const char *)intern_get(m->blocks, want[k], NULL);
    copy(now + at, block, IMAGE_BLOCK);
    memcpy(shadow + at, block, IMAGE_BLOCK);
  }
  p->ids[i] = id;
}

void image_load(struct images *m, uint32_t image) {
  if (m->present == image)
    return;
  if (!m->present)
    image_save(m); /* so that the shadow has it */
  const uint32_t *root = (const void *)intern_get(m->blocks, image, NULL);
#ifdef SANITIZED
  ASAN_UNPOISON_MEMORY_REGION(m->stack, IMAGE_STACK);
#endif
  for (int i = 0; i < PARTS; i++) {
    struct part *p = &m->parts[i];
    uint32_t leaves = *root++;
    for (uint32_t k = 0; k < leaves; k++)
      if (root[k] == 0)
        p->ids[k] = 0;
      else if (p->ids[k] != root[k])
        load_leaf(m, p, i, k, root[k]);
    if (i == PART_RECORDS && p->leaves > leaves) /* the arena expects nothing there */
      memset(leaf_at(p, i, leaves), 0, (size_t)(p->leaves - leaves) * IMAGE_LEAF);
    for (uint32_t k = leaves; k < p->leaves; k++)
      p->ids[k] = 0;
    p->leaves = leaves;
    root += leaves;
  }
  m->present = image;
}

/* -- keep --------------------------------------------------------------------------------------- */

/* From one table into another: map[old number] is the new one, 0: not carried so far. */
struct carrier {
  const struct intern *from;
  struct intern *to;
  uint32_t *map;
};

static uint32_t carry_block(struct carrier *c, uint32_t id) {
  size_t len;
  const uint8_t *bytes = intern_get(c->from, id, &len);
  if (!c->map[id])
    c->map[id] = intern_put(c->to, bytes, len, NULL);
  return c->map[id];
}

static uint32_t carry_leaf(struct carrier *c, uint32_t id) {
  uint32_t blocks[IMAGE_LEAF_BLOCKS];
  if (c->map[id])
    return c->map[id];
  memcpy(blocks, intern_get(c->from, id, NULL), sizeof blocks);
  for (int k = 0; k < IMAGE_LEAF_BLOCKS; k++)
    if (!(blocks[k] = carry_block(c, blocks[k])))
      return 0;
  return c->map[id] = intern_put(c->to, blocks, sizeof blocks, NULL);
}

static uint32_t carry_root(struct images *m, struct carrier *c, uint32_t id) {
  size_t len, at = 0;
  const uint32_t *root = (const void *)intern_get(c->from, id, &len);
  if (c->map[id])
    return c->map[id];
  if (!fit_root(m, (uint32_t)(len / sizeof *root)))
    return 0;
  for (int i = 0; i < PARTS; i++) {
    uint32_t leaves = m->root[at] = root[at];
    for (at++; leaves > 0; leaves--, at++) {
      m->root[at] = root[at] ? carry_leaf(c, root[at]) : 0;
      if (root[at] && !m->root[at])
        return 0;
    }
  }
  return c->map[id] = intern_put(c->to, m->root, len, NULL);
}

int images_keep(struct images *m, uint32_t *const images[], uint32_t n) {
  struct carrier c = {.from = m->blocks, .to = intern_new()};
  bool ok = c.to && (c.map = calloc((size_t)intern_count(m->blocks) + 1, sizeof *c.map));
  for (uint32_t i = 0; ok && i < n; i++)
    ok = carry_root(m, &c, *images[i]) != 0;
  if (!ok) {
    intern_free(c.to);
    free(c.map);
    return -SBX_ENOMEM;
  }
  for (uint32_t i = 0; i < n; i++)
    *images[i] = c.map[*images[i]];
  for (int i = 0; i < PARTS; i++)
    for (uint32_t k = 0; k < m->parts[i].leaves; k++)
      m->parts[i].ids[k] = c.map[m->parts[i].ids[k]];
  m->present = c.map[m->present];
  intern_free(m->blocks);
  m->blocks = c.to;
  free(c.map);
  return 0;
}
