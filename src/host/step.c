/*
 * host/step.c - --step: a person is the scheduler. The script was explored before, so it is known
 * what each choice can lead to.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "host/explore_failures.h"
#include "host/explore_report.h"
#include "host/explore_story.h"
#include "host/replay_token.h"
#include "host/simulated.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"
#include "sim/explore/token.h"

struct stepper {
  struct exploration *x;
  const struct stepped *what;
  uint32_t *path;   /* number of each step in its state */
  uint32_t *states; /* before each step; states[len] is the present one */
  uint32_t len, cap;
};

static uint32_t present(const struct stepper *s) { return s->states[s->len]; }

static bool take(struct stepper *s, uint32_t k) {
  if (s->len + 1 >= s->cap) {
    uint32_t cap = 2 * s->cap + 64;
    uint32_t *path = realloc(s->path, cap * sizeof *path);
    if (path)
      s->path = path;
    uint32_t *states = path ? realloc(s->states, cap * sizeof *states) : NULL;
    if (!states)
      return false;
    s->states = states;
    s->cap = cap;
  }
  s->path[s->len] = k;
  s->states[s->len + 1] = exploration_steps(s->x, present(s))[k].to;
  s->len++;
  return true;
}

/* -- showing ------------------------------------------------------------------------------------- */

/* "philosopher1#2  forks[2]:acquire()  line 5": the last step of the path, as text. */
static void show_last(struct stepper *s, bool result) {
  struct told *t = NULL;
  if (told_make(s->x, s->path, s->len, EXPLORE_OPEN, s->what->name, &t))
    return;
  const struct story *story = told_story(t);
  const struct story_step *last = &story->steps[story->step_count - 1];
  printf("%-16s %s", story->processes[last->process].name, last->call);
  if (result && last->result)
    printf(" --> %s", last->result);
  if (last->line)
    printf("   line %d", last->line);
  if (result && last->before && last->before[0] && last->after &&
      strcmp(last->before, last->after) != 0)
    printf("   %s -> %s", last->before, last->after);
  if (result && last->vain)
    printf("   nobody waits: lost");
  putchar('\n');
  told_free(t);
}

static void show_printed(struct stepper *s) {
  if (s->len == 0)
    return;
  uint32_t process = exploration_steps(s->x, s->states[s->len - 1])[s->path[s->len - 1]].process;
  uint32_t before = exploration_history(s->x, s->states[s->len - 1], process);
  uint32_t after = exploration_history(s->x, present(s), process);
  for (int stream = 1; stream <= 2; stream++) {
    struct buf a = {0}, b = {0};
    if (exploration_printed(s->x, before, stream, &a) == 0 &&
        exploration_printed(s->x, after, stream, &b) == 0 && b.len > a.len)
      printf("  prints: %.*s", (int)(b.len - a.len), (const char *)b.data + a.len);
    buf_release(&a);
    buf_release(&b);
  }
}

static void show_end(struct stepper *s) {
  static const char *const words[] = {"the limit was reached: nobody knows what follows",
                                      "it ends well",
                                      "it ends wrong",
                                      "deadlock: nobody can ever go on",
                                      "it ends, and a lock is still held",
                                      "it never ends"};
  const struct explore_state *at = exploration_state(s->x, present(s));
  struct told *t = NULL;
  printf("\n%s\n", words[at->end]);
  if (at->end > EXPLORE_WELL &&
      told_make(s->x, s->path, s->len, (enum explore_end)at->end, s->what->name, &t) == 0) {
    const struct story *story = told_story(t);
    if (story->message)
      printf("  %s\n", story->message);
    for (uint32_t i = 0; i < story->process_count; i++) {
      struct buf text = {0};
      if (story->processes[i].waits && story_waits(story, i, &text) == 0)
        printf("  %s waits %.*s\n", story->processes[i].name, (int)text.len,
               (const char *)text.data);
      buf_release(&text);
    }
    told_free(t);
  }
}

static void show_choices(struct stepper *s) {
  const struct explore_state *at = exploration_state(s->x, present(s));
  printf("\nstep %" PRIu32, s->len + 1);
  if (at->ways > 0)
    printf(": %.15g interleaving%s from here, %.15g end%s wrong", at->ways,
           at->ways == 1 ? "" : "s", at->bad_ways, at->bad_ways == 1 ? "s" : "");
  else if (at->p_bad > 0)
    printf(": of random schedules, %.0f %% end wrong", 100 * at->p_bad);
  putchar('\n');
  for (uint32_t k = 0; k < at->count; k++) {
    printf("  %" PRIu32 "  ", k + 1);
    if (take(s, k)) {
      show_last(s, false);
      s->len--;
    }
  }
}

/* -- commands ------------------------------------------------------------------------------------ */

static void go(struct stepper *s, uint32_t k) {
  if (!take(s, k))
    return;
  printf("%4" PRIu32 "  ", s->len);
  show_last(s, true);
  show_printed(s);
}

/* Follow the shortest path to any failure. */
static void go_to_failure(struct stepper *s) {
  uint32_t *best = NULL, length = EXPLORE_NONE, preemptions;
  for (int end = EXPLORE_ERROR; end <= EXPLORE_STUCK; end++) {
    uint32_t *path = NULL;
    uint32_t len = exploration_path(s->x, present(s), (enum explore_end)end, &path, &preemptions);
    if (len != EXPLORE_NONE && len < length) {
      free(best);
      best = path;
      length = len;
    } else if (len != EXPLORE_NONE) {
      free(path);
    }
  }
  if (length == EXPLORE_NONE)
    printf("from here, nothing can go wrong\n");
  for (uint32_t i = 0; length != EXPLORE_NONE && i < length; i++)
    go(s, best[i]);
  free(best);
}

/* The process of choice `k` goes on until it cannot. */
static void go_until_it_waits(struct stepper *s, uint32_t k) {
  enum { MOST = 1000 };
  uint16_t process = exploration_steps(s->x, present(s))[k].process;
  for (int i = 0; i < MOST; i++) {
    const struct explore_state *at = exploration_state(s->x, present(s));
    const struct explore_step *steps = exploration_steps(s->x, present(s));
    for (k = 0; k < at->count && steps[k].process != process; k++)
      continue;
    if (k == at->count)
      return;
    go(s, k);
  }
}

static void show_help(void) {
  printf("  1, 2, ...  this process takes its step\n"
         "  b 1        this process goes on until it has to wait\n"
         "  r          a random step; r 10: ten of them\n"
         "  f          on to the nearest failure\n"
         "  u          undo the last step; u 5: the last five\n"
         "  l          list the steps so far\n"
         "  t          the token of this schedule: the command that takes these steps again\n"
         "  q          leave\n");
}

static void list(struct stepper *s) {
  uint32_t len = s->len;
  for (s->len = 1; s->len <= len; s->len++) {
    printf("%4" PRIu32 "  ", s->len);
    show_last(s, true);
  }
  s->len = len;
}

static void go_randomly(struct stepper *s, unsigned long n) {
  for (; n > 0 && exploration_state(s->x, present(s))->count > 0; n--)
    go(s, (uint32_t)rand() % exploration_state(s->x, present(s))->count);
}

static bool write_token(const struct stepper *s, struct buf *out) {
  return token_write(s->x, s->path, s->len, EXPLORE_NONE, s->what->hash, true, out) == 0;
}

static void show_token(struct stepper *s) {
  struct buf token = {0};
  if (s->what->again)
    replay_tell(stdout, s->what->again, s->x,
                &(struct failure){.path = s->path, .len = s->len, .loop = EXPLORE_NONE});
  else if (write_token(s, &token))
    printf("see it again: replay('%.*s', f)\n", (int)token.len, (const char *)token.data);
  buf_release(&token);
}

/* False: leave. */
static bool obey(struct stepper *s, const char *line) {
  uint32_t count = exploration_state(s->x, present(s))->count;
  char command = line[strspn(line, " ")];
  const char *rest = line + strspn(line, " ");
  bool is_number = command >= '0' && command <= '9';
  char *end;
  unsigned long n = strtoul(is_number ? rest : rest + (command != '\0'), &end, 10);
  if (end[strspn(end, " \t\n")] != '\0') /* it is no command */
    command = '?';
  is_number &= command != '?';
  if (is_number && n >= 1 && n <= count)
    go(s, (uint32_t)n - 1);
  else if (command == 'b' && n >= 1 && n <= count)
    go_until_it_waits(s, (uint32_t)n - 1);
  else if (command == 'r')
    go_randomly(s, n ? n : 1);
  else if (command == 'f')
    go_to_failure(s);
  else if (command == 'u')
    s->len -= s->len < (n ? n : 1) ? s->len : (uint32_t)(n ? n : 1);
  else if (command == 'l')
    list(s);
  else if (command == 't')
    show_token(s);
  else if (command == 'q')
    return false;
  else
    show_help();
  return true;
}

/* Wait for a byte of stdin, and take it. SIGINT is blocked but while this sleeps, in `unblocked`, so none is overlooked. */
static bool read_byte(const sigset_t *unblocked, char *ret) {
  struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
  while (!simulated_stopped())
    if (ppoll(&in, 1, NULL, unblocked) > 0)
      return read(STDIN_FILENO, ret, 1) == 1;
    else if (errno != EINTR)
      break;
  return false;
}

/* A line, with a 0 in place of its newline. False: stdin has ended, or there was an interrupt. */
static bool read_line(struct buf *line) {
  sigset_t interrupt, old;
  char byte = '\0';
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigaddset(&interrupt, SIGTERM);
  sigaddset(&interrupt, SIGHUP);
  sigprocmask(SIG_BLOCK, &interrupt, &old);
  buf_clear(line, 0);
  while (read_byte(&old, &byte) && byte != '\n')
    if (buf_append_byte(line, (uint8_t)byte))
      break;
  sigprocmask(SIG_SETMASK, &old, NULL);
  return (byte == '\n' || line->len > 0) && !simulated_stopped() &&
         buf_append_byte(line, '\0') == 0;
}

int step_by_hand(struct exploration *x, const struct stepped *what, struct buf *ret_token) {
  struct stepper s = {.x = x, .what = what, .cap = 64};
  struct buf line = {0};
  s.path = malloc(s.cap * sizeof *s.path);
  s.states = calloc(s.cap, sizeof *s.states);
  if (!s.path || !s.states) {
    report_print(&(struct report){.message = error_text(SBX_ENOMEM)});
    return EXIT_LUA_ERROR;
  }
  printf("%s: you are the scheduler; ? lists what can be typed\n", what->name);
  simulated_stop_over(); /* the exploration: what it knows is stepped through */
  bool more = true;
  while (more) {
    if (exploration_state(x, present(&s))->count > 0)
      show_choices(&s);
    else
      show_end(&s);
    printf("step> ");
    fflush(stdout);
    more = read_line(&line) && obey(&s, (const char *)line.data);
  }
  putchar('\n');
  fflush(stdout);
  if (ret_token)
    write_token(&s, ret_token);
  buf_release(&line);
  free(s.path);
  free(s.states);
  return simulated_stopped() ? simulated_stop_status() : 0;
}
