/* host/engine.c - see engine.h. */
#include "host/engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/net.h"
#include "os/backend.h"
#include "os/outside.h"
#include "sandbox/sandbox.h"

static_assert(NET_SLOT == OUTSIDE_SLOT, "both sides know objects outside by it");

/* Of this process, in which there is one run. */
static struct {
  struct net_options net;
  struct net_below below;
  struct net_keeper keeper;
  struct net *front;
} run;

const char *engine_wanted(const struct options *o) {
  if (o->engine)
    return o->engine;
  const char *url = getenv("SANDBOX_ENGINE");
  return url && *url && !o->sim && !o->replay && !o->ignore_environment ? url : NULL;
}

static int refuse(const char *why) {
  fprintf(stderr, "sandbox: %s\n", why);
  return EXIT_USAGE;
}

/* The run is noted, so that others can see that it is there. */
static int write_run(struct engine *e) {
  static const char version[] = "sandbox " SANDBOX_VERSION;
  char key[ENGINE_KEY], ttl[16];
  struct engine_reply *r;
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

int engine_begin(const struct options *o) {
  const char *url = engine_wanted(o), *none;
  struct engine_options *e = &run.net.engine;
  char why[ENGINE_WHY];
  struct engine *engine;
  if (!engine_available(&none))
    return refuse(none);
  *e = (struct engine_options){.timeout_ns = o->engine_timeout_ns, .insecure = o->engine_insecure};
  int rc = engine_parse(url, &e->address, why);
  if (o->engine) /* everybody may read the arguments of a process */
    engine_hide_password((char *)(uintptr_t)o->engine);
  if (rc || engine_open(e, &engine, why))
    return refuse(why);
  engine_note_name(&e->address);
  engine_draw_run(run.net.run);
  rc = write_run(engine);
  engine_close(engine);
  return rc ? refuse(error_text(rc)) : 0;
}

struct os_backend *engine_backend(struct control *c) {
  struct os_backend *b = backend_new(c);
  if (!b)
    return NULL;
  run.below = (struct net_below){
      .ctx = b, .sleep = outside_sleep, .make = outside_make, .drop = outside_drop};
  run.net.keeper = -1;
  int rc = net_keeper_start(&run.net, true, &run.keeper);
  if (rc == 0) {
    run.net.keeper = run.keeper.births;
    rc = net_install(&b->base, &run.net, &run.below, &run.front);
  }
  if (rc) {
    engine_end();
    free(b);
    return NULL;
  }
  return b;
}

void engine_end(void) {
  net_release(run.front);
  run.front = NULL;
  net_keeper_end(&run.keeper);
}
