/* host/far_waits.c - see far_waits.h. */
#include "host/far_waits.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "look/gather.h"
#include "os/supervisor/snapshot.h"

enum { LIST_TTL_S = 10 };

void far_waits_answer(struct far_waits_page *page, struct control *c) {
  struct snapshot s;
  struct buf bytes = {0};
  uint64_t asked = atomic_load(&page->asked);
  if (asked == atomic_load(&page->answered))
    return;
  int rc = snapshot_take(c, SNAPSHOT_QUEUES, &s);
  if (rc == 0) {
    rc = gather_write(&s, &bytes);
    snapshot_release(&s);
  }
  page->len = rc == 0 && bytes.len <= sizeof page->bytes ? bytes.len : 0;
  if (page->len)
    memcpy(page->bytes, bytes.data, page->len);
  buf_release(&bytes);
  atomic_store(&page->answered, asked);
  kill(getppid(), SIGCHLD);
}

void far_waits_ask(struct far_waits_asked *a, const void *data, size_t len, int supervisor) {
  if (len >= sizeof a->list)
    return;
  memcpy(a->list, data, len);
  a->list[len] = '\0';
  atomic_fetch_add(&a->page->asked, 1);
  kill(supervisor, SIGCHLD);
}

size_t far_waits_key(char ret[ENGINE_KEY], const char *run, const char *list) {
  return engine_key(ret, run, "looks:%s", list);
}

int far_waits_send(struct far_waits_asked *a, struct engine *e, const char *run, uint64_t number) {
  uint64_t answered = atomic_load(&a->page->answered);
  char key[ENGINE_KEY], ttl[16];
  struct engine_reply *r;
  struct buf message = {0};
  if (answered == a->told || answered != atomic_load(&a->page->asked))
    return 0;
  a->told = answered;
  far_waits_key(key, run, a->list);
  int rc = buf_append(&message, &number, sizeof number);
  if (rc == 0)
    rc = buf_append(&message, a->page->bytes, a->page->len);
  if (rc == 0)
    rc = engine_ask(e, 3,
                    (struct engine_arg[]){engine_text("RPUSH"), engine_text(key),
                                          engine_bytes(message.data, message.len)},
                    &r);
  buf_release(&message);
  if (rc)
    return rc;
  engine_free(r);
  snprintf(ttl, sizeof ttl, "%d", LIST_TTL_S);
  rc = engine_ask(
      e, 3, (struct engine_arg[]){engine_text("EXPIRE"), engine_text(key), engine_text(ttl)}, &r);
  if (rc == 0)
    engine_free(r);
  return rc;
}
