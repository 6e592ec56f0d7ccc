/* The command line: what is understood, what is refused and how, and what is made from the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/options.h"

enum { ARGS_MAX = 16 };

/* A command line after its parse. */
struct parsed {
  struct options o;
  int status, argc;
  char *argv[ARGS_MAX];
  char *complaint; /* owned; what was written to stderr */
};

/* Parse the arguments up to a NULL. */
static struct parsed parse(const char *first, ...) {
  struct parsed p = {.argc = 1, .argv = {"sandbox"}};
  va_list args;
  va_start(args, first);
  for (const char *a = first; a; a = va_arg(args, const char *))
    p.argv[p.argc++] = (char *)(uintptr_t)a;
  va_end(args);
  size_t len;
  FILE *err = open_memstream(&p.complaint, &len);
  p.status = options_parse(&p.o, p.argc, p.argv, err);
  fclose(err);
  return p;
}

static void release(struct parsed *p) {
  options_release(&p->o);
  free(p->complaint);
}

/* The command line is refused with this first line; the second names --help. */
#define expect_refusal(text, ...) expect_refusal_of("sandbox --help", text, __VA_ARGS__)
#define expect_refusal_of(help, text, ...)                                                         \
  do {                                                                                             \
    struct parsed p_ = parse(__VA_ARGS__, NULL);                                                   \
    assert_int_equal(p_.status, EXIT_USAGE);                                                       \
    assert_string_equal(p_.complaint,                                                              \
                        "sandbox: " text "\n'" help "' lists the options\n");              \
    release(&p_);                                                                                  \
  } while (0)

/* The command line is good, and `condition` holds for its `p.o`. */
#define expect_good(condition, ...)                                                                \
  do {                                                                                             \
    struct parsed p = parse(__VA_ARGS__, NULL);                                                    \
    assert_string_equal(p.complaint, "");                                                          \
    assert_int_equal(p.status, 0);                                                                 \
    assert_true(condition);                                                                        \
    release(&p);                                                                                   \
  } while (0)

static void test_defaults(void **state) {
  (void)state;
  struct parsed p = parse(NULL);
  assert_int_equal(p.status, 0);
  assert_int_equal(p.o.mode, MODE_RUN);
  assert_int_equal(p.o.script, 1);
  assert_true(p.o.speed == 1);
  assert_false(p.o.seeded);
  assert_int_equal(p.o.max_procs, 512);
  assert_true(p.o.timeout_ns == SBX_FOREVER);
  assert_false(p.o.tag_output);
  assert_int_equal(p.o.color, COLOR_AUTO);
  assert_int_equal(p.o.trace.file_count, 0);
  assert_int_equal(p.o.trace.detail, TRACE_DETAIL_MERGED);
  assert_true(p.o.trace.limit == 1 << 30);
  assert_false(p.o.trace.timeline || p.o.trace.stats || p.o.trace.stats_json);
  assert_int_equal(p.o.trace.width, 0);
  release(&p);

  struct options nothing;
  char *none[] = {NULL};
  assert_int_equal(options_parse(&nothing, 0, none, stderr), 0);
  assert_int_equal(nothing.script, 0);
  options_release(&nothing);
  options_release(&nothing);
}

static void test_steps_keep_their_order(void **state) {
  (void)state;
  struct parsed p =
      parse("-e", "x=1", "-lm=json", "-W", "-ey=2", "-l", "a.b", "s.lua", "-e", "z", NULL);
  static const struct step expected[] = {
      {STEP_STATEMENT, "x=1"}, {STEP_LIBRARY, "m=json"}, {STEP_WARNINGS, NULL},
      {STEP_STATEMENT, "y=2"}, {STEP_LIBRARY, "a.b"},
  };
  assert_int_equal(p.status, 0);
  assert_int_equal(p.o.step_count, 5);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(p.o.steps[i].kind, expected[i].kind);
    if (expected[i].text)
      assert_string_equal(p.o.steps[i].text, expected[i].text);
  }
  assert_string_equal(p.argv[p.o.script], "s.lua");
  release(&p);
}

static void test_flags(void **state) {
  (void)state;
  expect_good(p.o.interactive && p.o.show_version, "-i");
  expect_good(!p.o.interactive && p.o.show_version, "-v");
  expect_good(p.o.ignore_environment, "-E");
  expect_good(p.o.mode == MODE_CHECK, "--check");
  expect_good(p.o.step_count == 1 && *p.o.steps[0].text == '\0', "-e", "");
}

static void test_where_the_script_is(void **state) {
  (void)state;
  expect_good(p.o.script == 1 && !p.o.script_is_stdin, "s.lua", "--sped");
  expect_good(p.o.script == 1 && p.o.script_is_stdin, "-", "-e");
  expect_good(p.o.script == 2 && !p.o.script_is_stdin, "--", "-");
  expect_good(p.o.script == 2 && p.o.script == p.argc, "--");
  expect_good(p.o.script == 3, "--speed", "2", "s.lua");
  expect_good(p.o.script == 1, "");
  expect_good(p.o.script == p.argc, "-e", "x=1");
}

static void test_speed(void **state) {
  (void)state;
  expect_good(p.o.speed == 10, "--speed", "10");
  expect_good(p.o.speed == 0.5, "--speed=.5");
  expect_good(p.o.speed == 1e3, "--speed=1e3");
  static const char *const bad[] = {"0", "-1", "nan", "inf", "1e999",  "x",
                                    "",  " 1", "1x",  "+1",  "--seed", "0.0"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct parsed p = parse("--speed", bad[i], NULL);
    char expected[160];
    snprintf(expected, sizeof expected,
             "sandbox: option '--speed' wants a number greater than 0, not '%s'; for example "
             "--speed 10\n",
             bad[i]);
    assert_int_equal(p.status, EXIT_USAGE);
    assert_memory_equal(p.complaint, expected, strlen(expected));
    release(&p);
  }
}

static void test_seed(void **state) {
  (void)state;
  expect_good(p.o.seeded && p.o.seed == 0, "--seed", "0");
  expect_good(p.o.seeded && p.o.seed == UINT64_MAX, "--seed", "18446744073709551615");
  expect_good(p.o.seed == UINT64_MAX, "--seed=0xffffffffffffffff");
  expect_good(p.o.seed == 10, "--seed=010");
#define BAD_SEED(value)                                                                            \
  expect_refusal("option '--seed' wants an integer of 64 bits, decimal or 0x, not '" value         \
                 "'; for example --seed 42",                                                       \
                 "--seed", value)
  BAD_SEED("18446744073709551616");
  BAD_SEED("-1");
  BAD_SEED("1.5");
  BAD_SEED("0x");
  BAD_SEED("0xg");
  BAD_SEED("");
  BAD_SEED(" 1");
}

static void test_timeout(void **state) {
  (void)state;
  expect_good(p.o.timeout_ns == 60 * NS_PER_SECOND, "--timeout", "60");
  expect_good(p.o.timeout_ns == NS_PER_SECOND / 4, "--timeout=0.25");
  expect_good(p.o.timeout_ns == 1, "--timeout=1e-30");
  expect_good(p.o.timeout_ns == SBX_FOREVER, "--timeout=1e30");
  expect_refusal(
      "option '--timeout' wants seconds greater than 0, not '0'; for example --timeout 60",
      "--timeout", "0");
}

static void test_max_procs(void **state) {
  (void)state;
  expect_good(p.o.max_procs == 1, "--max-procs", "1");
  expect_good(p.o.max_procs == 32768, "--max-procs=32768");
  expect_refusal(
      "option '--max-procs' wants an integer from 1 to 32768, not '0'; for example --max-procs 64",
      "--max-procs", "0");
  expect_refusal("option '--max-procs' wants an integer from 1 to 32768, not '32769'; for example "
                 "--max-procs 64",
                 "--max-procs=32769");
}

static void test_shake(void **state) {
  (void)state;
  expect_good(p.o.shake.runs == 0 && !p.o.shake.same && p.o.shake.again.mode == SHAKE_NONE, "s.lua");
  expect_good(p.o.shake.runs == 100 && p.o.script == 2, "--shake", "7.lua");
  expect_good(p.o.shake.runs == 7, "--shake=7");
  expect_good(p.o.shake.runs == 100 && p.o.shake.same, "--shake-same");
  expect_good(p.o.shake.runs == 3 && p.o.shake.same, "--shake-same", "--shake=3");
  expect_good(p.o.shake.runs == 1 && p.o.shake.again.mode == SHAKE_PCT && p.o.shake.again.level == 2 &&
                  p.o.shake.again.seed == 0x1f,
              "--shake-token", "sbxs1:p2:000000000000001f");
  expect_good(p.o.shake.runs == 9, "--shake-token=sbxs1:r0:000000000000001f", "--shake=9");
}

#define refuse_limit(value)                                                                                              \
  expect_refusal("option '--explore' wants a number of states greater than 0, or preemptions:K, seconds:S, "             \
                 "memory:SIZE, or several with commas, not '" value                                                      \
                 "'; for example --explore=preemptions:2,seconds:60",                                                    \
                 "--explore=" value, "s.lua")

static void test_explore_limit(void **state) {
  (void)state;
  expect_good(p.o.explore && p.o.explore_limit.states == 0 && !p.o.explore_limit.bounded && p.o.explore_limit.time_ns == 0 && p.o.explore_limit.bytes == 0, "--explore", "s.lua");
  expect_good(p.o.explore && p.o.explore_limit.states == 100, "--explore=100", "s.lua");
  expect_good(p.o.explore_limit.states == 100 && p.o.explore_limit.bounded && p.o.explore_limit.preemptions == 0, "--explore=preemptions:0,states:100", "s.lua");
  expect_good(p.o.explore_limit.time_ns == 1500000000 && p.o.explore_limit.bytes == 64 << 20 && !p.o.explore_limit.bounded, "--explore=seconds:1.5,memory:64M", "s.lua");
  refuse_limit("0");
  refuse_limit("x");
  refuse_limit("");
  refuse_limit(",");
  refuse_limit("5,6");
  refuse_limit("preemptions:");
  refuse_limit("preemptions:-1");
  refuse_limit("seconds:0");
  refuse_limit("memory:x");
  refuse_limit("steps:4");
  refuse_limit("preemptions:1,preemptions:1");
  refuse_limit("states:5,");
  refuse_limit("states:5 ");
}

static void test_replay(void **state) {
  (void)state;
  expect_good(!p.o.replay, "s.lua");
  expect_good(strcmp(p.o.replay, "sbx1:0") == 0 && !p.o.sim && !p.o.explore, "--replay", "sbx1:0", "s.lua");
  expect_good(strcmp(p.o.replay, "x") == 0 && p.o.sim, "--sim", "--replay=x", "-e", "print(1)");
  expect_refusal("option '--replay' cannot be used together with '--explore'", "--explore", "--replay", "x", "s.lua");
  expect_refusal("option '--replay' cannot be used together with '--shake-same'", "--replay", "x", "--shake-same", "s.lua");
  expect_refusal("option '--replay' needs the script of its token, and no prompt", "--replay", "x");
  expect_refusal("option '--replay' needs the script of its token, and no prompt", "-i", "--replay", "x", "s.lua");
  expect_refusal("option '--replay' wants a token that --explore printed, not ''; for example "
                 "--replay sbx1:7f3a9c21:v:2>p2,3>p1~4d1e",
                 "--replay", "", "s.lua");
}

static void test_choices(void **state) {
  (void)state;
  expect_good(p.o.tag_output, "--output", "tag");
  expect_good(!p.o.tag_output, "--output=tag", "--output=raw");
  expect_good(p.o.color == COLOR_ALWAYS, "--color=always");
  expect_good(p.o.color == COLOR_NEVER, "--color", "never");
  expect_good(p.o.color == COLOR_AUTO, "--color", "auto");
  expect_refusal("option '--output' wants raw or tag, not 'ta'; for example --output tag",
                 "--output", "ta");
  expect_refusal("option '--output' wants raw or tag, not ''; for example --output tag",
                 "--output=");
  expect_refusal("option '--output' wants raw or tag, not 'raw tag'; for example --output tag",
                 "--output=raw tag");
  expect_refusal(
      "option '--color' wants auto, always or never, not 'yes'; for example --color never",
      "--color", "yes");
  expect_refusal(
      "option '--completions' wants bash, zsh or fish, not 'tcsh'; for example --completions bash",
      "--completions", "tcsh");
}

#define TRACE_WANTS                                                                                \
  "a file name that ends in .html, .svg, .pftrace or .json, or - for JSON on stdout"

static void test_trace(void **state) {
  (void)state;
  static const struct trace_file expected[] = {{"a.html", TRACE_HTML},
                                               {"dir.x/b.svg", TRACE_SVG},
                                               {"a.html.pftrace", TRACE_PFTRACE},
                                               {"a b.json", TRACE_JSON},
                                               {"-", TRACE_JSON}};
  struct parsed p = parse("--trace", "a.html", "--trace=dir.x/b.svg", "--trace", "a.html.pftrace",
                          "--trace=a b.json", "--trace", "-", "s.lua", NULL);
  assert_int_equal(p.status, 0);
  assert_int_equal(p.o.trace.file_count, 5);
  for (size_t i = 0; i < 5; i++) {
    assert_string_equal(p.o.trace.files[i].path, expected[i].path);
    assert_int_equal(p.o.trace.files[i].format, expected[i].format);
  }
  assert_string_equal(p.argv[p.o.script], "s.lua");
  release(&p);

  expect_refusal("option '--trace' needs an argument: " TRACE_WANTS "; for example --trace run.html",
                 "--trace");
#define BAD_TRACE(value)                                                                           \
  expect_refusal("option '--trace' wants " TRACE_WANTS ", not '" value                             \
                 "'; for example --trace run.html",                                                \
                 "--trace", value)
  BAD_TRACE("s.lua");
  BAD_TRACE("html");
  BAD_TRACE(".html");
  BAD_TRACE("dir/.svg");
  BAD_TRACE("dir.html/a");
  BAD_TRACE("a.html.");
  BAD_TRACE("a.HTML");
  BAD_TRACE("");
  expect_refusal("option '--trace' names 'a.svg' twice", "--trace", "a.svg", "--trace=b.svg",
                 "--trace=a.svg");
  expect_refusal("option '--trace' names '-' twice", "--trace", "-", "--trace=-");
}

static void test_trace_detail_and_limit(void **state) {
  (void)state;
  expect_good(p.o.trace.detail == TRACE_DETAIL_WAIT, "--trace-detail", "wait");
  expect_good(p.o.trace.detail == TRACE_DETAIL_MERGED, "--trace-detail=merged");
  expect_good(p.o.trace.detail == TRACE_DETAIL_ALL, "--trace-detail=all");
  expect_refusal(
      "option '--trace-detail' wants wait, merged or all, not 'none'; for example --trace-detail "
      "all",
      "--trace-detail", "none");
  expect_good(p.o.trace.limit == 65536, "--trace-limit", "65536");
  expect_good(p.o.trace.limit == 65536, "--trace-limit=64K");
  expect_good(p.o.trace.limit == 3u << 20, "--trace-limit=3M");
  expect_good(p.o.trace.limit == 8ull << 30, "--trace-limit=8G");
  expect_good(p.o.trace.limit == 1ull << 63, "--trace-limit=0x200000000G");
#define BAD_LIMIT(value)                                                                           \
  expect_refusal("option '--trace-limit' wants a size of at least 64K, in bytes or with K, M or "  \
                 "G, not '" value "'; for example --trace-limit 200M",                             \
                 "--trace-limit", value)
  BAD_LIMIT("65535");
  BAD_LIMIT("63K");
  BAD_LIMIT("0");
  BAD_LIMIT("-1M");
  BAD_LIMIT("1T");
  BAD_LIMIT("1m");
  BAD_LIMIT("1MK");
  BAD_LIMIT("1.5G");
  BAD_LIMIT("M");
  BAD_LIMIT("");
  BAD_LIMIT("17179869184G");
  BAD_LIMIT("000000000000000000000000000000000000001G");
}

static void test_timeline_and_stats(void **state) {
  (void)state;
  expect_good(p.o.trace.timeline && p.o.trace.width == 0, "--timeline");
  expect_good(p.o.trace.timeline && p.o.trace.width == 40, "--timeline=40");
  expect_good(p.o.trace.width == 1000, "--timeline=1000");
  expect_good(p.o.trace.width == 0 && p.o.script == 2, "--timeline", "100.lua");
#define BAD_WIDTH(value)                                                                           \
  expect_refusal("option '--timeline' wants a number of columns from 40 to 1000, not '" value      \
                 "'; for example --timeline=100",                                                  \
                 "--timeline=" value)
  BAD_WIDTH("39");
  BAD_WIDTH("1001");
  BAD_WIDTH("-80");
  BAD_WIDTH("wide");
  BAD_WIDTH("");
  expect_good(p.o.trace.stats && !p.o.trace.stats_json, "--stats");
  expect_good(p.o.trace.stats && p.o.trace.stats_json, "--stats=json");
  expect_good(p.o.script == 2, "--stats", "json.lua");
  expect_refusal("option '--stats' wants json or no argument, not 'xml'; for example --stats=json",
                 "--stats=xml");
  expect_refusal("option '--stats' wants json or no argument, not ''; for example --stats=json",
                 "--stats=");
}

static void test_strict(void **state) {
  (void)state;
  expect_good(p.o.policy.strict == STRICT_OFF && p.o.policy.limits.memory_bytes == 0 &&
                  p.o.policy.limits.cpu_ns == SBX_FOREVER,
              "s.lua");
  expect_good(p.o.policy.strict == STRICT_ON && p.o.policy.limits.memory_bytes == 256u << 20 &&
                  p.o.policy.limits.cpu_ns == 10 * NS_PER_SECOND && p.o.timeout_ns == 30 * NS_PER_SECOND &&
                  p.o.policy.limits.output_bytes == 16u << 20 && p.o.policy.limits.files_bytes == 64u << 20 &&
                  p.o.max_procs == 32 && p.o.policy.limits.procs == 32 && !p.o.policy.run,
              "--strict", "s.lua");
  expect_good(p.o.policy.strict == STRICT_LUA && policy_is_strict(&p.o.policy), "--strict=lua", "s.lua");
  expect_good(p.o.mode == MODE_STRICT_REPORT && !policy_is_strict(&p.o.policy), "--strict=report");
  expect_good(p.o.mode == MODE_STRICT_REPORT, "--strict=report", "--color", "never", "-E");
  expect_good(p.o.max_procs == 512 && p.o.policy.limits.memory_bytes == 3u << 20 &&
                  p.o.policy.limits.cpu_ns == NS_PER_SECOND / 2 && p.o.timeout_ns == 2 * NS_PER_SECOND &&
                  p.o.policy.limits.output_bytes == 4096,
              "--max-procs=512", "--memory=3M", "--cpu", ".5", "--time", "2", "--output-limit", "4K",
              "--strict", "s.lua");
  expect_good(p.o.policy.limits.memory_bytes == 1u << 20 && p.o.max_procs == 512, "--memory", "1M");
  expect_refusal("option '--strict' wants lua (hold it by the language alone), report (run nothing, tell "
                 "which layers there are) or no argument, not 'very'; for example --strict",
                 "--strict=very");
#define BAD_SIZE(option, min, example, value)                                                      \
  expect_refusal("option '" option "' wants a size of at least " min                               \
                 ", in bytes or with K, M or G, not '" value "'; for example " option " " example, \
                 option, value)
  BAD_SIZE("--memory", "1M", "256M", "0");
  BAD_SIZE("--memory", "1M", "256M", "-1");
  BAD_SIZE("--memory", "1M", "256M", "5Q");
  BAD_SIZE("--memory", "1M", "256M", "");
  BAD_SIZE("--memory", "1M", "256M", "1023K");
  BAD_SIZE("--output-limit", "1K", "16M", "0");
  BAD_SIZE("--files-limit", "1K", "64M", "x");
  expect_refusal("option '--cpu' wants seconds greater than 0, not '0'; for example --cpu 10", "--cpu", "0");
  expect_good(p.o.explore && p.o.trace.file_count == 1, "--strict", "--explore", "--trace", "x.html", "s.lua");
  expect_good(p.o.replay && !p.o.sim && p.o.timeout_ns == 30 * NS_PER_SECOND, "--replay=sbx1:1", "--strict=lua",
              "s.lua");
  expect_good(p.o.step && p.o.timeout_ns == SBX_FOREVER, "--step", "--strict", "s.lua");
  expect_good(p.o.explore && p.o.policy.strict == STRICT_ON, "--strict", "--explore", "s.lua");
  expect_good(p.o.sim, "--strict", "--sim", "s.lua");
  expect_good(p.o.shake.runs > 0, "--shake", "--strict=lua", "s.lua");
  expect_good(p.o.interactive, "--strict", "-i", "s.lua");
}

static void test_allow(void **state) {
  (void)state;
  expect_good(p.o.policy.read.count == 2 && strcmp(p.o.policy.read.list[0].resolved, "/dev") == 0 &&
                  strcmp(p.o.policy.read.list[1].written, "/proc/../dev") == 0 &&
                  strcmp(p.o.policy.read.list[1].resolved, "/dev") == 0,
              "--strict", "--allow-read", "/dev,/proc/../dev", "s.lua");
  expect_good(p.o.policy.write.count == 1 && p.o.policy.env.count == 2 && p.o.policy.run &&
                  strcmp(p.o.policy.env.list[1], "LANG") == 0,
              "--strict", "--allow-write=/dev/null", "--allow-env=HOME,LANG", "--allow-run", "s.lua");
  expect_good(p.o.policy.require.count >= 1 &&
                  strcmp(p.o.policy.require.list[0].resolved, "/dev") == 0,
              "--strict", "/dev/x.lua");
  expect_good(p.o.policy.require.count == 0, "--strict", "-e", "x=1");
  expect_refusal("option '--allow-read' needs '--strict': without it all is allowed", "--allow-read=/dev",
                 "s.lua");
  expect_refusal("option '--allow-read' takes 's.lua', and no script is left: write --allow-read PATH s.lua; or "
                 "--allow-read=s.lua, if no script is wanted",
                 "--strict", "--allow-read", "s.lua");
  expect_refusal("option '--allow-env' takes 's.lua', and no script is left: write --allow-env NAME s.lua; or "
                 "--allow-env=s.lua, if no script is wanted",
                 "--strict", "--allow-env", "s.lua");
  expect_refusal("option '--allow-write' takes '/proc/self/exe', and no script is left: write --allow-write PATH "
                 "/proc/self/exe; or --allow-write=/proc/self/exe, if no script is wanted",
                 "--strict", "--allow-write", "/proc/self/exe");
  expect_good(p.o.policy.read.count == 1, "--strict", "--allow-read=/proc/self/exe");
  expect_good(p.o.policy.read.count == 1, "--strict", "--allow-read", "/proc/self/exe", "-");
  expect_good(p.o.policy.read.count == 1, "--strict", "--allow-read", "/dev");
  expect_refusal("option '--allow-run' needs '--strict': without it all is allowed", "--allow-run", "s.lua");
  expect_refusal("option '--files-limit' needs '--strict'", "--files-limit=1M", "s.lua");
  expect_refusal("option '--allow-read' has an empty part: name something, or leave it out", "--strict",
                 "--allow-read=", "s.lua");
  expect_refusal("option '--allow-write' has an empty part: name something, or leave it out", "--strict",
                 "--allow-write=/dev,", "s.lua");
  expect_refusal("option '--allow-read': '/no/such' does not exist", "--strict",
                 "--allow-read=/dev,/no/such", "s.lua");
  expect_refusal("option '--allow-write': '/dev/null/x' does not exist", "--strict",
                 "--allow-write=/dev/null/x", "s.lua");
  expect_refusal("option '--allow-env': 'A=B' is no name of an environment variable", "--strict",
                 "--allow-env=A=B", "s.lua");
  expect_refusal("option '--allow-env' has an empty part: name something, or leave it out", "--strict",
                 "--allow-env", "", "s.lua");
}

static void test_hosts(void **state) {
  (void)state;
  unsetenv("SANDBOX_ENGINE");
  expect_good(!p.o.engine.url && !p.o.engine.hosts, "s.lua");
  expect_good(strcmp(p.o.engine.url, "redis://e") == 0 && p.o.engine.spread &&
                  p.o.engine.lost_ns == 7 * NS_PER_SECOND && p.o.engine.timeout_ns == 9 * NS_PER_SECOND,
              "--engine", "redis://e", "--spread", "--lost-after", "7", "--engine-timeout=9", "s.lua");
  expect_good(strcmp(p.o.engine.hosts, "a,b:8") == 0, "--hosts", "a,b:8", "s.lua");
  expect_refusal("option '--spread' needs other hosts: '--hosts A,B' or '--engine URL'", "--spread", "s.lua");
  expect_refusal("option '--lost-after' needs other hosts: '--hosts A,B' or '--engine URL'", "--lost-after", "5", "s.lua");
  expect_refusal("option '--engine-insecure' needs other hosts: '--hosts A,B' or '--engine URL'", "--engine-insecure", "s.lua");
  expect_refusal("option '--engine' cannot be used together with '--sim'", "--engine", "redis://e", "--sim", "s.lua");
  expect_refusal("option '--hosts' cannot be used together with '--shake'", "--hosts", "a", "--shake", "s.lua");
  expect_refusal("option '--engine' cannot be used together with '--strict'", "--engine", "redis://e", "--strict",
                 "s.lua");
  expect_refusal("option '--lost-after' wants seconds from 2 to 3600, not '1'; for example --lost-after 10",
                 "--lost-after", "1", "s.lua");
  setenv("SANDBOX_ENGINE", "redis://f", 1);
  expect_good(strcmp(p.o.engine.url, "redis://f") == 0, "s.lua");
  expect_good(strcmp(p.o.engine.url, "redis://e") == 0, "--engine", "redis://e", "s.lua");
  expect_good(!p.o.engine.url, "--sim", "s.lua"); /* what the environment says is no wish of this run */
  unsetenv("SANDBOX_ENGINE");
}

static void test_agent_command(void **state) {
  (void)state;
  expect_good(p.o.mode == MODE_AGENT && strcmp(p.o.agent.url, "redis://e") == 0 && !p.o.agent.name &&
                  p.o.agent.slots == 0 && !p.o.agent.once,
              "agent", "redis://e");
  expect_good(strcmp(p.o.agent.name, "bert") == 0 && p.o.agent.slots == 8 && p.o.agent.once, "agent", "--name",
              "bert", "redis://e", "--slots=8", "--once");
  expect_good(p.o.mode == MODE_AGENT_HELP, "agent", "--help");
  expect_refusal_of("sandbox agent --help", "'agent' needs the address of an engine; for example sandbox agent redis://engine.example", "agent");
  expect_refusal_of("sandbox agent --help", "option '--name' wants a name of letters, digits, - _ and ., not 'a b'; for example --name bert",
                 "agent", "--name", "a b", "redis://e");
  expect_refusal_of("sandbox agent --help", "option '--slots' wants an integer from 1 to 4096, not '0'; for example --slots 8", "agent",
                 "--slots", "0", "redis://e");
}

/* A folder with a file in it, and links out of it and into it. */
static void test_policy_paths(void **state) {
  (void)state;
  char top[] = "/tmp/policy.XXXXXX", name[64], target[64];
  assert_non_null(mkdtemp(top));
  snprintf(name, sizeof name, "%s/file", top);
  FILE *f = fopen(name, "w");
  assert_non_null(f);
  fclose(f);
  snprintf(name, sizeof name, "%s/out", top);
  assert_int_equal(symlink("/etc", name), 0);
  snprintf(name, sizeof name, "%s/dangling", top);
  assert_int_equal(symlink("/etc/nothing-of-that-name", name), 0);
  struct policy p;
  policy_init(&p);
  assert_true(policy_may_read(&p, "/etc/passwd") && policy_may_write(&p, "x") && policy_may_know(&p, "HOME"));
  p.strict = STRICT_ON;
  assert_int_equal(policy_add_path(&p.read, top), 0);
  const struct {
    const char *path;
    bool may;
  } cases[] = {{"", true},          {"/", true},     {"/file", true},         {"/none", true},
               {"/none/x", true},   {"/none/../x", false}, {"/..", false},  {"/../x", false},        {"/./file", true},
               {"/out/passwd", false}, {"x", false}, {"/out/../etc", false},  {"/dangling", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(target, sizeof target, "%s%s", top, cases[i].path);
    if (policy_may_read(&p, target) != cases[i].may)
      fail_msg("wrong about %s", target);
    assert_false(policy_may_write(&p, target));
    assert_int_equal(policy_may_require(&p, target), cases[i].may);
  }
  assert_false(policy_may_read(&p, ""));
  assert_false(policy_may_know(&p, "HOME"));
  policy_release(&p);
  const char *const made[] = {"file", "out", "dangling"};
  for (size_t i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s/%s", top, made[i]);
    unlink(name);
  }
  rmdir(top);
}

static void test_missing_arguments(void **state) {
  (void)state;
  expect_refusal(
      "option '--speed' needs an argument: a number greater than 0; for example --speed 10",
      "--speed");
  expect_refusal("option '-e' needs an argument: a Lua statement; for example -e 'print(1)'", "-e");
  expect_refusal("option '-e' needs an argument: a Lua statement; for example -e 'print(1)'", "-e",
                 "-v");
  expect_refusal("option '-l' needs an argument: the name of a library; for example -l json", "-l",
                 "--");
  expect_refusal("option '--check' takes no argument", "--check=1");
  expect_refusal("option '--help' takes no argument", "--help=me");
}

static void test_did_you_mean(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"--sped", "--speed"},
      {"--spede", "--speed"},
      {"--sed", "--seed"},
      {"--Speed", "--speed"},
      {"--tiem", "--time"},
      {"--timout", "--timeout"},
      {"--max-proc", "--max-procs"},
      {"--maxprocs", "--max-procs"},
      {"--max_procs", "--max-procs"},
      {"--colour", "--color"},
      {"--hlep", "--help"},
      {"--verison", "--version"},
      {"-speed", "--speed"},
      {"-help", "--help"},
      {"--ouput", "--output"},
      {"--completion", "--completions"},
      {"--chekc", "--check"},
      {"--timelin", "--timeline"},
      {"--trace-details", "--trace-detail"},
      {"--stat", "--stats"},
      {"--e", "-e"},
      {"-version", "--version"},
      {"--i", "-i"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    struct parsed p = parse(pairs[i][0], "x", NULL);
    char expected[128];
    snprintf(expected, sizeof expected, "sandbox: unknown option '%s'; did you mean '%s'?\n",
             pairs[i][0], pairs[i][1]);
    assert_int_equal(p.status, EXIT_USAGE);
    assert_memory_equal(p.complaint, expected, strlen(expected));
    release(&p);
  }
  expect_refusal("unknown option '--sped'; did you mean '--speed'?", "--sped=3");
}

static void test_no_idea(void **state) {
  (void)state;
  expect_refusal("unknown option '--frobnicate'", "--frobnicate");
  expect_refusal("unknown option '-x'", "-x");
  expect_refusal("unknown option '-ix'", "-ix");
  expect_refusal("unknown option '-vi'", "-vi");
  expect_refusal("unknown option '---'", "---");
  expect_refusal("unknown option '--'", "--=");
}

#define expect_trace_refusal(text, ...)                                                            \
  do {                                                                                             \
    struct parsed p_ = parse("trace", __VA_ARGS__, NULL);                                          \
    assert_int_equal(p_.status, EXIT_USAGE);                                                       \
    assert_string_equal(p_.complaint,                                                              \
                        "sandbox: " text "\n'sandbox trace --help' lists the options\n");          \
    release(&p_);                                                                                  \
  } while (0)

/* The command, in a folder where no file has its name. */
static void test_trace_command(void **state) {
  (void)state;
  char here[4096];
  assert_non_null(getcwd(here, sizeof here));
  assert_int_equal(chdir("/"), 0);
  struct parsed all = parse("--color=never", "trace", "-o", "a.html", "x.pftrace", "-ob.svg", "--", "-y",
                          NULL);
  assert_int_equal(all.status, 0);
  assert_int_equal(all.o.mode, MODE_TRACE);
  assert_int_equal(all.o.color, COLOR_NEVER);
  assert_int_equal(all.o.input_count, 2);
  assert_string_equal(all.o.inputs[0], "x.pftrace");
  assert_string_equal(all.o.inputs[1], "-y");
  assert_int_equal(all.o.trace.file_count, 2);
  assert_int_equal(all.o.trace.files[1].format, TRACE_SVG);
  release(&all);

  expect_good(p.o.mode == MODE_TRACE && p.o.trace.timeline && p.o.trace.width == 50, "trace", "x",
              "--timeline=50");
  expect_good(p.o.trace.files[0].format == TRACE_JSON && p.o.input_count == 1, "trace", "-o", "-", "-");
  expect_good(p.o.mode == MODE_TRACE_HELP, "trace", "-h", "--nonsense");
  expect_good(p.o.mode == MODE_COURSE && p.o.input_count == 0, "check");
  expect_good(p.o.mode == MODE_COURSE && p.o.course_table && p.o.input_count == 2 &&
                  p.o.course_ns == 500000000 && p.o.timeout_ns == SBX_FOREVER,
              "check", "lesson-1", "--timeout=0.5", "--table", "a.lua");
  expect_good(p.o.mode == MODE_COURSE_HELP, "check", "-h");
  expect_good(p.o.mode == MODE_RUN && p.o.script == 2, "--", "check");
  expect_good(p.o.mode == MODE_AGENT && !strcmp(p.o.agent.url, "redis://h"), "--command", "agent",
              "redis://h");
  expect_good(p.o.mode == MODE_HELP, "--command", "--help");
  expect_refusal("option '--command' wants one of trace, check and agent, and its words, behind it; for example "
                 "sandbox --command trace run.pftrace",
                 "--command", "x.lua");
  expect_good(p.o.mode == MODE_RUN && p.o.script == 2, "--", "trace");
  expect_good(p.o.mode == MODE_RUN && p.o.script == 3, "-e", "x=1", "trace");
  expect_good(p.o.mode == MODE_RUN && p.o.script == 2, "-i", "trace");
  expect_good(p.o.mode == MODE_CHECK && p.o.script == 2, "--check", "trace");
  expect_good(p.o.mode == MODE_RUN && p.o.script == 1, "traced.lua");
  expect_refusal("there is no script 'traces'; did you mean 'sandbox trace'?", "traces");
  expect_good(p.o.mode == MODE_RUN && p.o.script == 1, "-", "trace");

  expect_trace_refusal("'trace' needs a file; for example sandbox trace run.pftrace -o run.html", "--stats");
  expect_trace_refusal("'trace' shows at most two runs side by side, not 4", "1", "2", "3", "4");
  expect_trace_refusal("two runs can be written as .html or .svg, not into 'a.pftrace'", "1", "2", "-o",
                       "a.html", "-o", "a.pftrace");
  expect_trace_refusal("option '-o' names 'a.html' twice", "1", "-o", "a.html", "-oa.html");
  expect_trace_refusal("unknown option '--speed'", "1", "--speed", "2");
  expect_trace_refusal("unknown option '--stat'; did you mean '--stats'?", "1", "--stat");
  expect_trace_refusal("option '--color' wants auto, always or never, not 'no'; for example --color never",
                       "1", "--color", "no");
  assert_int_equal(chdir(here), 0);
}

static void test_a_long_mistake(void **state) {
  (void)state;
  static char typed[100000] = "--";
  memset(typed + 2, 'x', sizeof typed - 3);
  struct parsed p = parse(typed, NULL);
  assert_int_equal(p.status, EXIT_USAGE);
  release(&p);
}

static void test_the_first_of_help_and_mistake_wins(void **state) {
  (void)state;
  expect_good(p.o.mode == MODE_HELP, "--help", "--sped");
  expect_good(p.o.mode == MODE_HELP, "-h");
  expect_good(p.o.mode == MODE_TOPIC && strcmp(p.o.topic, "queue.put") == 0, "--help", "queue.put");
  expect_good(p.o.mode == MODE_HELP_ALL, "--help", "all");
  expect_good(p.o.mode == MODE_VERSION, "--version", "--sped");
  expect_good(p.o.mode == MODE_COMPLETIONS && strcmp(p.o.shell, "fish") == 0, "--completions=fish");
  expect_refusal("unknown option '--sped'; did you mean '--speed'?", "--sped", "--help");
}

/* What a function of options.h prints; the caller frees it. */
__attribute__((noinline)) static char *printed(void (*print)(FILE *)) {
  char *text;
  size_t len;
  FILE *out = open_memstream(&text, &len);
  print(out);
  fclose(out);
  return text;
}

static void print_bash(FILE *out) { options_completions(out, "bash"); }
static void print_zsh(FILE *out) { options_completions(out, "zsh"); }
static void print_fish(FILE *out) { options_completions(out, "fish"); }
static void print_unknown(FILE *out) { options_completions(out, "tcsh"); }

static void test_help(void **state) {
  (void)state;
  char *brief = printed(options_help);
  int lines = 0;
  for (char *line = strtok(brief, "\n"); line; line = strtok(NULL, "\n"), lines++)
    if (strlen(line) > 96)
      fail_msg("too long for a terminal: %s", line);
  assert_true(lines > 0 && lines <= 24); /* one screen */
  free(brief);
  char *help = printed(options_help_all);
  const char *examples = strstr(help, "Examples:"), *options = strstr(help, "\nOptions"),
             *statuses = strstr(help, "Exit status:");
  assert_non_null(examples);
  assert_true(examples < options && options < statuses);
  for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
    if (strlen(line) > 96)
      fail_msg("too long for a terminal: %s", line);
  free(help);
}

static void test_every_option_is_everywhere(void **state) {
  (void)state;
  static const char *const names[] = {"speed",       "seed",  "timeout", "max-procs",
                                      "output",      "check", "color",   "version",
                                      "completions", "init",  "help",    "trace", "trace-detail", "trace-limit", "timeline", "stats", "shake", "shake-same", "shake-token", "sim", "explore", "replay",
                                      "strict", "allow-read", "memory", "files-limit", "engine", "engine-timeout", "engine-insecure"};
  char *texts[] = {printed(options_help_all), printed(print_bash), printed(print_zsh),
                   printed(print_fish)};
  for (size_t t = 0; t < 4; t++) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      char wanted[32];
      snprintf(wanted, sizeof wanted, t == 3 ? "-l %s" : "--%s", names[i]);
      if (!strstr(texts[t], wanted))
        fail_msg("no %s in text %zu", wanted, t);
    }
    free(texts[t]);
  }
  char *nothing = printed(print_unknown);
  assert_string_equal(nothing, "");
  free(nothing);
}

/* A specification of zsh stands between single quotes, and cannot hold one. */
static void test_zsh_quotes(void **state) {
  (void)state;
  char *text = printed(print_zsh);
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    int quotes = 0;
    for (const char *c = line; *c != '\0'; c++)
      quotes += *c == '\'';
    if (strncmp(line, "    '", 5) == 0)
      assert_int_equal(quotes, 2);
  }
  free(text);
}

static bool color_with(const char *no_color, const char *force, const char *term,
                       enum color_choice choice, bool terminal) {
  const char *const values[][2] = {{"NO_COLOR", no_color}, {"FORCE_COLOR", force}, {"TERM", term}};
  for (int i = 0; i < 3; i++) {
    if (values[i][1])
      setenv(values[i][0], values[i][1], 1);
    else
      unsetenv(values[i][0]);
  }
  return options_color(choice, terminal);
}

static void test_color(void **state) {
  (void)state;
  assert_true(color_with(NULL, NULL, "xterm", COLOR_AUTO, true));
  assert_false(color_with(NULL, NULL, "xterm", COLOR_AUTO, false));
  assert_false(color_with(NULL, NULL, "dumb", COLOR_AUTO, true));
  assert_false(color_with(NULL, NULL, NULL, COLOR_AUTO, true));
  assert_false(color_with("1", NULL, "xterm", COLOR_AUTO, true));
  assert_true(color_with("", NULL, "xterm", COLOR_AUTO, true));
  assert_true(color_with(NULL, "1", "dumb", COLOR_AUTO, false));
  assert_false(color_with(NULL, "0", "xterm", COLOR_AUTO, true));
  assert_true(color_with(NULL, "", "xterm", COLOR_AUTO, true));
  assert_false(color_with("1", "1", "xterm", COLOR_AUTO, true));
  assert_true(color_with("1", NULL, "dumb", COLOR_ALWAYS, false));
  assert_false(color_with(NULL, "1", "xterm", COLOR_NEVER, true));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_steps_keep_their_order),
      cmocka_unit_test(test_flags),
      cmocka_unit_test(test_where_the_script_is),
      cmocka_unit_test(test_speed),
      cmocka_unit_test(test_seed),
      cmocka_unit_test(test_timeout),
      cmocka_unit_test(test_max_procs),
      cmocka_unit_test(test_shake),
      cmocka_unit_test(test_explore_limit),
      cmocka_unit_test(test_replay),
      cmocka_unit_test(test_choices),
      cmocka_unit_test(test_trace),
      cmocka_unit_test(test_trace_detail_and_limit),
      cmocka_unit_test(test_timeline_and_stats),
      cmocka_unit_test(test_strict),
      cmocka_unit_test(test_allow),
      cmocka_unit_test(test_hosts),
      cmocka_unit_test(test_agent_command),
      cmocka_unit_test(test_policy_paths),
      cmocka_unit_test(test_missing_arguments),
      cmocka_unit_test(test_did_you_mean),
      cmocka_unit_test(test_no_idea),
      cmocka_unit_test(test_trace_command),
      cmocka_unit_test(test_a_long_mistake),
      cmocka_unit_test(test_the_first_of_help_and_mistake_wins),
      cmocka_unit_test(test_help),
      cmocka_unit_test(test_every_option_is_everywhere),
      cmocka_unit_test(test_zsh_quotes),
      cmocka_unit_test(test_color),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
