/* net/wire.c - what goes to the engine and comes back: commit, look, recall; who is dead. See net.h, scripts.h. */
#include <stdlib.h>
#include <unistd.h>

#include "net/internal.h"

/* -- arguments ---------------------------------------------------------------------------------- */

void args_begin(struct net_args *a) {
  a->v = a->own;
  a->count = a->rc = 0;
  a->cap = ARGS_OWN;
}

static bool grow(struct net_args *a) {
  struct engine_arg *v = malloc((size_t)(2 * a->cap) * sizeof *v);
  if (!v)
    return false;
  memcpy(v, a->v, (size_t)a->count * sizeof *v);
  if (a->v != a->own)
    free(a->v);
  a->v = v;
  a->cap *= 2;
  return true;
}

void args_add(struct net_args *a, const void *data, size_t len) {
  if (a->count == a->cap && !grow(a))
    a->rc = -SBX_ENOMEM;
  else
    a->v[a->count++] = engine_bytes(data, len);
}

void args_release(struct net_args *a) {
  if (a->v != a->own)
    free(a->v);
  args_begin(a);
}

/* A command has few words. */
static void begin_command(struct net_args *a, const char *what, int words) {
  static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  args_text(a, what);
  args_text(a, digits[words % 10]);
}

void args_command(struct net_args *a, int words) { begin_command(a, "!", words); }
void args_check(struct net_args *a, int words) { begin_command(a, "?", words); }

void args_expect(struct net_args *a, const void *data, size_t len, uint8_t *to) {
  *to = data ? '=' : '-';
  if (data && len)
    memcpy(to + 1, data, len);
  args_add(a, to, data ? 1 + len : 1);
}

/* -- errors ------------------------------------------------------------------------------------- */

/* The engine refuses a script: somebody has written there what scripts do not expect, or it has no room. */
static int refusal(struct engine_reply *r) {
  int rc = engine_refusal(r);
  engine_free(r);
  return rc;
}

/* -- who is dead -------------------------------------------------------------------------------- */

static int by_number(const void *x, const void *y) {
  const uint64_t *a = x, *b = y;
  return (*a > *b) - (*a < *b);
}

static size_t object_key(const struct net *n, char key[ENGINE_KEY], char what, uint64_t id) {
  return engine_key(key, n->o.run, "%c:%llu", what, (unsigned long long)id);
}

static size_t process_key(const struct net *n, char key[ENGINE_KEY], char what) {
  return engine_key(key, n->o.run, "%c:%016llx", what, (unsigned long long)n->who);
}

int net_learn_dead(struct net *n) {
  char key[ENGINE_KEY];
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("SMEMBERS"),
                                    engine_bytes(key, net_key(n, key, "dead"))};
  int rc = engine_ask(n->engine, 2, args, &r);
  if (rc)
    return rc;
  if (engine_type(r) == ENGINE_ERROR)
    return refusal(r);
  size_t found = engine_count(r);
  uint64_t *dead = malloc((found ? found : 1) * sizeof *dead);
  if (dead) {
    free(n->dead);
    n->dead = dead;
    n->dead_count = 0;
    for (size_t i = 0; i < found; i++)
      if (engine_len(engine_at(r, i)) == 8)
        dead[n->dead_count++] = state_get64(engine_data(engine_at(r, i)));
    qsort(dead, n->dead_count, sizeof *dead, by_number);
  }
  engine_free(r);
  return dead ? 0 : -SBX_ENOMEM;
}

/* There are so many. */
static int learn_dead(struct net *n, int64_t count) {
  return count < 0 || (size_t)count == n->dead_count ? 0 : net_learn_dead(n);
}

bool net_is_dead(const struct net *n, uint64_t who) {
  return n->dead_count && bsearch(&who, n->dead, n->dead_count, sizeof *n->dead, by_number);
}

/* -- what is seen -------------------------------------------------------------------------------- */

/* The state of an object came over the connection. */
static int notice(struct net *n, struct net_object *o, const struct engine_reply *r) {
  if (engine_type(r) != ENGINE_BYTES)
    return -SBX_ENOOBJECT;
  o->seen_epoch = 0;
  int rc = state_read(&o->seen, engine_data(r), engine_len(r));
  if (rc == 0 && o->seen.type != o->type)
    rc = -SBX_ENOOBJECT;
  if (rc == 0)
    o->seen_epoch = engine_epoch(n->engine);
  return rc;
}

/* Of an answer: a word, then how many are dead. */
static int read_head(struct net *n, const struct engine_reply *r, enum net_word *ret) {
  static const struct {
    const char *text;
    int word; /* or a code */
  } words[] = {{"ok", WORD_OK},         {"old", WORD_OLD},       {"slow", WORD_SLOW},
               {"joined", WORD_JOINED}, {"full", WORD_FULL},     {"closed", WORD_CLOSED},
               {"crowd", WORD_CROWD},   {"void", WORD_OLD},      {"late", WORD_OLD},
               {"dead", -SBX_EFENCED},  {"gone", -SBX_EFLUSHED}, {"hand", -SBX_EHAND},
               {"hands", -SBX_EHANDS},  {"tasks", -SBX_ETASKS}};
  const char *text =
      engine_type(engine_at(r, 0)) == ENGINE_BYTES ? engine_data(engine_at(r, 0)) : "";
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(text, words[i].text) == 0) {
      if (words[i].word < 0) {
        n->fenced |= words[i].word == -SBX_EFENCED;
        return words[i].word;
      }
      *ret = (enum net_word)words[i].word;
      return engine_type(engine_at(r, 1)) == ENGINE_INTEGER
                 ? learn_dead(n, engine_integer(engine_at(r, 1)))
                 : 0;
    }
  return -SBX_ENOOBJECT;
}

int net_look(struct net *n, struct net_object *o, const struct net_args *a,
             struct engine_reply **ret) {
  char keys[3][ENGINE_KEY];
  struct net_args all;
  struct engine_reply *r = NULL;
  enum net_word word;
  int rc;
  args_begin(&all);
  args_add(&all, keys[0], object_key(n, keys[0], 'o', o->id));
  args_add(&all, keys[1], net_key(n, keys[1], "dead"));
  args_add(&all, keys[2], object_key(n, keys[2], 'c', o->id));
  for (int i = 0; a && i < a->count; i++)
    args_add(&all, a->v[i].data, a->v[i].len);
  do
    rc = all.rc ? all.rc : engine_eval(n->engine, &script_look, 3, all.count, all.v, &r);
  while (rc == -SBX_EAGAIN);
  args_release(&all);
  if (rc)
    return rc;
  if (engine_type(r) == ENGINE_ERROR)
    return refusal(r);
  rc = read_head(n, r, &word);
  if (rc == 0)
    rc = notice(n, o, engine_at(r, 2));
  if (rc || !ret)
    engine_free(r);
  else
    *ret = r;
  return rc;
}

int net_see(struct net *n, struct net_object *o) {
  if (o->seen_epoch && o->seen_epoch == engine_epoch(n->engine))
    return 0;
  return net_look(n, o, NULL, NULL);
}

/* -- once --------------------------------------------------------------------------------------- */

/* The answer to what was sent last was lost. */
static int recall(struct net *n, const uint8_t sequence[8], struct engine_reply **ret) {
  char key[ENGINE_KEY], ttl[16];
  const struct engine_arg args[] = {
      engine_bytes(key, process_key(n, key, 'r')), engine_bytes(sequence, 8),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S))};
  int rc;
  do
    rc = engine_eval(n->engine, &script_recall, 1, 3, args, ret);
  while (rc == -SBX_EAGAIN);
  return rc;
}

int net_once(struct net *n, struct engine_script *script, struct net_object *o,
             const struct net_args *a, struct engine_reply **ret) {
  char keys[5][ENGINE_KEY], ttl[16];
  uint8_t sequence[8];
  struct net_args all;
  enum net_word word = WORD_OLD;
  *ret = NULL;
  state_put64(sequence, ++n->sequence);
  args_begin(&all);
  args_add(&all, keys[0], object_key(n, keys[0], 'o', o->id));
  args_add(&all, keys[1], process_key(n, keys[1], 'r'));
  args_add(&all, keys[2], net_key(n, keys[2], "dead"));
  args_add(&all, keys[3], object_key(n, keys[3], 'c', o->id));
  args_add(&all, keys[4], process_key(n, keys[4], 'u'));
  args_add(&all, n->who_bytes, 8);
  args_add(&all, sequence, 8);
  args_text(&all, n->prefix);
  args_add(&all, ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S));
  args_add(&all, o->id_bytes, 8);
  args_text(&all, o->used ? "" : "1");
  for (int i = 0; i < a->count; i++)
    args_add(&all, a->v[i].data, a->v[i].len);
  int rc = all.rc ? all.rc : a->rc;
  if (rc == 0)
    rc = engine_eval(n->engine, script, 5, all.count, all.v, ret);
  args_release(&all);
  if (rc == -SBX_EAGAIN)
    rc = recall(n, sequence, ret);
  if (rc)
    return rc;
  if (engine_type(*ret) == ENGINE_ERROR)
    rc = refusal(*ret);
  else if ((rc = read_head(n, *ret, &word)))
    engine_free(*ret);
  if (rc) {
    *ret = NULL;
    return rc;
  }
  o->used = o->used || engine_count(*ret) > 1; /* void and late did nothing */
  bool brings = word == WORD_OLD || word == WORD_SLOW || word == WORD_JOINED || word == WORD_FULL;
  if (brings && engine_count(*ret) > 2)
    rc = notice(n, o, engine_at(*ret, 2));
  else if (word == WORD_OLD)
    o->seen_epoch = 0;
  if (rc) {
    engine_free(*ret);
    *ret = NULL;
  }
  return rc ? rc : (int)word;
}

/* The bells, one behind the other. */
static int pack_bells(struct buf *to, const uint64_t *bells, uint32_t count) {
  int rc = buf_reserve(to, 8 * (size_t)count);
  for (uint32_t i = 0; i < count && rc == 0; i++, to->len += 8)
    state_put64(to->data + to->len, bells[i]);
  return rc;
}

int net_commit(struct net *n, struct net_object *o, struct net_state *next,
               const struct net_args *commands, const uint64_t *bells, uint32_t bell_count,
               struct engine_reply **ret) {
  uint8_t generation[8];
  struct buf *sent = &n->scratch;
  struct net_args a;
  if (o->seen_epoch == 0 ||
      o->seen_epoch != engine_epoch(n->engine)) { /* another server may count otherwise */
    o->seen_epoch = 0;
    return WORD_OLD;
  }
  struct engine_reply *own = NULL, **reply = ret ? ret : &own;
  sent->len = 0;
  state_put64(generation, o->seen.generation);
  int rc = 0;
  if (next) {
    next->generation = o->seen.generation + 1;
    rc = state_write(next, sent);
  }
  size_t state_len = sent->len;
  if (rc == 0)
    rc = pack_bells(sent, bells, bell_count);
  if (rc)
    return rc;
  args_begin(&a);
  args_add(&a, generation, 8);
  args_add(&a, sent->data, state_len);
  args_add(&a, sent->data + state_len, sent->len - state_len);
  for (int i = 0; commands && i < commands->count; i++)
    args_add(&a, commands->v[i].data, commands->v[i].len);
  if (commands && commands->rc)
    a.rc = commands->rc;
  uint64_t epoch = engine_epoch(n->engine);
  rc = net_once(n, &script_commit, o, &a, reply);
  args_release(&a);
  if (rc == WORD_OK && next && epoch == engine_epoch(n->engine))
    rc = state_copy(&o->seen, next);
  else if (rc == WORD_OK && epoch != engine_epoch(n->engine))
    o->seen_epoch = 0;
  if (!ret || rc != WORD_OK) {
    engine_free(*reply);
    *reply = NULL;
  }
  return rc;
}

/* -- deaths -------------------------------------------------------------------------------------- */

int net_bury(struct engine *e, const struct net_options *o, uint64_t who) {
  char keys[4][ENGINE_KEY], prefix[ENGINE_KEY], ttl[16];
  const uint8_t hand[] = {PLACE_HAND >> 8, PLACE_HAND & 0xff};
  uint8_t bytes[8];
  struct engine_reply *r;
  unsigned long long id = who;
  int rc;
  state_put64(bytes, who);
  const struct engine_arg args[] = {
      engine_bytes(keys[0], engine_key(keys[0], o->run, "dead")),
      engine_bytes(keys[1], engine_key(keys[1], o->run, "u:%016llx", id)),
      engine_bytes(keys[2], engine_key(keys[2], o->run, "r:%016llx", id)),
      engine_bytes(keys[3], engine_key(keys[3], o->run, "procs")),
      engine_bytes(bytes, sizeof bytes),
      engine_bytes(prefix, engine_key(prefix, o->run, "%s", "")),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S)),
      engine_bytes(hand, sizeof hand)};
  do
    rc = engine_eval(e, &script_bury, 4, 8, args, &r);
  while (rc == -SBX_EAGAIN); /* twice is as good as once */
  if (rc == 0)
    engine_free(r);
  return rc;
}

/* -- messages ----------------------------------------------------------------------------------- */

int stored_pack(struct buf *to, const struct object_ref *refs, uint32_t count, const void *data,
                size_t len, const void *more, size_t more_len) {
  int rc = buf_append(to, &count, sizeof count);
  if (rc == 0 && count)
    rc = buf_append(to, refs, count * sizeof *refs);
  if (rc == 0 && len)
    rc = buf_append(to, data, len);
  if (rc == 0 && more_len)
    rc = buf_append(to, more, more_len);
  return rc;
}

int stored_pack_op(struct buf *to, const struct op *op) {
  return stored_pack(to, op->refs ? op->refs->sent : NULL, op->refs ? op->refs->count : 0, op->data,
                     op->len, op->more, op->more_len);
}

int stored_read(const struct engine_reply *r, struct stored *ret) {
  uint32_t count;
  if (engine_type(r) != ENGINE_BYTES || engine_len(r) < sizeof count)
    return -SBX_ENOOBJECT;
  const uint8_t *at = (const uint8_t *)engine_data(r);
  size_t left = engine_len(r) - sizeof count;
  memcpy(&count, at, sizeof count);
  if (count > left / sizeof(struct object_ref))
    return -SBX_ENOOBJECT;
  *ret = (struct stored){.refs = at + sizeof count, .count = count};
  ret->data = ret->refs + count * sizeof(struct object_ref);
  ret->len = left - count * sizeof(struct object_ref);
  return 0;
}

int stored_take(const struct stored *m, struct buf *out, struct buf *taken) {
  int rc = out ? buf_append(out, m->data, m->len) : 0;
  if (rc == 0 && taken && m->count)
    rc = buf_append(taken, m->refs, m->count * sizeof(struct object_ref));
  return rc;
}
