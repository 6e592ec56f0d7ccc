/*
 * tests/fault/test_answer.c - thousands of questions to a process that works: each is answered, and nothing it does is
 * disturbed.
 *
 * The stage is main, and runs Lua; another process, which knows no Lua, writes a number into a pipe, asks, and waits for the
 * number to come back. The answer works with Lua on top of whatever was going on: it looks at queues, and puts a large item.
 */
#include "support/os_world.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <poll.h>

#include "lua/state/answer.h"
#include "lua/state/lib.h"
#include "lua/bind/sandbox_lib.h"
#include "os/shared/ask.h"

enum { PATIENCE_MS = 60 * 1000 };

static struct {
  int requests[2], replies[2], done[2];
} pipes;

static struct board {
  _Atomic uint32_t answered, stacks;
} *board;

/* -- who asks ---------------------------------------------------------------------------------- */

static void await_reply(uint32_t wanted) {
  struct pollfd p = {.fd = pipes.replies[0], .events = POLLIN};
  uint32_t got = 0;
  CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1); /* a question was lost, else */
  CHECK_EQ(read(p.fd, &got, sizeof got), sizeof got);
  CHECK_EQ(got, wanted);
}

/* Every so often a pause, so that the process gets as far as to sleep. */
static void ask_many(uint32_t count) {
  struct control *c = the_backend->control;
  uint64_t state = 42;
  for (uint32_t i = 1; i <= count; i++) {
    CHECK_EQ(write(pipes.requests[1], &i, sizeof i), sizeof i);
    int rc = ask(c, 0, 1, QUESTION_LUA, 0);
    CHECK(rc == 0 || rc == -SBX_ETIMEDOUT); /* who does not wait is not told */
    if (i % 10 == 0) {
      CHECK_EQ(ask(c, 0, 1, QUESTION_STACK, in_ms(PATIENCE_MS)), 0);
      board->stacks++;
    }
    await_reply(i);
    if (random_next(&state) % 4 == 0)
      usleep((useconds_t)(random_next(&state) % 2000));
  }
}

static pid_t start_asker(uint32_t count) {
  CHECK_EQ(pipe(pipes.requests), 0);
  CHECK_EQ(pipe(pipes.replies), 0);
  CHECK_EQ(pipe(pipes.done), 0);
  fcntl(pipes.requests[0], F_SETFL, O_NONBLOCK);
  fcntl(pipes.done[0], F_SETFL, O_NONBLOCK);
  pid_t pid = fork();
  if (pid == 0) {
    close(pipes.done[0]);
    ask_many(count);
    _exit(0);
  }
  close(pipes.done[1]); /* its end of file says that the asker is done */
  return pid;
}

/* -- who answers ------------------------------------------------------------------------------- */

static void answer_numbers(lua_State *L, void *ctx) {
  uint32_t number;
  (void)ctx;
  while (read(pipes.requests[0], &number, sizeof number) == sizeof number) {
    lua_getglobal(L, "answer");
    lua_pushinteger(L, number);
    if (lua_pcall(L, 1, 0, 0)) {
      printf("the answer failed: %s\n", lua_tostring(L, -1));
      fflush(stdout);
      number = UINT32_MAX;
    }
    board->answered++;
    CHECK_EQ(write(pipes.replies[1], &number, sizeof number), sizeof number);
  }
}

/* finished() -> is the asker done? */
static int l_finished(lua_State *L) {
  struct pollfd p = {.fd = pipes.done[0], .events = POLLIN};
  lua_pushboolean(L, poll(&p, 1, 0) == 1);
  return 1;
}

static const char prologue[] =
    "asked, seen, side = 0, queue(), queue()\n"
    "for i = 1, 5 do seen:put(('seen'):rep(i * 300)) end\n"
    "function answer(n)\n"
    "  assert(n == asked + 1) asked = n\n"
    "  assert(#seen == 5 and seen:peek() == ('seen'):rep(300))\n"
    "  side:put { n, ('x'):rep(n % 7 * 3000), { n } }\n"
    "  local co = coroutine.wrap(function() coroutine.yield(n) error('e', 0) end)\n"
    "  assert(co() == n and not pcall(co))\n"
    "  assert(not pcall(side.get, side, 0), 'an answer takes nothing')\n"
    "  if n % 50 == 0 then assert(join(spawn(math.abs, -n)) == true) end\n"
    "  if n % 30 == 0 then sleep(0.001) collectgarbage() end\n"
    "end\n"
    "function item(i) return { i, ('abc'):rep(i % 13 * (i % 5 == 0 and 20000 or 100)), list = { i, { i } } } end\n"
    "function check(v, i)\n"
    "  local w = item(i)\n"
    "  assert(v[1] == i and v[2] == w[2] and v.list[1] == i and v.list[2][1] == i)\n"
    "end\n"
    "function in_coroutines(f)\n"
    "  return coroutine.wrap(function() return coroutine.wrap(f)() end)()\n"
    "end\n";

static const char epilogue[] = "for i = 1, asked do\n"
                               "  local v = assert(side:get(0))\n"
                               "  assert(v[1] == i and #v[2] == i % 7 * 3000 and v[3][1] == i)\n"
                               "end\n"
                               "assert(side:empty() and #seen == 5)\n";

static void run_lua(lua_State *L, const char *text) {
  if (luaL_dostring(L, text)) {
    printf("%s\n", lua_tostring(L, -1)); /* stderr is read by the test */
    fflush(stdout);
    check_failed(__FILE__, __LINE__, "Lua failed", 0, 1);
  }
}

/* How many lines of the file begin with the place of main. */
static uint32_t count_heads(FILE *f) {
  char line[512];
  uint32_t n = 0;
  rewind(f);
  while (fgets(line, sizeof line, f))
    n += strncmp(line, "[main#1] running", 16) == 0 || strncmp(line, "[main#1] waiting in ", 20) == 0;
  return n;
}

static void work_while_asked(const char *work, uint32_t count) {
  struct os_backend *b = os_world_new();
  board = shared_memory(sizeof *board);
  pid_t asker = start_asker(count);
  int old_stderr = dup(STDERR_FILENO);
  FILE *told = tmpfile();
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  sandbox_lib_open(L, &b->base);
  lua_pushcfunction(L, l_finished);
  lua_setglobal(L, "finished");
  run_lua(L, prologue);
  dup2(fileno(told), STDERR_FILENO);
  answer_by(lib_find(L), answer_numbers, NULL, NULL);
  run_lua(L, work);
  dup2(old_stderr, STDERR_FILENO);
  CHECK_EQ(reap_pid(asker), 0);
  CHECK_EQ(board->answered, count);
  run_lua(L, epilogue);
  CHECK_EQ(count_heads(told), board->stacks);
  CHECK_EQ(lua_gethook(L) == NULL, 1);
  lua_close(L);
  fclose(told);
}

/* -- before it works --------------------------------------------------------------------------- */

/* Whoever is asked while its library opens is not ready to answer, and must not die of that. */
TEST_ON_STAGE(questions_while_the_library_opens, 120) {
  enum { OPENED = 200 };
  struct os_backend *b = os_world_new();
  struct control *c = the_backend->control;
  pid_t asker = fork();
  if (asker == 0)
    for (;;)
      ask(c, 0, 1, QUESTION_LUA, 0);
  for (int i = 0; i < OPENED; i++) {
    lua_State *L = luaL_newstate();
    b->base.asked = NULL; /* as at first */
    b->base.signal_ctx = NULL;
    luaL_openlibs(L);
    sandbox_lib_open(L, &b->base);
    lua_pop(L, 1);
    b->base.asked = NULL; /* the state goes */
    lua_close(L);
  }
  kill(asker, SIGKILL);
  reap_pid(asker);
}

/* -- what it does meanwhile -------------------------------------------------------------------- */

TEST_ON_STAGE(put_and_get_of_mixed_items, 120) {
  work_while_asked("local there, back = queue(3), queue()\n"
                   "local echo = spawn(function() for v in there:items() do back:put(v) end return 'end' end)\n"
                   "local i = 0\n"
                   "while not finished() do\n"
                   "  i = i + 1\n"
                   "  there:put(item(i))\n"
                   "  check(back:get(30), i)\n"
                   "end\n"
                   "there:close()\n"
                   "assert(echo:result() == 'end' and i > 10)\n",
                   3000);
}

TEST_ON_STAGE(put_into_a_full_queue_in_coroutines, 120) {
  work_while_asked("local q, sum = queue(1), 0\n"
                   "local p = spawn(function() for v in q:items() do check(v, v[1]) sum = sum + v[1] end return sum end)\n"
                   "local i, total = 0, 0\n"
                   "while not finished() do\n"
                   "  in_coroutines(function() for _ = 1, 5 do i = i + 1 q:put(item(i)) total = total + i end end)\n"
                   "end\n"
                   "q:close()\n"
                   "assert(p:result() == total and i > 10)\n",
                   2000);
}

TEST_ON_STAGE(join_of_large_results, 120) {
  work_while_asked("local i = 0\n"
                   "while not finished() do\n"
                   "  i = i + 1\n"
                   "  local n = i\n"
                   "  local p = spawn(function() sleep(0.002) return item(n), nil, n end)\n"
                   "  local v, none, m = in_coroutines(function() return p:result(30) end)\n"
                   "  check(v, n) assert(none == nil and m == n)\n"
                   "end\n",
                   1000);
}

TEST_ON_STAGE(sleep_locks_and_select, 120) {
  work_while_asked(
      "local l, q = sandbox.lock(), queue()\n"
      "local stop = sandbox.event()\n"
      "local rival = spawn(function() local n = 0 while not stop:is_set() do\n"
      "  local h <close> = l:hold() sleep(0.0005) n = n + 1 q:put(n) end return n end)\n"
      "local last = 0\n"
      "while not finished() do\n"
      "  sleep(0.0005)\n"
      "  do local h <close> = l:hold() end\n"
      "  local i, v = sandbox.select({ q, sandbox.after(5) })\n"
      "  assert(i == 1 and v == last + 1) last = v\n"
      "  assert(stop:wait(0.0005) == nil)\n"
      "end\n"
      "stop:set()\n"
      "local n = rival:result(30)\n"
      "for v in function() return (q:try_get()) end do assert(v == last + 1) last = v end\n"
      "assert(last == n)\n",
      1500);
}

TEST_ON_STAGE(computing_with_a_hook_of_its_own, 120) {
  work_while_asked("local lines = 0\n"
                   "local function hook() lines = lines + 1 end\n"
                   "local step = coroutine.wrap(function() local n = 0 while true do n = n + 1 coroutine.yield(n) end end)\n"
                   "local i = 0\n"
                   "while not finished() do\n"
                   "  debug.sethook(hook, 'l')\n"
                   "  local before = lines\n"
                   "  for _ = 1, 200 do\n"
                   "    i = i + 1\n"
                   "    assert(step() == i)\n"
                   "    pcall(error, 'x')\n"
                   "  end\n"
                   "  local f, mask, count = debug.gethook()\n"
                   "  assert(f == hook and mask == 'l' and count == 0, tostring(mask) .. tostring(count))\n"
                   "  assert(lines >= before + 600, lines - before)\n"
                   "  debug.sethook()\n"
                   "  assert(debug.gethook() == nil)\n"
                   "  table.sort({ 3, 1, 2 }, function(a, b) return a < b end)\n"
                   "end\n",
                   3000);
}

static int pause_for_ever(void *arg) {
  (void)arg;
  for (;;)
    pause();
  return 0;
}

/* Who knows no Lua does not answer; one that ended never will. */
TEST_ON_STAGE(who_is_in_c_or_has_ended_does_not_answer, 30) {
  struct os_backend *b = os_world_new();
  struct object *p = spawn_process(pause_for_ever, NULL);
  uint32_t slot = p->slot;
  uint64_t serial = p->serial;
  CHECK_EQ(ask(b->control, slot, serial, QUESTION_STACK, in_ms(30)), -SBX_ETIMEDOUT);
  kill_process(p);
  CHECK_EQ(ask(b->control, slot, serial, QUESTION_STACK, in_ms(PATIENCE_MS)), -SBX_EGONE);
}

int main(int argc, char **argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(questions_while_the_library_opens),
      cmocka_unit_test(put_and_get_of_mixed_items),
      cmocka_unit_test(put_into_a_full_queue_in_coroutines),
      cmocka_unit_test(join_of_large_results),
      cmocka_unit_test(sleep_locks_and_select),
      cmocka_unit_test(computing_with_a_hook_of_its_own),
      cmocka_unit_test(who_is_in_c_or_has_ended_does_not_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
