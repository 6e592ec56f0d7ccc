/* host/cure.c - see cure.h. */
#include "host/cure.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/explore_words.h"
#include "host/simulated.h"
#include "host/told.h"

enum { KEPT = 8 };

struct cures {
  pid_t pid;
  int fd;
  /* what was checked already: a report and a page tell the same */
  struct cure asked[KEPT];
  struct cure_result told[KEPT];
  uint32_t count;
};

/* -- the process that checks --------------------------------------------------------------------- */

/* Each cure in a process of its own, since exploring leaves nothing as it was. */
static void check_one(int fd, cure_run *run, void *ctx, const struct cure *c) {
  struct cure_result result = {0};
  int status;
  pid_t server = getpid(), pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != server) /* it ended before */
      _exit(0);
    run(ctx, c, &result);
    send(fd, &result, sizeof result, MSG_NOSIGNAL);
    _exit(0);
  }
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    send(fd, &result, sizeof result, MSG_NOSIGNAL);
}

__attribute__((noreturn)) static void serve(int fd, cure_run *run, void *ctx) {
  struct cure c;
  ssize_t n;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while ((n = recv(fd, &c, sizeof c, 0)) == (ssize_t)sizeof c || (n < 0 && errno == EINTR))
    if (n > 0)
      check_one(fd, run, ctx, &c);
  _exit(0);
}

struct cures *cures_open(cure_run *run, void *ctx) {
  int fds[2];
  struct cures *c = calloc(1, sizeof *c);
  if (!c || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
    free(c);
    return NULL;
  }
  fflush(NULL);
  c->pid = fork();
  if (c->pid == 0) {
    close(fds[0]);
    serve(fds[1], run, ctx);
  }
  close(fds[1]);
  c->fd = fds[0];
  if (c->pid > 0)
    return c;
  close(c->fd);
  free(c);
  return NULL;
}

void cures_close(struct cures *c) {
  if (!c)
    return;
  close(c->fd);
  while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  free(c);
}

void cure_sum(const struct cure *c, const struct exploration *x, struct cure_result *ret) {
  struct explore_sum s;
  struct failure list[FAILURES_MAX];
  uint32_t bad = failures_find(x, list);
  failures_release(list, bad);
  exploration_sum(x, &s);
  bool made = c->made.kind == CURE_NONE || (s.cure_used && !s.cure_unsure);
  *ret = (struct cure_result){.known = made && bad != EXPLORE_NONE,
                              .stop = s.stop,
                              .states = s.states,
                              .preemptions = s.preemptions,
                              .ways = s.ways,
                              .bad_ways = s.bad_ways,
                              .fails = bad > 0};
}

/* -- in the text --------------------------------------------------------------------------------- */

static bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Where a word stands in a line, if it does exactly once; NULL. */
static const char *find_word(const char *line, size_t len, const char *word) {
  const char *found = NULL;
  size_t n = strlen(word);
  for (size_t i = 0; i + n <= len; i++) {
    bool whole = (i == 0 || !is_word(line[i - 1])) && (i + n == len || !is_word(line[i + n]));
    if (!whole || memcmp(line + i, word, n) != 0)
      continue;
    if (found)
      return NULL;
    found = line + i;
  }
  return found;
}

struct change {
  const char *from, *to;
};

/* The words that are to be others, each of which must stand once in the line. */
static const struct change *changes_of(enum story_check check) {
  static const struct change loop[] = {{"if", "while"}, {"then", "do"}, {0}},
                             all[] = {{"notify", "notify_all"}, {0}}, none[] = {{0}};
  return check == CHECK_WHILE ? loop : check == CHECK_NOTIFY_ALL ? all : none;
}

/* Append the line, changed. False: it cannot be. */
static bool put_changed(FILE *f, const char *line, size_t len, const struct change *changes) {
  const char *at = line;
  for (; changes->from; changes++) {
    const char *word = find_word(line, len, changes->from);
    if (!word || word < at)
      return false;
    fwrite(at, 1, (size_t)(word - at), f);
    fputs(changes->to, f);
    at = word + strlen(changes->from);
  }
  fwrite(at, 1, len - (size_t)(at - line), f);
  return at != line;
}

char *cure_text(const struct cure *c, const char *path, size_t *ret_len) {
  const struct explore_lines *lines = &c->made.lines[0];
  const struct change *changes = changes_of(c->check);
  char *text = NULL, *line = NULL;
  size_t room = 0;
  bool changed = false;
  FILE *from = changes->from && strcmp(path, lines->source) == 0 ? fopen(path, "re") : NULL;
  FILE *to = from ? open_memstream(&text, ret_len) : NULL;
  ssize_t len;
  for (int n = 1; to && (len = getline(&line, &room, from)) >= 0; n++)
    if (n == 1 && line[0] == '#') /* as Lua does with the first line of a file */
      fputc('\n', to);
    else if (n != lines->first)
      fwrite(line, 1, (size_t)len, to);
    else
      changed = put_changed(to, line, (size_t)len, changes);
  free(line);
  if (from)
    fclose(from);
  if (!to || fclose(to) != 0 || !changed) {
    free(text);
    return NULL;
  }
  return text;
}

/* -- asking -------------------------------------------------------------------------------------- */

/* The history of the process that takes a step of the failure, before it does. */
static uint32_t history_before(const struct exploration *x, const struct failure *f,
                               uint32_t step) {
  uint32_t state = 0;
  for (uint32_t i = 0; i < step; i++)
    state = exploration_steps(x, state)[f->path[i]].to;
  return exploration_history(x, state, exploration_steps(x, state)[f->path[step]].process);
}

/* The file of a step, as the exploration names it. */
static void find_source(struct exploration *x, const struct failure *f, uint32_t step,
                        char source[WHERE_MAX]) {
  exploration_where(x, history_before(x, f, step), source);
  char *colon = strrchr(source, ':');
  if (colon)
    *colon = '\0';
}

static void fill(struct exploration *x, const struct failure *f, const struct story *s,
                 const struct story_proposal *p, struct cure *c) {
  memset(c, 0, sizeof *c);
  c->check = p->check;
  c->count = p->count;
  c->made.kind = p->check == CHECK_ONE_STEP     ? CURE_ONE_STEP
                 : p->check == CHECK_LOCK_ORDER ? CURE_LOCK_ORDER
                                                : CURE_NONE;
  for (uint32_t i = 0; i < p->count; i++) {
    struct explore_lines *to = &c->made.lines[i];
    find_source(x, f, p->lines[i].step, to->source);
    to->first = p->lines[i].first;
    to->last = p->lines[i].last;
    to->begins = s->steps[p->lines[i].step].kind;
  }
}

/* -1: nothing is known of it. */
static int ask(struct cures *c, const struct cure *cure, struct cure_result *ret) {
  ssize_t n;
  for (uint32_t i = 0; i < c->count; i++)
    if (memcmp(&c->asked[i], cure, sizeof *cure) == 0) {
      *ret = c->told[i];
      return ret->known ? 0 : -1;
    }
  if (c->count == KEPT || send(c->fd, cure, sizeof *cure, MSG_NOSIGNAL) != (ssize_t)sizeof *cure)
    return -1;
  while ((n = recv(c->fd, ret, sizeof *ret, 0)) < 0 && errno == EINTR)
    if (simulated_stopped())
      kill(c->pid, SIGKILL); /* and so what it has forked: recv finds the end */
  if (n != (ssize_t)sizeof *ret)
    return -1;
  c->asked[c->count] = *cure;
  c->told[c->count++] = *ret;
  return ret->known ? 0 : -1;
}

/* -- telling ------------------------------------------------------------------------------------- */

static void say_lines(struct buf *out, const struct explore_lines *l) {
  if (l->first == l->last)
    buf_format(out, "line %d", l->first);
  else
    buf_format(out, "lines %d to %d", l->first, l->last);
}

/* "with line 3 in one step" */
static void say_change(struct buf *out, const struct cure *c) {
  switch (c->check) {
  case CHECK_ONE_STEP:
    buf_format(out, "with ");
    for (uint32_t i = 0; i < c->count; i++) {
      buf_format(out, i ? ", and " : "");
      say_lines(out, &c->made.lines[i]);
    }
    buf_format(out, c->count > 1 ? ", in one step each," : " in one step,");
    break;
  case CHECK_LOCK_ORDER:
    buf_format(out, "with the locks taken in the order in which they were made,");
    break;
  case CHECK_WHILE:
    buf_format(out, "with `while`,");
    break;
  default:
    buf_format(out, "with notify_all,");
  }
}

static void say_well(struct buf *out, const struct cure *c, const struct cure_result *r) {
  char n[NUMBER_TEXT];
  const char *left = c->made.kind == CURE_ONE_STEP ? " that are left" : "";
  if (r->stop == STOP_BOUND)
    buf_format(out, " all interleavings with at most %" PRIu32 " preemption%s end well",
               r->preemptions, r->preemptions == 1 ? "" : "s");
  else if (r->stop != STOP_COMPLETE)
    buf_format(out, " nothing goes wrong in %s states; not all were tried",
               explore_number(r->states, n));
  else if (r->ways < 0)
    buf_format(out, " nothing goes wrong in any of the %s states", explore_number(r->states, n));
  else if (r->ways == 1)
    buf_format(out, " the one interleaving that is left ends well");
  else if (r->ways == 2)
    buf_format(out, " both interleavings%s end well", left);
  else if (r->ways >= NUMBER_ABOUT)
    buf_format(out, " all interleavings%s, %s, end well", left, explore_number(r->ways, n));
  else
    buf_format(out, " all %s interleavings%s end well", explore_number(r->ways, n), left);
}

static void say_badly(struct buf *out, const struct cure_result *r) {
  char bad[NUMBER_TEXT], all[NUMBER_TEXT];
  if (r->stop == STOP_COMPLETE && r->ways > 0 && r->bad_ways > 0)
    buf_format(out, " %s of %s interleaving%s still go%s wrong, so that alone is no cure",
               explore_number(r->bad_ways, bad), explore_number(r->ways, all),
               r->ways == 1 ? "" : "s", r->bad_ways == 1 ? "es" : "");
  else
    buf_format(out, " it still goes wrong, so that alone is no cure");
}

void cures_check(struct cures *c, struct exploration *x, const struct failure *f, struct told *t) {
  enum { FEW = 100000 };
  struct story_proposal p;
  struct cure_result r;
  struct explore_sum sum;
  struct buf out = {0};
  struct cure cure;
  if (!c)
    return;
  story_propose(told_story(t), &p);
  exploration_sum(x, &sum);
  if (p.check == CHECK_NOTHING || sum.stop == STOP_ASKED)
    return;
  fill(x, f, told_story(t), &p, &cure);
  cure.states_max =
      sum.stop == STOP_COMPLETE && sum.states < UINT32_MAX / 4 - FEW ? 4 * sum.states + FEW : FEW;
  if (ask(c, &cure, &r))
    return;
  say_change(&out, &cure);
  if (r.fails)
    say_badly(&out, &r);
  else
    say_well(&out, &cure, &r);
  told_checked(t, &out);
}
