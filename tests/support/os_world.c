/* tests/support/os_world.c - see os_world.h. */
#include "base/pidfd.h"
#include "os_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { STATUS_SKIPPED = 77, STATUS_FAILED = 99, PATIENCE = 5 /* when others use the processors, too */ };

static pid_t stage_pid;

/* -- stage and checks -------------------------------------------------------------------------- */

unsigned stage_slowness(void) {
  const char *slow = getenv("SANDBOX_TEST_SLOW");
  if (slow)
    return (unsigned)atoi(slow);
#if defined(__SANITIZE_ADDRESS__)
  return 6;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return 6;
#else
  return 1;
#endif
#else
  return 1;
#endif
}

void stage_skip(const char *why) {
  printf("           skipped: %s\n", why);
  fflush(stdout);
  _exit(STATUS_SKIPPED);
}

void check_failed(const char *file, int line, const char *what, int64_t got, int64_t wanted) {
  const char *base = strrchr(file, '/');
  dprintf(STDERR_FILENO, "%s:%d: %s is %lld (%s), wanted %lld (%s); pid %d\n", base ? base + 1 : file,
          line, what, (long long)got, got < 0 ? error_name((int)got) : "-", (long long)wanted,
          wanted < 0 ? error_name((int)wanted) : "-", (int)getpid());
  if (getpid() != stage_pid)
    kill(stage_pid, SIGKILL);
  _exit(STATUS_FAILED);
}

static void kill_strays(void) {
  char path[64];
  for (;;) {
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "re");
    int pid;
    while (f && fscanf(f, "%d", &pid) == 1)
      kill(pid, SIGKILL);
    if (f)
      fclose(f);
    if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
      return;
  }
}

void stage_run(const char *name, void (*body)(void), unsigned seconds) {
  seconds *= stage_slowness() * PATIENCE;
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    stage_pid = getpid();
    setpgid(0, 0);
    for (int i = 1; i < NSIG; i++)
      signal(i, SIG_DFL); /* cmocka has handlers of its own */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    alarm(seconds);
    body();
    fflush(NULL);
    _exit(0);
  }
  struct pollfd end = {.fd = pidfd_open_of(pid), .events = POLLIN};
  bool hung = poll(&end, 1, (int)(seconds + 2) * 1000) == 0; /* a stage that is stopped has no alarm */
  close(end.fd);
  if (hung)
    kill(pid, SIGKILL);
  int status = reap_pid(pid);
  kill(-pid, SIGKILL);
  kill_strays();
  if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIPPED)
    skip();
  if (hung || (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM))
    fail_msg("%s: hangs (%u seconds)", name, seconds);
  if (WIFSIGNALED(status))
    fail_msg("%s: ended by signal %d", name, WTERMSIG(status));
  if (WEXITSTATUS(status) != 0)
    fail_msg("%s: status %d", name, WEXITSTATUS(status));
}

/* -- small things ------------------------------------------------------------------------------ */

void *shared_memory(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

struct gate gate_new(void) {
  struct gate g;
  CHECK_EQ(pipe2(g.fds, O_CLOEXEC), 0);
  return g;
}

void gate_open(struct gate g, unsigned permits) {
  while (permits > 0) {
    ssize_t n = write(g.fds[1], "x", 1);
    CHECK(n == 1 || errno == EINTR);
    permits -= n == 1;
  }
}

void gate_wait(struct gate g) {
  char c;
  ssize_t n;
  do
    n = read(g.fds[0], &c, 1);
  while (n < 0 && errno == EINTR);
  CHECK_EQ(n, 1);
}

int64_t in_ms(int64_t ms) { return clock_now_ns() + ms * NS_PER_MS; }

uint64_t random_next(uint64_t *state) {
  uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

int open_fds_of(pid_t pid) {
  char path[32];
  int n = 0;
  snprintf(path, sizeof path, "/proc/%d/fd", pid ? (int)pid : (int)getpid());
  DIR *d = opendir(path);
  if (!d)
    return -1;
  while (readdir(d))
    n++;
  closedir(d);
  return n - 2 - (pid == 0); /* ".", "..", and the one that reads */
}

char state_of_pid(pid_t pid) {
  char path[32], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  text[n > 0 ? n : 0] = '\0';
  const char *paren = strrchr(text, ')');
  return paren && paren[1] ? paren[2] : 0;
}

int reap_pid(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0)
    CHECK_EQ(errno, EINTR);
  return status;
}

/* -- the world --------------------------------------------------------------------------------- */

struct os_backend *os_world_new(void) {
  struct control_options o = {.speed = 1, .seed = 1, .seeded = true, .max_procs = PROCESS_SLOTS};
  struct control *c;
  int lifeline_write; /* stays open: nobody stands above this world */
  CHECK_EQ(control_create(&o, &c), 0);
  struct os_backend *b = backend_new(c);
  CHECK(b);
  CHECK_EQ(results_create(&b->results), 0);
  CHECK_EQ(lifeline_create(b, &lifeline_write), 0);
  atomic_store(&c->processes[0].pid, getpid());
  CHECK(control_process_advance(c, 0, 1, PHASE_RUNNING));
  backend_install_signals(b);
  return b;
}

static int spawn_as(const char *name, int (*fn)(void *arg), void *arg, struct object **ret) {
  struct spawn_request request = {.name = name, .where = "test:1", .cpu = -1};
  struct op op = {.kind = OP_PROCESS_SPAWN, .spawn = &request, .number = -1};
  struct backend *b = &the_backend->base;
  int rc = perform(b, &op);
  if (rc)
    return rc;
  if (op.number == 0) {
    int status = fn(arg);
    if (op_process_end(b, &(struct end_request){.exit_code = status}))
      status = STATUS_FAILED;
    _exit(status);
  }
  *ret = op.object;
  return 0;
}

int try_spawn(int (*fn)(void *arg), void *arg, struct object **ret) {
  return spawn_as("p", fn, arg, ret);
}

struct object *spawn_named(const char *name, int (*fn)(void *arg), void *arg) {
  struct object *p = NULL;
  CHECK_EQ(spawn_as(name, fn, arg, &p), 0);
  return p;
}

struct object *spawn_process(int (*fn)(void *arg), void *arg) { return spawn_named("p", fn, arg); }

struct process_record *record_of_process(const struct object *p) {
  return &the_backend->control->processes[p->slot];
}

pid_t pid_of(const struct object *p) { return atomic_load(&record_of_process(p)->pid); }

int join_process(struct object *p, struct buf *out, int64_t deadline_ns) {
  struct op op = {.kind = OP_PROCESS_JOIN, .object = p, .out = out, .deadline_ns = deadline_ns};
  return perform(&the_backend->base, &op);
}

void release_object(struct object *o) {
  op_handle_release(&the_backend->base, o);
}

void join_well(struct object *p) {
  CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
  CHECK_EQ(record_of_process(p)->signal, 0);
  CHECK_EQ(record_of_process(p)->exit_code, 0);
  release_object(p);
}

void kill_process(struct object *p) {
  kill(pid_of(p), SIGKILL);
  CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
  release_object(p);
}

void await_sleep(const struct object *p, enum op_kind kind) {
  while (atomic_load(&record_of_process(p)->op_kind) != kind || state_of_pid(pid_of(p)) != 'S')
    usleep(50);
}

void await_stopped(pid_t pid) {
  while (state_of_pid(pid) != 'T')
    usleep(50);
}

int export_object(struct object *o, struct object_ref *ret) {
  struct backend *b = &the_backend->base;
  const struct op op = {.kind = OP_NONE, .deadline_ns = SBX_FOREVER};
  b->objects->object_ref(o, ret);
  return op_handle_export(b, &op, ret, 1);
}

struct object *new_queue(uint64_t max, enum queue_transport transport, uint64_t log_limit) {
  struct queue_options o = {.max = max, .transport = (int)transport, .log_limit_bytes = log_limit};
  struct object *q = NULL;
  CHECK_EQ(op_queue_new(&the_backend->base, &o, &q), 0);
  return q;
}

int put(struct object *q, const void *data, size_t len, int64_t deadline_ns) {
  struct op op = {
      .kind = OP_QUEUE_PUT, .object = q, .data = data, .len = len, .deadline_ns = deadline_ns};
  return perform(&the_backend->base, &op);
}

int get(struct object *q, struct buf *out, int64_t deadline_ns) {
  struct op op = {.kind = OP_QUEUE_GET, .object = q, .out = out, .deadline_ns = deadline_ns};
  return perform(&the_backend->base, &op);
}

int peek(struct object *q, struct buf *out) {
  struct op op = {.kind = OP_QUEUE_PEEK, .object = q, .out = out};
  return perform(&the_backend->base, &op);
}

int close_queue(struct object *q) {
  struct op op = {.kind = OP_QUEUE_CLOSE, .object = q, .deadline_ns = SBX_FOREVER};
  return perform(&the_backend->base, &op);
}

int task_done(struct object *q) {
  struct op op = {.kind = OP_QUEUE_TASK_DONE, .object = q, .deadline_ns = SBX_FOREVER};
  return perform(&the_backend->base, &op);
}

int join_queue(struct object *q, int64_t deadline_ns) {
  struct op op = {.kind = OP_QUEUE_JOIN, .object = q, .deadline_ns = deadline_ns};
  return perform(&the_backend->base, &op);
}

uint64_t len_of(struct object *q) {
  struct queue_info info;
  CHECK_EQ(op_queue_look(&the_backend->base, q, &info), 0);
  return info.len;
}

struct queue_record *record_of_queue(const struct object *q) {
  return &the_backend->control->queues[q->slot];
}

/* -- items that know what they are ------------------------------------------------------------- */

static uint64_t item_seed(uint32_t producer, uint32_t seq, size_t len) {
  return ((uint64_t)producer << 32 | seq) ^ ((uint64_t)len << 20);
}

/* The bytes after the first eight: words of a generator, so that a hole, a shift or a mixture shows. */
static void item_bytes(uint8_t *at, size_t len, uint32_t producer, uint32_t seq) {
  uint64_t state = item_seed(producer, seq, len), word;
  memcpy(at, &producer, 4);
  memcpy(at + 4, &seq, 4);
  for (size_t i = 8; i < len; i += 8) {
    word = random_next(&state);
    memcpy(at + i, &word, len - i < 8 ? len - i : 8);
  }
}

void item_make(struct buf *out, uint32_t producer, uint32_t seq, size_t len) {
  CHECK(len >= ITEM_LEAST);
  CHECK_EQ(buf_reserve(out, len), 0);
  item_bytes(out->data + out->len, len, producer, seq);
  out->len += len;
}

void item_check(const uint8_t *data, size_t len, uint32_t *ret_producer, uint32_t *ret_seq) {
  CHECK(len >= ITEM_LEAST);
  memcpy(ret_producer, data, 4);
  memcpy(ret_seq, data + 4, 4);
  uint64_t state = item_seed(*ret_producer, *ret_seq, len), word;
  for (size_t i = 8; i < len; i += 8) {
    word = random_next(&state);
    CHECK(memcmp(data + i, &word, len - i < 8 ? len - i : 8) == 0);
  }
}

int put_item(struct object *q, uint32_t producer, uint32_t seq, size_t len, int64_t deadline_ns) {
  struct buf item = {0};
  item_make(&item, producer, seq, len);
  int rc = put(q, item.data, item.len, deadline_ns);
  buf_release(&item);
  return rc;
}

int get_item(struct object *q, uint32_t *ret_producer, uint32_t *ret_seq, int64_t deadline_ns) {
  struct buf item = {0};
  int rc = get(q, &item, deadline_ns);
  if (rc == 0)
    item_check(item.data, item.len, ret_producer, ret_seq);
  buf_release(&item);
  return rc;
}

size_t item_mixed_len(uint32_t producer, uint32_t seq) {
  uint64_t state = item_seed(producer, seq, 1);
  uint64_t r = random_next(&state) % 100, size = random_next(&state);
  if (r < 60)
    return 10 + size % 498; /* fits a record */
  if (r < 95)
    return 500 + size % 4000;
  return 4000 + size % (200 * 1024 - 4000);
}
