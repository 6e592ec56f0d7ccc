/* prompt/act.c and os/process/steer.c, prompt/show_lua.c: what a person does to processes by name, number or handle. */
#include "support/os_world.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>

#include "lua/bind/sandbox_lib.h"
#include "os/supervisor/snapshot.h"
#include "os/process/steer.h"
#include "prompt/act.h"
#include "prompt/show_lua.h"

static struct control *the_control(void) { return the_backend->control; }

static struct gate the_gate;

static int wait_at_gate(void *unused) {
  (void)unused;
  gate_wait(the_gate);
  return 0;
}

static struct object *named(const char *name) {
  struct object *p = spawn_process(wait_at_gate, NULL);
  strcpy(record_of_process(p)->name, name);
  return p;
}

/* The command's code; what it says must be `wanted`. */
static int command(const char *verb, const char *arguments, const char *wanted) {
  struct buf said = {0};
  int rc = act_command(&the_backend->base, verb, arguments, &said);
  CHECK_EQ(buf_append_byte(&said, '\0'), 0);
  if (strcmp((char *)said.data, wanted) != 0) {
    dprintf(2, "said: %s\n", (char *)said.data);
    CHECK(false); /* what was wanted */
  }
  buf_release(&said);
  return rc;
}

TEST_ON_STAGE(a_process_is_meant_by_number_name_or_both, 20) {
  os_world_new();
  the_gate = gate_new();
  struct object *a = named("writer"), *b = named("reader"), *c = named("writer"), *d = named("7");
  struct process_record *ra = record_of_process(a), *rb = record_of_process(b);
  CHECK_EQ(command("mute", "3", ""), 0);
  CHECK(!ra->muted && rb->muted);
  CHECK_EQ(command("mute", "  3 false", ""), 0);
  CHECK(!rb->muted);
  CHECK_EQ(command("mute", "reader", ""), 0);
  CHECK(rb->muted);
  CHECK_EQ(command("unmute", "reader#3 ", ""), 0);
  CHECK(!rb->muted);
  CHECK_EQ(command("mute", "writer#2", ""), 0);
  CHECK(ra->muted && !record_of_process(c)->muted);
  CHECK_EQ(command("mute", "writer",
                   "'writer' is the name of 2 processes: writer#2, writer#4; give the number"),
           -SBX_EINVAL);
  CHECK_EQ(command("mute", "reader#2", "there is no process 'reader#2' now; there are main, writer#2, "
                                       "reader#3, writer#4, 7#5"),
           -SBX_EINVAL);
  CHECK_EQ(command("kill", "7", "there is no process 7 now; there are main, writer#2, reader#3, writer#4, 7#5"),
           -SBX_EINVAL); /* digits are a number; 7#5 is reached by its own */
  CHECK_EQ(command("kill", "", "kill whom? A name or number from :ps"), -SBX_EINVAL);
  CHECK_EQ(command("kill", "2 3", "kill takes one process, a name or number from :ps"), -SBX_EINVAL);
  CHECK_EQ(command("burn", "2", "there is no command 'burn'"), -SBX_EINVAL);
  CHECK_EQ(command("pause", "main", "main runs what is typed here: it cannot be paused"), -SBX_EINVAL);
  CHECK_EQ(command("kill", "7#5", ""), 0);
  CHECK_EQ(join_process(d, NULL, SBX_FOREVER), 0);
  CHECK_EQ(command("resume", "5", "there is no process 5 now; there are main, writer#2, reader#3, writer#4"),
           -SBX_EINVAL); /* its record is still there */
  gate_open(the_gate, 3);
  join_well(a);
  join_well(b);
  join_well(c);
}

TEST_ON_STAGE(killed_on_purpose_is_no_failure, 20) {
  os_world_new();
  the_gate = gate_new();
  struct object *p = named("p"), *q = named("q");
  CHECK_EQ(command("pause", "p", ""), 0);
  await_stopped(pid_of(p));
  CHECK(!(record_of_process(p)->flags & FLAG_EXPECTED));
  CHECK_EQ(command("resume", "p", ""), 0);
  while (state_of_pid(pid_of(p)) == 'T')
    usleep(100);
  CHECK_EQ(command("kill", "p", ""), 0);
  while (control_process_alive(the_control(), p->slot))
    usleep(100);
  CHECK(record_of_process(p)->flags & FLAG_EXPECTED);
  CHECK_EQ(record_of_process(p)->signal, SIGKILL);
  CHECK_EQ(control_unjoined_failures(the_control()), 0);
  kill(pid_of(q), SIGKILL); /* by somebody else */
  while (control_process_alive(the_control(), q->slot))
    usleep(100);
  CHECK_EQ(control_unjoined_failures(the_control()), 1);
  CHECK_EQ(steer_signal(the_control(), q->slot, q->serial, SIGKILL), 0); /* it has ended: nothing happens */
  CHECK_EQ(steer_signal(the_control(), q->slot, q->serial + 1, SIGKILL), -SBX_EGONE);
  CHECK_EQ(steer_mute(the_control(), q->slot, q->serial + 1, true), -SBX_EGONE);
}

TEST_ON_STAGE(one_is_followed_or_none, 20) {
  os_world_new();
  the_gate = gate_new();
  struct object *p = named("p");
  CHECK_EQ(command("follow", "p", "p#2 alone is shown; :follow shows all again"), 0);
  CHECK_EQ(the_control()->follow, 2);
  CHECK_EQ(command("mute", "p", ""), 0);
  CHECK_EQ(command("follow", "p", "p#2 alone is shown; :follow shows all again"), 0);
  CHECK(!the_control()->processes[1].muted); /* who follows wants to see */
  CHECK_EQ(command("follow", "main", "main runs what is typed here: it cannot be followed: its output is always shown"),
           -SBX_EINVAL);
  CHECK_EQ(the_control()->follow, 2);
  CHECK_EQ(command("follow", "", "all are shown"), 0);
  CHECK_EQ(the_control()->follow, 0);
  gate_open(the_gate, 1);
  join_well(p);
}

/* -- in Lua ------------------------------------------------------------------------------------ */

/* asleep(p): wait until it sleeps in some op. */
static int l_asleep(lua_State *L) {
  lua_getfield(L, 1, "id");
  uint64_t id = (uint64_t)lua_tointeger(L, -1);
  for (bool yes = false; !yes; usleep(100)) {
    struct snapshot s;
    CHECK_EQ(snapshot_take(the_control(), 0, &s), 0);
    yes = s.processes[snapshot_find_process(&s, id)].op.steady;
    snapshot_release(&s);
  }
  return 0;
}

/* Run a chunk in a session of its own, whose output is returned; the caller frees it. */
static char *run_lua(const char *chunk) {
  static const struct show_screen screen = {.terminal = -1};
  int out[2], saved = dup(STDOUT_FILENO);
  char *text = calloc(1, 65536);
  CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
  fflush(stdout);
  dup2(out[1], STDOUT_FILENO);
  close(out[1]);
  setenv("COLUMNS", "150", 1);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  sandbox_lib_open(L, &the_backend->base);
  lua_settop(L, 0);
  lua_register(L, "asleep", l_asleep);
  show_lua_open(L, &screen);
  CHECK_EQ(lua_gettop(L), 0);
  if (luaL_loadbuffer(L, chunk, strlen(chunk), "=demo") || lua_pcall(L, 0, 0, 0)) {
    dprintf(2, "%s\n", lua_tostring(L, -1));
    CHECK(false); /* the chunk failed */
  }
  lua_close(L);
  fflush(stdout);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  for (size_t len = 0; len < 65535;) {
    ssize_t n = read(out[0], text + len, 65535 - len);
    if (n <= 0)
      break;
    len += (size_t)n;
  }
  close(out[0]);
  return text;
}

static void check_line(const char *text, const char *wanted) {
  if (!strstr(text, wanted)) {
    dprintf(2, "no \"%s\" in\n%s\n", wanted, text);
    CHECK(false); /* the line */
  }
}

TEST_ON_STAGE(tables_are_printed_and_processes_steered_in_lua, 30) {
  os_world_new();
  char *text = run_lua(
      "local jobs, idle = queue{name='jobs', max=2}, queue{name='idle'}\n"
      "local function put() for i = 1, 3 do jobs:put(i) end end\n"
      "local function wait() idle:get() end\n"
      "local p = spawn({name='writer'}, put)\n"
      "local r = spawn({name='reader'}, wait)\n"
      "local function state(q) return io.open('/proc/'..q.pid..'/stat'):read('a'):match('%) (%a)') end\n"
      "local function until_(q, s) while state(q) ~= s do sleep(0.001) end end\n"
      "asleep(p) asleep(r)\n"
      "print(select('#', ps())) queues() waits() ps(p) ps(3) ps 'writer'\n"
      "pause(p) until_(p, 'T') assert(p:status() == 'stopped')\n"
      "resume('writer') asleep(p)\n"
      "mute(p) ps() mute(2, false) follow(p) follow()\n"
      "local function fails(f, ...) local ok, e = pcall(f, ...) assert(not ok) print(e) end\n"
      "fails(kill, 'nobody') fails(kill, 99) fails(kill, {}) fails(kill, 1) fails(pause, sandbox.self()) fails(ps, 99)\n"
      "fails(mute, nil)\n"
      "kill(r) r:join() fails(ps, r) kill(r)\n"
      "jobs:get() p:result() ps()\n");
  check_line(text, "\n 2  writer  in put  jobs#1   ");
  check_line(text, "\n 3  reader  in get  idle#2   ");
  check_line(text, "\n0\n"); /* ps returns nothing */
  check_line(text, "\n 1  jobs      2    2  full ");
  check_line(text, "writer#2  put       jobs#1");
  check_line(text, "deadlock, unless you help: writer#2 waits in put at demo:2 for queue jobs#1, which only you and "
                   "reader#3 can empty; reader#3");
  check_line(text, "\nwriter#2, pid ");
  check_line(text, "\nreader#3, pid ");
  check_line(text, "  spawned at demo:5 by main\n");
  check_line(text, "  holds jobs#1, idle#2\n");
  check_line(text, "  muted\n");
  check_line(text, "kill: there is no process 'nobody' now; there are main, writer#2, reader#3\n");
  check_line(text, "kill: there is no process 99 now; there are main, writer#2, reader#3\n");
  check_line(text, "kill: a process, its number or its name is wanted, not a table");
  check_line(text, "kill: main runs what is typed here; os.exit() ends it\n");
  check_line(text, "pause: main runs what is typed here: it cannot be paused\n");
  check_line(text, "ps: it has ended\n");
  check_line(text, "no other processes\n");
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_process_is_meant_by_number_name_or_both),
      cmocka_unit_test(killed_on_purpose_is_no_failure),
      cmocka_unit_test(one_is_followed_or_none),
      cmocka_unit_test(tables_are_printed_and_processes_steered_in_lua),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
