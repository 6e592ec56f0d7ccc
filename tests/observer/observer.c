/*
 * tests/observer/observer.c - a build of the program whose processes see every op, and whose shared records are out of reach
 * but for the op that is under way.
 *
 * Each process of a run sets `observe`. What scripts can influence one another by lies in three areas of the control block:
 * the objects, who holds them, the table of processes. All are closed; when an op begins, the areas open that its row in
 * object/ops.def says it reads, for reading, and those that it writes, for writing; when it ends they are closed again. A
 * read or write that goes round perform(), or that its row does not tell of, is a fault of the processor, and so none can
 * be missed that happens. The fault is written down with a backtrace to the file that SANDBOX_OBSERVED names, and the area
 * stays open until the next op, so that the program goes on.
 *
 * An area is closed by a protection key (pkeys(7)), which costs a few cycles. Where the machine has none, its pages are closed by
 * mprotect(2) for good, and a fault opens the page that an op may reach until the op ends: some ten microseconds for a page.
 *
 * Not by an op, and allowed:
 *   - handlers of signals: the one for SIGCHLD fills the record of a child that has ended, which is the end of that child
 *   - writing a line of output, which asks whether the process lives that writes another (os/process/output.c)
 *   - starting another program, which asks the same of a process that left it the output (os/process/program.c)
 *   - looking and steering (struct run_ops), by a person at the prompt
 *   - memory that a queue does not need goes back while the process sleeps (os/shared/wait.c)
 *   - a process that has no room for a descriptor asks all others to collect garbage (os/shared/broker.c)
 * Not seen: the process's own record, clocks, and what a queue's pipe, a log or a store holds; each is reached through a
 * record that is seen.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "look/snapshot.h"
#include "lua/bind/sandbox_lib.h"
#include "os/shared/broker.h"
#include "os/shared/self.h"

extern const char __executable_start[];

enum { AREAS = 3, PAGE = 4096, NESTED = 16, FRAMES = 24, NO_KEY = -1 };
enum rights { RIGHT_NONE, RIGHT_READ, RIGHT_WRITE };

static struct area {
  const char *name;
  unsigned reach; /* of enum op_reach */
  struct part {
    char *from, *to;
  } parts[2];
  int key;    /* NO_KEY: mprotect */
  bool burst; /* a fault has opened it until the next op */
  enum rights now;
} areas[AREAS] = {{.name = "objects", .reach = ON_OBJECT | ON_LINE},
                  {.name = "holders", .reach = ON_HOLDERS},
                  {.name = "processes", .reach = ON_PROCESSES}};

static bool armed;
static volatile bool proving; /* a fault is wanted */
static int depth; /* ops within ops: answers given while one waits */
static const struct op *under_way[NESTED];
static enum rights before[NESTED][AREAS];
static const struct run_ops *run;
static const struct self_ops *self;

/* -- areas --------------------------------------------------------------------------------------- */

static void protect(const struct area *a, int protection, int key) {
  for (int i = 0; i < 2; i++) {
    const struct part *p = &a->parts[i];
    if (p->from && pkey_mprotect(p->from, (size_t)(p->to - p->from), protection, key))
      abort();
  }
}

/* Without keys: the pages that are open. The later ones may be those of a handler of a signal. */
static char *open_pages[512];
static int open_count;

static void protect_page(char *page, int protection) {
  if (mprotect(page, PAGE, protection))
    abort();
}

/* All but the first `keep`. */
static void close_pages(int keep) {
  while (open_count > keep)
    protect_page(open_pages[--open_count], PROT_NONE);
}

static bool is_open(const char *page) {
  for (int i = 0; i < open_count; i++)
    if (open_pages[i] == page)
      return true;
  return false;
}

static void open_page(const char *at, bool writes) {
  char *page = (char *)(uintptr_t)((uintptr_t)at / PAGE * PAGE);
  if (!is_open(page)) {
    if (open_count == sizeof open_pages / sizeof *open_pages)
      close_pages(0);
    open_pages[open_count++] = page;
  }
  protect_page(page, writes ? PROT_READ | PROT_WRITE : PROT_READ);
}

static void set_rights(struct area *a, enum rights r) {
  static const unsigned denied[] = {PKEY_DISABLE_ACCESS, PKEY_DISABLE_WRITE, 0};
  a->now = r;
  if (a->key != NO_KEY)
    pkey_set(a->key, denied[r]);
}

static void arm(struct area *a) {
  if (a->burst)
    protect(a, PROT_READ | PROT_WRITE, a->key);
  a->burst = false;
}

static void set_all(const enum rights r[AREAS]) {
  close_pages(0);
  for (int i = 0; i < AREAS; i++)
    if (areas[i].now != r[i])
      set_rights(&areas[i], r[i]);
}

static void get_all(enum rights ret[AREAS]) {
  for (int i = 0; i < AREAS; i++)
    ret[i] = areas[i].now;
}

/* -- ops ----------------------------------------------------------------------------------------- */

static int observe(void *unused, const struct op *op, enum op_phase phase, int rc) {
  (void)unused;
  if (phase == OP_END) {
    set_all(before[--depth]);
    return rc;
  }
  const struct op_description *d = op_describe(op->kind);
  enum rights r[AREAS];
  get_all(before[depth]);
  under_way[depth++] = op;
  for (int i = 0; i < AREAS; i++) {
    arm(&areas[i]);
    r[i] = d->writes & areas[i].reach ? RIGHT_WRITE : d->reads & areas[i].reach ? RIGHT_READ : RIGHT_NONE;
  }
  set_all(r);
  return rc;
}

static const char *op_name(void) {
  static char text[64];
  if (depth == 0)
    return "outside of any op";
  const struct op_description *d = op_describe(under_way[depth - 1]->kind);
  snprintf(text, sizeof text, "in the op %s.%s", object_type_word(d->type), d->verb);
  return text;
}

/* -- faults -------------------------------------------------------------------------------------- */

static struct area *area_of(const char *at) {
  for (int i = 0; i < AREAS; i++)
    for (int k = 0; k < 2; k++)
      if (at >= areas[i].parts[k].from && at < areas[i].parts[k].to)
        return &areas[i];
  return NULL;
}

static void write_down(const struct area *a, bool writes) {
  void *frames[FRAMES];
  char line[1024];
  int n = backtrace(frames, FRAMES);
  int len = snprintf(line, sizeof line, "%s of %s %s:", writes ? "write" : "read", a->name, op_name());
  for (int i = 2; i < n && len < (int)sizeof line - 24; i++)
    len += snprintf(line + len, sizeof line - (size_t)len, " 0x%tx", (const char *)frames[i] - __executable_start);
  line[len++] = '\n';
  const char *path = getenv("SANDBOX_OBSERVED");
  int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : dup(2);
  if (fd < 0 || write(fd, line, (size_t)len) < 0)
    abort();
  close(fd);
}

/* What the processor refused: bit 1 of a page fault's error code is set for a write. */
static bool was_write(const void *context) {
#ifdef __x86_64__
  return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
#else
  (void)context;
  return false;
#endif
}

static void on_fault(int signal_number, siginfo_t *info, void *context) {
  int saved = errno;
  struct area *a = area_of(info->si_addr);
  if (!a || !armed) {
    signal(signal_number, SIG_DFL);
    return;
  }
  bool writes = was_write(context);
  bool allowed = a->now == RIGHT_WRITE || (a->now == RIGHT_READ && !writes);
  if (!proving && (a->key != NO_KEY || !allowed))
    write_down(a, writes);
  proving = false;
  if (a->key == NO_KEY) {
    open_page(info->si_addr, writes);
  } else {
    protect(a, PROT_READ | PROT_WRITE, 0); /* the right of its own key stays what it is */
    a->burst = true;
  }
  errno = saved;
}

/* -- what is allowed ----------------------------------------------------------------------------- */

/* What was open before all was opened. */
struct opened {
  enum rights rights[AREAS];
  int pages;
};

/* Open all; returns whether it was needed, and what was. */
static bool open_all(struct opened *was) {
  if (!armed)
    return false;
  get_all(was->rights);
  was->pages = open_count;
  for (int i = 0; i < AREAS; i++)
    set_rights(&areas[i], RIGHT_WRITE); /* in a handler the keys are closed, whatever they were */
  return true;
}

static void close_again(const struct opened *was) {
  for (int i = 0; i < AREAS; i++)
    set_rights(&areas[i], was->rights[i]);
  close_pages(was->pages);
}

static struct sigaction handlers[64];

static void handle(int signal_number, siginfo_t *info, void *context) {
  const struct sigaction *h = &handlers[signal_number];
  struct opened was;
  bool opened = open_all(&was);
  if (h->sa_flags & SA_SIGINFO)
    h->sa_sigaction(signal_number, info, context);
  else
    h->sa_handler(signal_number);
  if (opened)
    close_again(&was);
}

int __real_sigaction(int number, const struct sigaction *new, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *new, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *new, struct sigaction *old) {
  struct sigaction shown, mine;
  bool known = number > 0 && number < 64;
  int rc;
  if (new && known && (new->sa_flags & SA_SIGINFO || (new->sa_handler != SIG_DFL && new->sa_handler != SIG_IGN))) {
    struct sigaction theirs = handlers[number];
    handlers[number] = *new;
    mine = *new;
    mine.sa_sigaction = handle;
    mine.sa_flags |= SA_SIGINFO;
    sigdelset(&mine.sa_mask, SIGSEGV);
    rc = __real_sigaction(number, &mine, &shown);
    if (rc == 0 && old)
      *old = shown.sa_flags & SA_SIGINFO && shown.sa_sigaction == handle ? theirs : shown;
    return rc;
  }
  rc = __real_sigaction(number, new, &shown);
  if (rc == 0 && old)
    *old = known && (shown.sa_flags & SA_SIGINFO) && shown.sa_sigaction == handle ? handlers[number] : shown;
  return rc;
}

/* A fault that is blocked ends the process. */
int __real_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old) {
  sigset_t mine;
  if (set && how != SIG_UNBLOCK) {
    mine = *set;
    sigdelset(&mine, SIGSEGV);
    set = &mine;
  }
  return __real_sigprocmask(how, set, old);
}

static struct stream {
  cookie_io_functions_t functions;
  void *cookie;
} streams[16];
static int stream_count;

static ssize_t write_line(void *cookie, const char *text, size_t len) {
  const struct stream *s = cookie;
  struct opened was;
  bool opened = open_all(&was);
  ssize_t n = s->functions.write(s->cookie, text, len);
  if (opened)
    close_again(&was);
  return n;
}

static int seek_stream(void *cookie, off64_t *offset, int whence) {
  const struct stream *s = cookie;
  if (s->functions.seek)
    return s->functions.seek(s->cookie, offset, whence);
  errno = ESPIPE;
  return -1;
}

static int close_stream(void *cookie) {
  const struct stream *s = cookie;
  return s->functions.close ? s->functions.close(s->cookie) : 0;
}

FILE *__real_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions) {
  if (!functions.write || functions.read || stream_count == 16)
    return __real_fopencookie(cookie, mode, functions);
  struct stream *s = &streams[stream_count++];
  *s = (struct stream){.functions = functions, .cookie = cookie};
  return __real_fopencookie(s, mode, (cookie_io_functions_t){.write = write_line, .seek = seek_stream, .close = close_stream});
}

int __real_broker_request(struct os_backend *b, const struct op *op, struct broker_message *m, int *fds);
int __wrap_broker_request(struct os_backend *b, const struct op *op, struct broker_message *m, int *fds);
int __wrap_broker_request(struct os_backend *b, const struct op *op, struct broker_message *m, int *fds) {
  struct opened was;
  bool opened = open_all(&was);
  int rc = __real_broker_request(b, op, m, fds);
  if (opened)
    close_again(&was);
  return rc;
}

void __real_queue_trim_all(struct os_backend *b);
void __wrap_queue_trim_all(struct os_backend *b);
void __wrap_queue_trim_all(struct os_backend *b) {
  struct opened was;
  bool opened = open_all(&was);
  __real_queue_trim_all(b);
  if (opened)
    close_again(&was);
}

static int look(struct backend *b, unsigned parts, struct snapshot *ret) {
  struct opened was;
  bool opened = open_all(&was);
  int rc = run->look(b, parts, ret);
  if (opened)
    close_again(&was);
  return rc;
}

static int steer(struct backend *b, enum steer what, uint32_t slot, uint64_t serial, int64_t deadline_ns) {
  struct opened was;
  bool opened = open_all(&was);
  int rc = run->steer(b, what, slot, serial, deadline_ns);
  if (opened)
    close_again(&was);
  return rc;
}

static int start_program(struct backend *b, const char *command, enum program_mode mode, struct program *ret) {
  struct opened was;
  bool opened = open_all(&was);
  int rc = self->program_start(b, command, mode, ret);
  if (opened)
    close_again(&was);
  return rc;
}

/* -- the beginning ------------------------------------------------------------------------------- */

static struct part part_of(void *from, size_t bytes) {
  char *at = from;
  if ((uintptr_t)at % PAGE)
    abort(); /* os/shared/control.h: CONTROL_AREA */
  return (struct part){at, at + bytes / PAGE * PAGE};
}

/* A closed area is closed. */
static void prove(struct area *a) {
  proving = true;
  (void)*(volatile char *)a->parts[0].from;
  if (proving)
    abort();
  arm(a);
  close_pages(0);
  set_rights(a, RIGHT_NONE);
}

static void arm_all(struct control *c) {
  areas[0].parts[0] = part_of(c->queues, sizeof c->queues);
  areas[0].parts[1] = part_of(c->syncs, sizeof c->syncs);
  areas[1].parts[0] = part_of(c->object_stamp, sizeof c->object_stamp);
  areas[1].parts[1] = part_of(c->held, sizeof c->held);
  areas[2].parts[0] = part_of(c->process_stamp, sizeof c->process_stamp);
  struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  void *unused[1];
  backtrace(unused, 1); /* loads a library the first time */
  __real_sigaction(SIGSEGV, &fault, NULL);
  for (int i = 0; i < AREAS; i++) {
    areas[i].key = pkey_alloc(0, 0); /* or NO_KEY */
    protect(&areas[i], areas[i].key == NO_KEY ? PROT_NONE : PROT_READ | PROT_WRITE, areas[i].key);
    set_rights(&areas[i], RIGHT_NONE);
  }
  armed = true;
  for (int i = 0; i < AREAS; i++)
    prove(&areas[i]);
}

int __real_sandbox_lib_open(lua_State *L, struct backend *b);
int __wrap_sandbox_lib_open(lua_State *L, struct backend *b);
int __wrap_sandbox_lib_open(lua_State *L, struct backend *b) {
  static struct run_ops watched;
  static struct self_ops watched_self;
  int rc = __real_sandbox_lib_open(L, b);
  if (!armed) {
    run = b->run;
    watched = *run;
    watched.look = look;
    watched.steer = steer;
    b->run = &watched;
    self = b->self;
    watched_self = *self;
    watched_self.program_start = start_program;
    b->self = &watched_self;
    backend_observe(b, observe, NULL, true);
    arm_all(((struct os_backend *)b)->control);
  }
  return rc;
}
