/*
 * tests/conformance/backend_net.c - the cluster backend (src/net) for the conformance suite: the processes are those
 * of backend_os.c, and their objects live in a redis-server that the program starts for itself.
 *
 * So that a lost bell is a hang, and not merely slow, nobody looks by itself in a sequence without deaths:
 * net_look_again_ns is wrapped by the linker (CMakeLists.txt).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend_os.h"
#include "base/error.h"
#include "net/net.h"
#include "os/outside.h"
#include "support/redis.h"

static struct redis server;
static struct net_options options;
static struct net_below below;
static struct net_keeper keeper;
static struct engine *watcher; /* of the process that drives */

static void check(int rc, const char *what) {
  if (rc == 0)
    return;
  fprintf(stderr, "net: %s: %s\n", what, error_text(rc));
  abort();
}

int64_t __real_net_look_again_ns(unsigned looks);
int64_t __wrap_net_look_again_ns(unsigned looks);
int64_t __wrap_net_look_again_ns(unsigned looks) {
  return os_heals ? __real_net_look_again_ns(looks) : SBX_FOREVER;
}

static bool net_start(void) {
  const char *why;
  if (!engine_available(&why)) {
    fprintf(stderr, "left out: %s\n", why);
    return false;
  }
  if (redis_start(&server, ""))
    return true;
  fprintf(stderr, "left out: there is no redis-server here\n");
  return false;
}

static void net_stop(void) { redis_end(&server); }

static void install(struct os_backend *b) {
  char url[64], why[ENGINE_WHY];
  struct net *n;
  snprintf(url, sizeof url, "redis://127.0.0.1:%d", server.port);
  check(engine_parse(url, &options.engine.address, why), why);
  engine_draw_run(options.run);
  check(net_keeper_start(&options, true, NULL, &keeper), "keeper");
  options.keeper = keeper.births;
  below = (struct net_below){
      .ctx = b, .sleep = outside_sleep, .make = outside_make, .drop = outside_drop};
  check(net_install(&b->base, &options, &below, &n), "install");
  check(engine_new(&options.engine, &watcher), "watcher");
}

/* The keeper has buried it, if it ever was in the engine. */
static void ended(uint64_t serial) {
  char key[2][ENGINE_KEY];
  uint8_t who[8];
  uint64_t number = net_who(&options, serial);
  const struct net_birth birth = {.who = number, .pid = 0x3fffffff};
  /* One that has done nothing so far is not known: tell of it, under a number that no process has. */
  if (write(options.keeper, &birth, sizeof birth) != sizeof birth)
    check(-SBX_ESYSTEM, "birth");
  for (int i = 8; i-- > 0; number >>= 8)
    who[i] = (uint8_t)number;
  for (int i = 0; i < 30000; i++) {
    struct engine_reply *r;
    bool living = true;
    const struct engine_arg args[] = {engine_text("SISMEMBER"),
                                      engine_bytes(key[0], engine_key(key[0], options.run, "dead")),
                                      engine_bytes(who, sizeof who)};
    check(engine_ask(watcher, 3, args, &r), "ask");
    living = engine_integer(r) == 0;
    engine_free(r);
    if (!living)
      return;
    usleep(1000);
  }
  check(-SBX_ETIMEDOUT, "a death that nobody noticed");
}

static const struct os_front front = {.install = install, .ended = ended};

static void net_begin(const struct setup *s) {
  os_front = &front;
  os_begin(s);
}

const struct conformance_backend net_conformance = {.name = "net",
                                                    .without_pipes = true,
                                                    .whole_runs = true,
                                                    .start = net_start,
                                                    .stop = net_stop,
                                                    .begin = net_begin,
                                                    OS_DOES};
