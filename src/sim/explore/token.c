/* sim/explore/token.c - see token.h. */
#include "sim/explore/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/graph.h"

#define FORM "sbx1:"

uint32_t token_hash(uint32_t before, const void *text, size_t len) {
  const unsigned char *bytes = text;
  uint32_t hash = before;
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ bytes[i]) * UINT32_C(16777619); /* FNV-1a */
  return hash;
}

const char *token_kind_name(enum op_kind kind) {
  static const char *const names[OP_COUNT] = {
      [OP_NONE] = "NONE",
#define OP(kind, type, blocks, verb, past, reads, writes) [OP_##kind] = #kind,
#include "object/ops.def"
  };
  return names[kind < OP_COUNT ? kind : OP_NONE];
}

/* -- reading ------------------------------------------------------------------------------------- */

static const char cut_off[] = "is cut off: it ends with ~ and four hexadecimal digits";
static const char no_memory[] = "does not fit into memory";

/* `digits` hexadecimal digits. */
static bool take_hex(const char **at, size_t digits, uint32_t *ret) {
  char text[9] = "";
  if (strspn(*at, "0123456789abcdef") < digits)
    return false;
  memcpy(text, *at, digits);
  *ret = (uint32_t)strtoul(text, NULL, 16);
  *at += digits;
  return true;
}

static bool take_number(const char **at, uint32_t *ret) {
  char *end;
  size_t digits = strspn(*at, "0123456789");
  unsigned long n = digits > 0 && digits < 10 ? strtoul(*at, &end, 10) : 0;
  *ret = (uint32_t)n;
  if (digits == 0 || digits >= 10)
    return false;
  *at = end;
  return true;
}

static bool take(const char **at, const char *text) {
  if (strncmp(*at, text, strlen(text)) != 0)
    return false;
  *at += strlen(text);
  return true;
}

/* "2>p2", "2>p2.1", "2!p2". False: it is none. */
static bool take_turn(const char **at, struct token_turn *turn) {
  *turn = (struct token_turn){0};
  if (!take_number(at, &turn->step))
    return false;
  turn->kill = take(at, "!p");
  if ((!turn->kill && !take(at, ">p")) || !take_number(at, &turn->process))
    return false;
  return turn->kill || !take(at, ".") || take_number(at, &turn->choice);
}

static const char *take_turns(const char **at, struct token *t) {
  static const char strange[] = "has something in it that is no step";
  uint32_t cap = 0, before = 0;
  while (**at != '~' && **at != '@' && **at != '\0') {
    struct token_turn turn;
    if (t->count > 0 && !take(at, ","))
      return strange;
    if (**at == '\0')
      return cut_off;
    if (!take_turn(at, &turn))
      return (*at)[strspn(*at, "0123456789>!.p")] == '\0' ? cut_off : strange;
    if (turn.step <= before)
      return "has steps that do not come one after the other";
    before = turn.step;
    if (t->count == cap) {
      cap = cap ? 2 * cap : 16;
      struct token_turn *grown = realloc(t->turns, cap * sizeof *grown);
      if (!grown)
        return no_memory;
      t->turns = grown;
    }
    t->kills += turn.kill;
    t->turns[t->count++] = turn;
  }
  return NULL;
}

static const char *parse(const char *at, struct token *t) {
  uint32_t sum;
  if (strncmp(at, "sbxs", 4) == 0)
    return "names pauses, and is one of --shake-token";
  if (strncmp(at, "sbx", 3) != 0)
    return "is not one of --explore: those begin with " FORM;
  if (!take(&at, FORM)) {
    at += 3 + strspn(at + 3, "0123456789");
    return *at == ':' ? "is of another version: this one reads " FORM : cut_off;
  }
  if (!take_hex(&at, 8, &t->script) || !take(&at, ":v"))
    return at[strspn(at, "0123456789abcdef:")] == '\0' ? cut_off : "has no hash of a script";
  t->clock = take(&at, "c");
  t->ends = take(&at, "e");
  t->done = take(&at, "d");
  t->function = take(&at, "f");
  if (!take(&at, ":"))
    return *at == '\0' ? cut_off : "is of another version";
  const char *wrong = take_turns(&at, t);
  if (wrong)
    return wrong;
  if (take(&at, "@") && (!take_number(&at, &t->loop) || !take(&at, "+") ||
                         !take_number(&at, &t->round) || t->round == 0))
    return cut_off;
  if (!take(&at, "~") || !take_hex(&at, 4, &sum))
    return cut_off;
  t->sum = (uint16_t)sum;
  return *at == '\0' ? NULL : "goes on behind its end";
}

const char *token_parse(const char *text, struct token *ret) {
  *ret = (struct token){0};
  const char *wrong = parse(text, ret);
  if (wrong)
    token_release(ret);
  return wrong;
}

void token_release(struct token *t) {
  free(t->turns);
  *t = (struct token){0};
}

/* -- writing ------------------------------------------------------------------------------------- */

/* On from the end of the path, until it is over. */
static int go_on(const struct exploration *x, struct walk *w) {
  int rc = 0;
  while (rc == 0 && !w->again && x->states[w->state].looked_at && x->states[w->state].count > 0)
    rc = walk_take(x, w, walk_default(x, w));
  return rc;
}

/* Which of the steps of its process is it? A select may have several, by what it chooses. */
static uint32_t choice_of(const struct exploration *x, uint32_t state, uint32_t k) {
  const struct explore_step *steps = exploration_steps(x, state);
  uint32_t n = 0;
  for (uint32_t i = 0; i < k; i++)
    n += steps[i].process == steps[k].process && !steps[i].kill;
  return n;
}

static int put_turn(const struct exploration *x, uint32_t state, uint32_t k, uint32_t number,
                    bool first, struct buf *out) {
  const struct explore_step *step = &exploration_steps(x, state)[k];
  uint32_t choice = step->kill ? 0 : choice_of(x, state, k);
  int rc = buf_format(out, "%s%u%sp%u", first ? "" : ",", (unsigned)number, step->kill ? "!" : ">",
                      (unsigned)step->process);
  return rc || choice == 0 ? rc : buf_format(out, ".%u", (unsigned)choice);
}

int token_write(const struct exploration *x, const uint32_t *path, uint32_t len, uint32_t loop,
                uint32_t script, bool function, struct buf *out) {
  struct walk w = WALK_BEGIN;
  bool first = true;
  int rc = buf_format(out, FORM "%08x:v%s%s%s%s:", (unsigned)script, x->options.clock ? "c" : "",
                      x->ends_are_steps ? "e" : "", x->counts_done ? "d" : "", function ? "f" : "");
  for (uint32_t i = 0; i < len && rc == 0; i++) {
    if (path[i] != walk_default(x, &w)) {
      rc = put_turn(x, w.state, path[i], i + 1, first, out);
      first = false;
    }
    if (rc == 0)
      rc = walk_take(x, &w, path[i]);
  }
  if (rc == 0 && loop != EXPLORE_NONE)
    rc = buf_format(out, "@%u+%u", (unsigned)loop, (unsigned)(len - loop));
  else if (rc == 0)
    rc = go_on(x, &w);
  if (rc == 0)
    rc = buf_format(out, "~%04x", (unsigned)walk_sum(&w));
  free(w.path);
  return rc;
}
