/*
 * host/agent.c - `sandbox agent`: the processes of other hosts' runs on this one; see far.h.
 *
 * The agent itself waits for requests and for the ends of its couriers. A second process beats, and does
 * nothing else: however busy the agent and its couriers are, the host does not seem dead.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "host/far.h"
#include "host/options.h"
#include "net/link.h"

enum { COURIERS_MAX = 4096, ONCE_IDLE_S = 10 };

struct courier_place {
  pid_t pid; /* 0: free */
  char run[ENGINE_RUN], id[ENGINE_RUN];
};

struct agent {
  const struct options *o;
  struct host_info me;
  struct engine *engine; /* for what is said */
  struct link inbox;     /* `in` alone is used */
  pid_t beat;
  struct courier_place *couriers;
  int count;       /* of couriers that live */
  bool worked;     /* there was one */
  int64_t idle_ns; /* since when there is none */
  bool counted;    /* the engine knows `count` */
  char last_run[ENGINE_RUN];
  struct engine_options options; /* far_setup.engine, and that the agent may be told to end */
  sigset_t ends;                 /* signals that tell it to */
};

static volatile sig_atomic_t told_to_end;

static void on_end(int signal) {
  (void)signal;
  told_to_end = 1;
}

static void on_child(int signal) { (void)signal; }

static void complain(const struct agent *a, const char *what) {
  fprintf(stderr, "sandbox agent %s: %s\n", a->me.name, what);
}

/* The one who started us holds the other end of stdin: its end is ours. */
static bool starter_gone(const struct agent *a) {
  char byte;
  struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
  return a->o->agent.password_stdin && poll(&p, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

/* For engine_options.stop. */
static bool is_told_to_end(void *agent) { return told_to_end || starter_gone(agent); }

/* Something failed. If the agent was told to end, that is why: it did not wait for the engine any more. Returns the exit
 * status. */
static int engine_failed(struct agent *a, int code) {
  if (is_told_to_end(a))
    return 0;
  complain(a, error_text(code));
  return EXIT_LUA_ERROR;
}

/* -- beats ------------------------------------------------------------------------------------------ */

enum { BEAT_TAKEN = 3, BEAT_GONE = 4 };

static void beat_for_ever(const struct agent *a, pid_t parent) __attribute__((noreturn));
static void beat_for_ever(const struct agent *a, pid_t parent) {
  struct engine *e;
  bool taken = false;
  sigset_t none;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGCHLD, SIG_DFL);
  signal(SIGINT, SIG_IGN); /* of the terminal: it is the agent's */
  signal(SIGTERM, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (getppid() != parent || engine_new(&far_setup.engine, &e))
    _exit(1);
  for (;;) {
    int64_t next_ns = clock_now_ns() + HOST_BEAT_NS;
    int rc = host_beat(e, &a->me, HOST_LOST_NS, &taken);
    if (rc && rc != -SBX_ENOSPC) /* the engine may have room again */
      _exit(BEAT_GONE);
    if (taken)
      _exit(BEAT_TAKEN);
    struct timespec left;
    ppoll(NULL, 0, clock_left(next_ns, &left), NULL);
  }
}

static int start_beat(struct agent *a) {
  pid_t parent = getpid();
  fflush(NULL);
  a->beat = fork();
  if (a->beat == 0)
    beat_for_ever(a, parent);
  return a->beat < 0 ? error_call("fork", errno) : 0;
}

/* Get the name. One that an agent which has just died had is waited for. */
static int claim_name(struct agent *a) {
  const int64_t until_ns = clock_now_ns() + HOST_LOST_NS + 2 * HOST_BEAT_NS; /* 7 s */
  bool taken, told = false;
  int rc;
  while ((rc = host_beat(a->engine, &a->me, HOST_LOST_NS, &taken)) == 0 && taken && !told_to_end &&
         clock_now_ns() < until_ns) {
    if (!told)
      complain(a, "waits for its name, which another agent has had until now: "
                  "if that was killed, the name is free within 7 s");
    told = true;
    poll(NULL, 0, 250);
  }
  if (rc == 0 && taken && !told_to_end) {
    complain(a, "there is an agent of this name already: choose another one with --name");
    return EXIT_USAGE;
  }
  return rc ? engine_failed(a, rc) : 0;
}

/* -- couriers --------------------------------------------------------------------------------------- */

static struct courier_place *free_place(struct agent *a) {
  for (int i = 0; i < COURIERS_MAX; i++)
    if (a->couriers[i].pid == 0)
      return &a->couriers[i];
  return NULL;
}

/* Tell the stand-in in the courier's place. */
static void tell_lost(struct agent *a, const char *run, const char *id, const char *why) {
  char up[ENGINE_KEY];
  far_key(up, run, id, "up");
  link_add(a->engine, up, FAR_LOST, why, strlen(why));
}

static void start_courier(struct agent *a, const struct far_request *r) {
  struct courier_place *place = free_place(a);
  pid_t parent = getpid();
  fflush(NULL);
  pid_t pid = place ? fork() : -1;
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
      _exit(0);
    courier_run(r, &a->me);
  }
  if (pid < 0) {
    tell_lost(a, r->run, r->id,
              place ? "its agent could not start another process"
                    : "its agent runs 4096 processes, the most that it can");
    return;
  }
  *place = (struct courier_place){.pid = pid};
  text_copy(place->run, sizeof place->run, r->run);
  text_copy(place->id, sizeof place->id, r->id);
  text_copy(a->last_run, sizeof a->last_run, r->run);
  a->count++;
  a->worked = true;
  a->counted = false;
}

/* A courier ends with 0, whatever becomes of its process: then the stand-in knows. */
static void courier_ended(struct agent *a, struct courier_place *p, int status) {
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    tell_lost(a, p->run, p->id, "the process that looked after it was killed");
  p->pid = 0;
  a->count--;
  a->counted = false;
  a->idle_ns = clock_now_ns();
}

/* Returns an exit status, -1: go on. */
static int beat_ended(struct agent *a, int status) {
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  if (code == BEAT_TAKEN) {
    complain(a,
             "another agent has taken the name, since this one gave no sign of life for too long");
    return EXIT_LUA_ERROR;
  }
  if (code == BEAT_GONE) {
    complain(a, error_text(-SBX_EENGINE));
    return EXIT_LUA_ERROR;
  }
  return start_beat(a) ? EXIT_LUA_ERROR : -1;
}

static int reap(struct agent *a) {
  pid_t pid;
  int status, end = -1;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == a->beat)
      end = beat_ended(a, status);
    for (int i = 0; i < COURIERS_MAX; i++)
      if (a->couriers[i].pid == pid)
        courier_ended(a, &a->couriers[i], status);
  }
  return end;
}

/* End all: the couriers tell the stand-ins, and end their trees. */
static void end_couriers(struct agent *a) {
  for (int i = 0; i < COURIERS_MAX; i++)
    if (a->couriers[i].pid)
      kill(a->couriers[i].pid, SIGTERM);
  int64_t until_ns = clock_now_ns() + 3 * NS_PER_SECOND;
  while (a->count > 0 && clock_now_ns() < until_ns) {
    reap(a);
    poll(NULL, 0, 5);
  }
  for (int i = 0; i < COURIERS_MAX; i++)
    if (a->couriers[i].pid)
      kill(a->couriers[i].pid, SIGKILL); /* the kernel ends their trees */
}

/* -- the loop ---------------------------------------------------------------------------------------- */

/* The run is over: whatever it has left here ends. */
static void end_run(struct agent *a, const char *run) {
  for (int i = 0; i < COURIERS_MAX; i++)
    if (a->couriers[i].pid && strcmp(a->couriers[i].run, run) == 0)
      kill(a->couriers[i].pid, SIGTERM);
}

static int hear(struct agent *a) {
  struct link_message m;
  struct far_request r;
  char run[ENGINE_RUN] = "";
  int rc;
  while ((rc = link_hear(&a->inbox, &m)) == 1) {
    if (m.kind == FAR_REQUEST && far_request_read(m.data, m.len, &r))
      start_courier(a, &r);
    if (m.kind == FAR_OVER && m.len < sizeof run) {
      memcpy(run, m.data, m.len);
      run[m.len] = '\0';
      end_run(a, run);
      if (a->o->agent.once && strcmp(run, a->last_run) == 0)
        told_to_end = 1;
    }
  }
  return rc;
}

static bool is_over(struct agent *a) {
  bool idle =
      a->worked && a->count == 0 && clock_now_ns() - a->idle_ns > ONCE_IDLE_S * NS_PER_SECOND;
  return is_told_to_end(a) || (a->o->agent.once && idle);
}

static void wait_for_news(const struct agent *a) {
  struct pollfd fds[] = {{.fd = link_fd(&a->inbox), .events = POLLIN},
                         {.fd = a->o->agent.password_stdin ? STDIN_FILENO : -1, .events = POLLIN}};
  struct timespec most = {.tv_sec = 1};
  sigset_t none, before;
  sigemptyset(&none);
  if (fds[0].fd < 0)
    most = (struct timespec){.tv_nsec = 20 * 1000 * 1000};
  sigprocmask(SIG_BLOCK, &a->ends, &before); /* one that comes after the look ends ppoll */
  if (!told_to_end)
    ppoll(fds, 2, &most, &none);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static int serve(struct agent *a) {
  int end = -1, rc = 0;
  while (end < 0 && rc == 0 && !is_over(a)) {
    end = reap(a);
    rc = hear(a);
    if (rc == 0 && !a->counted) {
      rc = host_set_processes(a->engine, a->me.name, a->count);
      a->counted = true;
    }
    if (rc == 0 && end < 0 && !is_over(a))
      wait_for_news(a);
  }
  return rc ? engine_failed(a, rc) : end < 0 ? 0 : end;
}

/* -- the command -------------------------------------------------------------------------------------- */

static void catch_signals(struct agent *a) {
  static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigemptyset(&a->ends);
  signal(SIGCHLD, on_child);
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    struct sigaction end = {.sa_handler = on_end};
    sigemptyset(&end.sa_mask);
    sigaction(ends[i], &end, NULL); /* they interrupt whatever waits */
    sigaddset(&a->ends, ends[i]);
  }
  sigprocmask(SIG_BLOCK, &blocked, NULL); /* but while it waits */
}

/* The first line of stdin is the password: neither an argument nor a file. */
static bool read_password(struct engine_address *a) {
  size_t n = 0;
  char byte;
  while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
    if (n + 1 < sizeof a->password)
      a->password[n++] = byte;
  a->password[n] = '\0';
  return byte == '\n';
}

static int open_engine(struct agent *a) {
  char why[ENGINE_WHY];
  if (engine_parse(a->o->agent.url, &far_setup.engine.address, why)) {
    fprintf(stderr, "sandbox: %s\n", why);
    return EXIT_USAGE;
  }
  engine_hide_password((char *)(uintptr_t)a->o->agent.url);
  if (a->o->agent.password_stdin && !read_password(&far_setup.engine.address))
    return EXIT_USAGE;
  engine_note_name(&far_setup.engine.address);
  far_setup.engine.insecure = a->o->agent.insecure;
  a->options = far_setup.engine;
  a->options.stop = is_told_to_end;
  a->options.stop_ctx = a;
  if (engine_open(&a->options, &a->engine, why)) {
    fprintf(stderr, "sandbox: %s\n", why);
    return EXIT_USAGE;
  }
  return 0;
}

static int processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

static int name_itself(struct agent *a) {
  char name[NAME_MAX_BYTES + 16] = "";
  if (a->o->agent.name)
    text_copy(name, sizeof name, a->o->agent.name);
  else if (gethostname(name, sizeof name - 1) == 0)
    name[strcspn(name, ".")] = '\0';
  if (!host_is_name(name)) {
    fprintf(stderr,
            "sandbox: '%s' is no name for a host: give it one of letters and digits with --name\n",
            name);
    return EXIT_USAGE;
  }
  a->me.cpus = processors();
  a->me.slots = a->o->agent.slots ? a->o->agent.slots : a->me.cpus;
  text_copy(a->me.name, sizeof a->me.name, name);
  text_copy(a->me.speaks, sizeof a->me.speaks, far_speaks());
  engine_draw_run(a->me.life);
  text_copy(far_setup.here, sizeof far_setup.here, name);
  return 0;
}

static int begin(struct agent *a) {
  char inbox[ENGINE_KEY], where[ENGINE_TEXT + 16];
  host_inbox(inbox, a->me.name);
  int status = claim_name(a);
  if (status || told_to_end)
    return status;
  int rc = far_forget(a->engine, inbox);
  if (rc == 0)
    rc = link_open(&a->inbox, &a->options, inbox, inbox);
  if (rc == 0)
    rc = start_beat(a);
  if (rc)
    return engine_failed(a, rc);
  fprintf(stderr, "sandbox agent %s: ready, %d slots, engine %s\n", a->me.name, (int)a->me.slots,
          engine_name(&far_setup.engine.address, where));
  return 0;
}

int agent_command(const struct options *o) {
  struct agent a = {.o = o};
  a.couriers = calloc(COURIERS_MAX, sizeof *a.couriers);
  if (!a.couriers)
    return EXIT_LUA_ERROR;
  setvbuf(stderr, NULL, _IOLBF, 0);
  int status = name_itself(&a);
  if (status == 0)
    status = open_engine(&a);
  if (status == 0) {
    far_setup.on = true;
    catch_signals(&a);
    status = begin(&a);
  }
  if (status == 0 && !told_to_end) {
    status = serve(&a);
    end_couriers(&a);
  }
  if (a.beat > 0)
    kill(a.beat, SIGKILL);
  if (a.engine && status != EXIT_USAGE)
    host_leave(a.engine, &a.me);
  link_close(&a.inbox);
  engine_close(a.engine);
  free(a.couriers);
  return status;
}
