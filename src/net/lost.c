/* net/lost.c - a host of a run that is lost: its processes are dead, whether they live or not; see net.h. */
#include <stdlib.h>

#include "net/internal.h"

int net_bury_host(struct engine *e, const char *run, uint16_t host) {
  struct net_options o = {.host = host, .keeper = -1};
  struct engine_reply *r;
  char key[ENGINE_KEY];
  size_t len = engine_key(key, run, "procs");
  memcpy(o.run, run, strnlen(run, sizeof o.run - 1));
  int rc =
      engine_ask(e, 2, (struct engine_arg[]){engine_text("SMEMBERS"), engine_bytes(key, len)}, &r);
  if (rc)
    return rc;
  for (size_t i = 0; i < engine_count(r) && rc == 0; i++) {
    const struct engine_reply *p = engine_at(r, i);
    bool whole = engine_type(p) == ENGINE_BYTES && engine_len(p) == sizeof(uint64_t);
    uint64_t who = whole ? state_get64(engine_data(p)) : 0;
    if (whole && who_slot(who) == host)
      rc = net_bury(e, &o, who);
  }
  engine_free(r);
  return rc;
}
