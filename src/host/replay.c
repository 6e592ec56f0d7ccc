/* host/replay.c - see replay.h. */
#include "host/replay_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "host/explore_report.h"
#include "host/replay_token.h"
#include "host/script.h"
#include "host/simulated.h"
#include "host/strict.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"
#include "sim/explore/token.h"
#include "sim/world.h"

/* -- the script and its token ------------------------------------------------------------------- */

static int refuse(const char *format, const char *text) {
  struct buf message = {0};
  if (buf_format(&message, format, text) == 0 && buf_append_byte(&message, '\0') == 0)
    report_print(&(struct report){.message = (const char *)message.data});
  buf_release(&message);
  return EXIT_USAGE;
}

/* The token of the command line, which is one of this script. 0 or an exit status. */
static int read_token(const struct script *s, struct token *ret) {
  uint32_t hash;
  const char *path = replay_path(s), *wrong = token_parse(s->options->replay, ret);
  if (wrong)
    return refuse("replay: the token %s", wrong);
  if (ret->function) {
    token_release(ret);
    return refuse("replay: the token %s",
                  "is of a function: sandbox.explore(fn, { token = ... }) follows it");
  }
  if (!replay_hash(s, &hash)) {
    token_release(ret);
    return refuse("replay: cannot read '%s'", path ? path : "the script");
  }
  if (hash != ret->script) {
    token_release(ret);
    return refuse("replay: the token is of another script, or '%s' has changed since",
                  path ? path : "-e");
  }
  return 0;
}

/* -- the path ------------------------------------------------------------------------------------ */

void replay_forget(struct followed *p) {
  exploration_free(p->x);
  arena_close(p->arena);
}

bool replay_never_ends(const struct followed *p) {
  return p->f.again || exploration_state(p->x, p->f.state)->end == EXPLORE_STUCK;
}

static const char *kind_words(const struct exploration *x, uint32_t state, uint32_t process,
                              char to[64]) {
  struct request r;
  uint32_t history = exploration_history(x, state, process);
  snprintf(to, 64, "nothing");
  if (history == EXPLORE_NONE || exploration_left(x, history) ||
      exploration_request(x, history, &r))
    return to;
  snprintf(to, 64, "%s", token_kind_name(r.kind));
  request_close(&r);
  return to;
}

int replay_tell_difference(const struct followed *p) {
  struct buf text = {0};
  char kind[64];
  uint32_t step = p->f.len + 1, process = p->f.process;
  int rc = 0;
  switch (p->f.differs) {
  case FOLLOW_CANNOT:
    if (exploration_history(p->x, p->f.state, process) == EXPLORE_NONE)
      rc = buf_format(&text, "replay: step %u differs: process %u was to go on, and there is none",
                      step, process);
    else
      rc = buf_format(&text, "replay: step %u differs: process %u was to go on, but it cannot: %s",
                      step, process, kind_words(p->x, p->f.state, process, kind));
    break;
  case FOLLOW_SHORT:
    rc = buf_format(&text, "replay: step %u differs: the token goes on, but the run is over", step);
    break;
  default:
    rc = buf_format(&text,
                    "replay: the steps differ: all %u can be taken, but they are not those of the "
                    "token (its checksum says so)",
                    p->f.len);
  }
  if (rc == 0 && buf_append_byte(&text, '\0') == 0)
    report_print(&(struct report){.message = (const char *)text.data});
  buf_release(&text);
  return EXIT_DIFFERS;
}

/* Nothing could be followed, or not to the end. */
static int tell_no_path(struct followed *p, int rc, const struct explore_endless *e) {
  char endless[sizeof *e + 64];
  replay_forget(p);
  if (simulated_stopped()) {
    report_print(&(struct report){.message = simulated_stop_word()});
    return simulated_stop_status();
  }
  snprintf(endless, sizeof endless, "replay: %s goes on and on, and takes no step", e->process);
  report_print(&(struct report){
      .message = rc == EXPLORE_READS_CLOCK
                     ? "replay: the script reads the clock, and did not when the token was made"
                 : rc == EXPLORE_NOTHING ? endless
                                         : error_text(rc)});
  return rc < 0 ? EXIT_LUA_ERROR : EXIT_DIFFERS;
}

int replay_follow(struct script *script, struct followed *p) {
  const struct options *o = script->options;
  struct token token;
  struct explore_endless endless = {0};
  int rc = read_token(script, &token);
  if (rc)
    return rc;
  *p = (struct followed){0};
  rc = arena_open(&p->arena);
  const struct explore_options eo = {.seed = o->seeded ? o->seed : 1,
                                     .policy = &o->policy,
                                     .arena = p->arena,
                                     .merge_relock = true,
                                     .clock = token.clock,
                                     .follow = &token,
                                     .endless = &endless,
                                     .progress = simulated_asked};
  if (rc == 0)
    rc = explore(&eo, script_simulated, script, &p->x);
  token_release(&token);
  if (rc || simulated_stopped())
    return tell_no_path(p, rc, &endless);
  exploration_followed(p->x, &p->f);
  return 0;
}

/* -- for real processes -------------------------------------------------------------------------- */

static void fill_processes(struct turns *t, const struct world *w) {
  struct world_process p, other;
  uint32_t n = world_count(w);
  t->process_count = n < TURNS_PROCESSES ? n : TURNS_PROCESSES;
  for (uint32_t i = 0; i < t->process_count; i++) {
    struct turns_process *to = &t->processes[i];
    world_process(w, i, &p);
    if (i == 0)
      snprintf(to->name, sizeof to->name, "main");
    else
      snprintf(to->name, sizeof to->name, "%s#%llu", p.name, (unsigned long long)p.serial);
    to->nth = 0;
    for (uint32_t k = 0; k < i; k++) {
      world_process(w, k, &other);
      if (other.serial == p.spawner)
        to->spawner = k;
      to->nth += k > 0 && other.spawner == p.spawner;
    }
  }
}

/* As the supervisor's reports name it. */
static void fill_words(struct turn *to, const struct world *w, const struct request *r) {
  char name[TURNS_TEXT] = "";
  if (r->object.type != OBJECT_NONE)
    world_name(w, &r->object, name, sizeof name);
  snprintf(to->what, sizeof to->what, "%s%s%.40s", op_describe(r->kind)->verb, *name ? " " : "",
           name);
}

/* It is killed where it asks for this. */
static uint16_t kill_flags(const struct request *r) {
  return (uint16_t)(TURN_KILL | (request_is_quiet(r) ? TURN_QUIET : 0));
}

static int fill_turn(const struct exploration *x, uint32_t state, const struct explore_step *step,
                     struct world *w, struct turn *to) {
  struct request r;
  struct answer a = {0};
  int rc = exploration_world(x, state, w);
  if (rc == 0)
    rc = exploration_request(x, exploration_history(x, state, step->process), &r);
  if (rc)
    return rc;
  bool about = r.kind == OP_PROCESS_LOOK || r.kind == OP_PROCESS_JOIN;
  *to = (struct turn){.process = step->process,
                      .kind = (uint16_t)r.kind,
                      .flags = step->kill     ? kill_flags(&r)
                               : step->answer ? 0
                                              : TURN_GOES_ON,
                      .about = about ? r.object.slot : (uint32_t)TURNS_NOBODY};
  if (r.kind == OP_PROCESS_SIGNAL && r.object.slot == step->process && !step->kill)
    to->flags |= TURN_SELF;
  if (step->kill)
    snprintf(to->what, sizeof to->what, "be killed");
  else
    fill_words(to, w, &r);
  request_close(&r);
  if (step->answer && (rc = exploration_answer(x, step->answer, &a)) == 0) {
    to->number = a.number;
    if (a.rc == -SBX_ETIMEDOUT)
      to->flags |= TURN_LATE;
    if (a.rc == 0 && to->kind == OP_PROCESS_MAIL && !step->kill)
      to->flags |= TURN_SPARE;
    answer_release(&a);
  }
  return rc;
}

/*
 * An op that times out in the end does so in all of its steps but the first, if that is not the last. In a wait for a condition
 * it does so in the first, too: its time may come while another process has the lock, and that is no step.
 */
static void spread_lateness(struct turns *t) {
  for (uint32_t i = t->count; i-- > 0;) {
    bool late = t->list[i].flags & TURN_LATE;
    uint32_t before = i;
    while (before-- > 0 && t->list[before].process != t->list[i].process)
      continue;
    if (!late || before == UINT32_MAX || !(t->list[before].flags & TURN_GOES_ON))
      continue;
    uint32_t first = before;
    while (first-- > 0 && t->list[first].process != t->list[i].process)
      continue;
    if ((first != UINT32_MAX && (t->list[first].flags & TURN_GOES_ON)) ||
        t->list[before].kind == OP_CONDITION_WAIT)
      t->list[before].flags |= TURN_LATE;
  }
}

static int fill(const struct followed *p, struct turns *t) {
  const struct world_options wo = {.seed = 1, .wall_ns = SIM_WALL_NS, .merge_relock = true};
  struct world *w = NULL;
  uint32_t state = 0;
  int rc = p->f.len > TURNS_MAX ? -SBX_ENOMEM : world_new(&wo, &w);
  for (uint32_t k = 0; k < p->f.len && rc == 0; k++) {
    const struct explore_step *step = &exploration_steps(p->x, state)[p->f.path[k]];
    rc = fill_turn(p->x, state, step, w, &t->list[t->count++]);
    state = step->to;
  }
  if (rc == 0)
    rc = exploration_world(p->x, state, w);
  if (rc == 0)
    fill_processes(t, w);
  spread_lateness(t);
  world_free(w);
  return rc;
}

struct finding {
  struct script *script;
  struct turns *t;
};

/* In a process of its own. Returns its exit status. */
static int find_turns(struct script *script, struct turns *t) {
  struct followed p;
  simulated_begin();
  int status = replay_follow(script, &p);
  if (status)
    return status;
  if (p.f.differs)
    return replay_tell_difference(&p);
  if (replay_never_ends(&p))
    report_print(&(struct report){
        .message = "replay: this run never ends: real processes are led into its circle, and then "
                   "go on by themselves; with --sim it is seen to come back"});
  int rc = fill(&p, t);
  if (rc)
    report_print(&(struct report){.message = error_text(rc)});
  return rc ? EXIT_LUA_ERROR : 0;
}

/* The main of a run that finds them: a strict script is simulated in the jail, and its limits are held. */
static int find_in_jail(struct backend *b, void *ctx) {
  const struct finding *f = ctx;
  int status = strict_close(&f->script->options->policy, b);
  status = status ? status : find_turns(f->script, f->t);
  b->self->decide(b, status);
  return status;
}

static int find_apart(struct script *script, const struct supervisor_options *o, struct turns *t) {
  struct finding f = {script, t};
  if (!policy_is_strict(o->policy))
    return find_turns(script, t);
  int status = supervisor_run(o, find_in_jail, &f);
  if (status >= 0)
    return status;
  report_print(&(struct report){.message = error_text(status)});
  return EXIT_LUA_ERROR;
}

int replay_prepare(struct script *script, const struct supervisor_options *o, struct turns **ret) {
  int status = 0;
  struct turns *t = turns_new();
  fflush(NULL);
  pid_t parent = getpid(), pid = t ? fork() : -1;
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    status = getppid() == parent ? find_apart(script, o, t) : EXIT_LUA_ERROR;
    fflush(NULL);
    _exit(status);
  }
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  status = pid < 0               ? EXIT_LUA_ERROR
           : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                 : WEXITSTATUS(status);
  if (pid < 0)
    report_print(&(struct report){.message = error_text(-SBX_ENOMEM)});
  if (status) {
    turns_free(t);
    return status;
  }
  *ret = t;
  return 0;
}

int replay_over(struct turns *t, int status) {
  char difference[TURNS_DIFFERENCE];
  if (!turns_done(t, difference)) {
    char text[TURNS_DIFFERENCE + 16];
    snprintf(text, sizeof text, "replay: %s", difference);
    report_print(&(struct report){.message = text});
    status = EXIT_DIFFERS;
  }
  turns_free(t);
  return status;
}
