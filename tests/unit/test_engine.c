/* net/engine.h: addresses, what is refused and how, reconnecting, processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "net/engine.h"
#include "support/redis.h"

static char why[ENGINE_WHY];

/* -- addresses ---------------------------------------------------------------------------------- */

static void test_parse(void **state) {
  static const struct {
    const char *url;
    struct engine_address a;
  } good[] = {
      {"redis://h", {.host = "h", .port = 6379}},
      {"redis://:p@h:7", {.host = "h", .port = 7, .password = "p"}},
      {"redis://u:p%40:@[::1]:7/3", {.host = "::1", .port = 7, .database = 3, .user = "u", .password = "p@:"}},
      {"redis://:a@b@h/", {.host = "h", .port = 6379, .password = "a@b"}},
      {"unix:///tmp/s", {.host = "/tmp/s"}},
      {"unix:///tmp/s?db=2&password=x", {.host = "/tmp/s", .database = 2, .password = "x"}},
  };
  static const char *const bad[] = {"",           "h",           "http://h",      "redis://",    "redis://:7",
                                    "redis://h:", "redis://h:0", "redis://h:7x",  "redis://h/x", "redis://:%4@h",
                                    "unix://s",   "redis://[::1", "redis://[::1]x", "rediss://h",  "unix:///s?x=1"};
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct engine_address a;
    memset(&a, 1, sizeof a);
    assert_int_equal(engine_parse(good[i].url, &a, why), 0);
    assert_string_equal(a.host, good[i].a.host);
    assert_string_equal(a.user, good[i].a.user);
    assert_string_equal(a.password, good[i].a.password);
    assert_int_equal(a.port, good[i].a.port);
    assert_int_equal(a.database, good[i].a.database);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct engine_address a;
    assert_int_equal(engine_parse(bad[i], &a, why), -SBX_EINVAL);
    assert_non_null(strstr(why, "engine"));
    assert_null(strchr(why, '\n'));
  }
}

static void test_password_of_the_environment(void **state) {
  struct engine_address a;
  (void)state;
  setenv("SANDBOX_PASSWORD", "s", 1);
  assert_int_equal(engine_parse("redis://h", &a, why), 0);
  assert_string_equal(a.password, "s");
  assert_int_equal(engine_parse("redis://:t@h", &a, why), 0);
  assert_string_equal(a.password, "t");
  unsetenv("SANDBOX_PASSWORD");
}

static void test_hide(void **state) {
  static const char *const pairs[][2] = {
      {"redis://:abc@h/2", "redis://:***@h/2"}, {"redis://u:a@b@h", "redis://u:***@h"},
      {"redis://h:7", "redis://h:7"},           {"unix:///s?password=ab&db=1", "unix:///s?password=**&db=1"},
      {"nothing", "nothing"}};
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char url[64];
    strcpy(url, pairs[i][0]);
    engine_hide_password(url);
    assert_string_equal(url, pairs[i][1]);
  }
}

static void test_keys(void **state) {
  char key[ENGINE_KEY], run[ENGINE_RUN], other[ENGINE_RUN];
  (void)state;
  engine_draw_run(run);
  engine_draw_run(other);
  assert_string_not_equal(run, other);
  assert_int_equal(strlen(run), ENGINE_RUN - 1);
  assert_int_equal(engine_key(key, "ab", "o:%d", 7), strlen("sandbox:{ab}:o:7"));
  assert_string_equal(key, "sandbox:{ab}:o:7");
}

/* -- servers ------------------------------------------------------------------------------------ */

static struct redis open_server, closed_server;
static bool there;

static int start(void **state) {
  const char *none;
  (void)state;
  there = engine_available(&none) && redis_start(&open_server, "") &&
          redis_start(&closed_server, "--requirepass secret --maxmemory-policy allkeys-lru");
  if (!there)
    fprintf(stderr, "no redis-server or no hiredis here: the tests of servers are left out\n");
  return 0;
}

static int stop(void **state) {
  (void)state;
  if (there) {
    redis_end(&open_server);
    redis_end(&closed_server);
  }
  return 0;
}

static struct engine_options options_for(const char *format, int port) {
  struct engine_options o = {.timeout_ns = 2 * NS_PER_SECOND};
  char url[128];
  snprintf(url, sizeof url, format, port);
  assert_int_equal(engine_parse(url, &o.address, why), 0);
  return o;
}

static void refused(const char *format, int port, const char *word) {
  struct engine_options o = options_for(format, port);
  struct engine *e = NULL;
  int64_t before = clock_now_ns();
  assert_int_equal(engine_open(&o, &e, why), -SBX_EENGINE);
  assert_true(clock_now_ns() - before < 10 * NS_PER_SECOND);
  if (!strstr(why, word))
    fail_msg("\"%s\" is not in \"%s\"", word, why);
  assert_null(strchr(why, '\n'));
  assert_null(strstr(why, "secret"));
}

static void test_refusals(void **state) {
  (void)state;
  if (!there)
    skip();
  refused("redis://127.0.0.1:%d/99", open_server.port, "no database 99");
  refused("redis://:secret@127.0.0.1:%d", open_server.port, "it has none");
  refused("redis://127.0.0.1:%d", closed_server.port, "wants a password");
  refused("redis://:secretly@127.0.0.1:%d", closed_server.port, "wrong password");
  refused("redis://:secret@127.0.0.1:%d", closed_server.port, "maxmemory-policy is allkeys-lru");
  refused("redis://127.0.0.1:%d", 1, "127.0.0.1:1");
  refused("redis://no-such-host.invalid:%d", 6379, "no-such-host.invalid");
}

static struct engine *connect_to(const struct redis *r) {
  struct engine_options o = options_for("redis://127.0.0.1:%d", r->port);
  struct engine *e;
  if (engine_open(&o, &e, why))
    fail_msg("%s", why);
  return e;
}

static void set(struct engine *e, const char *value) {
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("SET"), engine_text("k"), engine_text(value)};
  assert_int_equal(engine_ask(e, 3, args, &r), 0);
  assert_int_equal(engine_type(r), ENGINE_STATUS);
  engine_free(r);
}

static void test_processes(void **state) {
  (void)state;
  if (!there)
    skip();
  struct engine *e = connect_to(&open_server);
  set(e, "1");
  uint64_t before = engine_epoch(e);
  pid_t child = fork();
  if (child == 0) {
    bool none = engine_epoch(e) == 0;
    for (int i = 0; i < 1000; i++)
      set(e, "child");
    _exit(none ? 0 : 1);
  }
  for (int i = 0; i < 1000; i++)
    set(e, "parent");
  int status;
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  assert_int_equal(engine_epoch(e), before);
  engine_close(e);
}

static void test_scripts(void **state) {
  static struct engine_script script = {.text = "return {KEYS[1], ARGV[1], #ARGV[1]}"};
  const struct engine_arg args[] = {engine_text("k"), engine_bytes("a\0b", 3)};
  struct engine_reply *r;
  (void)state;
  if (!there)
    skip();
  struct engine *e = connect_to(&open_server);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(engine_eval(e, &script, 1, 2, args, &r), 0);
    assert_int_equal(engine_count(r), 3);
    assert_int_equal(engine_len(engine_at(r, 1)), 3);
    assert_memory_equal(engine_data(engine_at(r, 1)), "a\0b", 3);
    assert_int_equal(engine_integer(engine_at(r, 2)), 3);
    assert_int_equal(engine_type(engine_at(r, 3)), ENGINE_NIL);
    engine_free(r);
    assert_int_equal(engine_ask(e, 2, (struct engine_arg[]){engine_text("SCRIPT"), engine_text("FLUSH")}, &r), 0);
    engine_free(r);
  }
  engine_close(e);
}

/* Its server is killed: the next command says so, once; later ones are done by the new server. */
static void test_restart(void **state) {
  struct engine_reply *r;
  struct redis own;
  (void)state;
  if (!there || !redis_start(&own, "--appendonly yes --appendfsync no"))
    skip();
  struct engine *e = connect_to(&own);
  const struct engine_arg get[] = {engine_text("GET"), engine_text("k")};
  set(e, "kept");
  uint64_t before = engine_epoch(e);
  usleep(10000);
  redis_kill(&own);
  redis_restart(&own);
  assert_int_equal(engine_call(e, 2, get, &r), -SBX_EAGAIN);
  assert_true(engine_epoch(e) > before);
  assert_int_equal(engine_call(e, 2, get, &r), 0);
  assert_string_equal(engine_data(r), "kept");
  engine_free(r);
  redis_kill(&own);
  engine_note_name(&engine_options_of(e)->address);
  assert_int_equal(engine_ask(e, 2, get, &r), -SBX_EENGINE);
  char text[64];
  snprintf(text, sizeof text, "the engine at 127.0.0.1:%d is gone", own.port);
  assert_string_equal(error_text(-SBX_EENGINE), text);
  engine_close(e);
  redis_end(&own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse),     cmocka_unit_test(test_password_of_the_environment),
      cmocka_unit_test(test_hide),      cmocka_unit_test(test_keys),
      cmocka_unit_test(test_refusals),  cmocka_unit_test(test_processes),
      cmocka_unit_test(test_scripts),   cmocka_unit_test(test_restart),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
