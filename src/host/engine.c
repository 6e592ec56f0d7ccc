/* host/engine.c - see engine.h. */
#include "host/engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "host/far.h"
#include "host/lookout.h"
#include "net/survey.h"
#include "os/backend.h"
#include "os/outside.h"
#include "os/shared/results.h"
#include "os/shared/self.h"
#include "sandbox/sandbox.h"

static_assert(NET_SLOT == OUTSIDE_SLOT, "both sides know objects outside by it");

/* Of this process, in which there is one run. */
static struct {
  struct net_options net;
  struct net_below below;
  struct net_keeper keeper;
  struct net *front;
  bool watched, guided; /* as engine_watch was told */
} run;

/* The run is noted, so that others can see that it is there; and what its host is called. */
static int write_run(struct engine *e) {
  static const char version[] = "sandbox " SANDBOX_VERSION;
  char key[ENGINE_KEY], ttl[16], about[NAME_MAX_BYTES + 16];
  struct engine_reply *r;
  engine_key(key, run.net.run, NET_FLEET);
  snprintf(about, sizeof about, "0 - %s 0", far_setup.here);
  if (far_setup.here[0]) {
    int failed = engine_ask(e, 4,
                            (struct engine_arg[]){engine_text("HSET"), engine_text(key),
                                                  engine_text("0"), engine_text(about)},
                            &r);
    if (failed)
      return failed;
    engine_free(r);
    if ((failed = far_renew(e, key)))
      return failed;
  }
  const struct engine_arg args[] = {
      engine_text("SET"), engine_bytes(key, engine_key(key, run.net.run, "run")),
      engine_text(version), engine_text("EX"),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S))};
  int rc = engine_ask(e, 5, args, &r);
  if (rc)
    return rc;
  rc = engine_type(r) == ENGINE_ERROR ? -SBX_ENOSPC : 0;
  engine_free(r);
  return rc;
}

int engine_choose(const struct engine_options *e, const char *name, uint16_t host) {
  struct engine *engine;
  run.net = (struct net_options){.engine = *e, .host = host, .keeper = -1};
  text_copy(run.net.run, sizeof run.net.run, name);
  int rc = host == 0 ? engine_new(e, &engine) : 0;
  if (host || rc)
    return rc;
  rc = write_run(engine);
  engine_close(engine);
  return rc;
}

void engine_main_is(uint64_t stand_in, uint64_t spawner) {
  run.net.stand_in = stand_in;
  run.net.spawner = spawner;
}

uint64_t engine_process(uint32_t slot, uint64_t serial) {
  return run.net.stand_in && slot == 0 ? run.net.stand_in : net_process(run.net.host, slot, serial);
}

struct os_backend *engine_backend(struct control *c) {
  struct os_backend *b = backend_new(c);
  if (!b)
    return NULL;
  int rc = results_create(&b->results); /* the keeper reads it */
  run.below = (struct net_below){.ctx = b,
                                 .sleep = outside_sleep,
                                 .make = outside_make,
                                 .drop = outside_drop,
                                 .outcome = outside_outcome,
                                 .signal = outside_signal,
                                 .noted = outside_noted,
                                 .file = b->results};
  run.net.keeper = -1;
  if (rc == 0)
    rc = net_keeper_start(&run.net, run.net.host == 0, &run.below, &run.keeper);
  if (rc == 0) {
    run.net.keeper = run.keeper.births;
    rc = net_install(&b->base, &run.net, &run.below, &run.front);
  }
  if (rc == 0 && run.watched)
    rc = lookout_start(&run.net, c, run.guided);
  if (rc) {
    engine_end();
    if (b->results >= 0)
      close(b->results);
    backend_free(b);
    return NULL;
  }
  return b;
}

void engine_watch(bool guided) {
  run.watched = true;
  run.guided = guided;
}

int engine_survey(struct snapshot *s) { return net_survey(&run.net, s); }

void engine_end(void) {
  net_release(run.front);
  run.front = NULL;
  net_keeper_end(&run.keeper);
}
