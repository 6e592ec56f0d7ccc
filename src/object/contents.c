/* object/contents.c - see contents.h. */
#include "object/contents.h"

#include <string.h>

#include "base/error.h"

enum { HEAD = 2 * sizeof(uint32_t) };

static size_t size_of(const struct content *e) { return HEAD + e->key_len + e->len; }

bool contents_next(const struct buf *c, size_t *at, struct content *ret) {
  if (*at >= c->len)
    return false;
  const uint8_t *entry = c->data + *at;
  memcpy(&ret->key_len, entry, sizeof ret->key_len);
  memcpy(&ret->len, entry + sizeof ret->key_len, sizeof ret->len);
  ret->key = entry + HEAD;
  ret->data = ret->key + ret->key_len;
  *at += size_of(ret);
  return true;
}

uint64_t contents_count(const struct buf *c) {
  struct content e;
  uint64_t n = 0;
  for (size_t at = 0; contents_next(c, &at, &e);)
    n++;
  return n;
}

/* Open a gap at `at` and write an entry into it. */
static int insert(struct buf *c, size_t at, const struct content *e) {
  size_t size = size_of(e);
  int rc = buf_reserve(c, size);
  if (rc)
    return rc;
  uint8_t *to = c->data + at;
  memmove(to + size, to, c->len - at);
  memcpy(to, &e->key_len, sizeof e->key_len);
  memcpy(to + sizeof e->key_len, &e->len, sizeof e->len);
  if (e->key_len)
    memcpy(to + HEAD, e->key, e->key_len);
  if (e->len)
    memcpy(to + HEAD + e->key_len, e->data, e->len);
  c->len += size;
  return 0;
}

static void cut(struct buf *c, size_t at, size_t size) {
  memmove(c->data + at, c->data + at + size, c->len - at - size);
  c->len -= size;
}

/* -- a sequence -------------------------------------------------------------------------------- */

int contents_put(struct buf *c, const void *data, uint32_t len) {
  return insert(c, c->len, &(struct content){.data = data, .len = len});
}

bool contents_front(const struct buf *c, struct content *ret) {
  size_t at = 0;
  return contents_next(c, &at, ret);
}

void contents_take(struct buf *c) {
  struct content e;
  if (contents_front(c, &e))
    cut(c, 0, size_of(&e));
}

/* -- a table ----------------------------------------------------------------------------------- */

static int compare(const struct content *e, const void *key, uint32_t key_len) {
  uint32_t both = e->key_len < key_len ? e->key_len : key_len;
  int order = both ? memcmp(e->key, key, both) : 0;
  return order ? order : (e->key_len > key_len) - (e->key_len < key_len);
}

/* Find the position of a key. False: it is absent, and the position is where it belongs. */
static bool seek(const struct buf *c, const void *key, uint32_t key_len, size_t *ret_at,
                 struct content *ret) {
  for (size_t at = *ret_at = 0; contents_next(c, &at, ret); *ret_at = at) {
    int order = compare(ret, key, key_len);
    if (order >= 0)
      return order == 0;
  }
  return false;
}

bool contents_find(const struct buf *c, const void *key, uint32_t key_len, struct content *ret) {
  size_t at;
  return seek(c, key, key_len, &at, ret);
}

int contents_set(struct buf *c, const void *key, uint32_t key_len, const void *data, uint32_t len) {
  struct content old, new = {.key = key, .key_len = key_len, .data = data, .len = len};
  size_t at;
  bool found = seek(c, key, key_len, &at, &old);
  int rc = insert(c, at, &new);
  if (rc == 0 && found)
    cut(c, at + size_of(&new), size_of(&old));
  return rc;
}

bool contents_remove(struct buf *c, const void *key, uint32_t key_len) {
  struct content old;
  size_t at;
  if (!seek(c, key, key_len, &at, &old))
    return false;
  cut(c, at, size_of(&old));
  return true;
}
