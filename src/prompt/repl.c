/* prompt/repl.c - the loop of the prompt: what comes from the terminal, the session and the run; see repl.h. */
#include "prompt/repl.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "prompt/repl_internal.h"

enum {
  SERVE_NS = 100 * NS_PER_MS,
  QUICK_ANSWER_NS = 50 * NS_PER_MS, /* before the line editor comes back without a prompt */
  CANDIDATES_NS = 300 * NS_PER_MS   /* how long Tab may take */
};

/* -- the session's frames ---------------------------------------------------------------------- */

static void note_prompt(struct repl *r, const struct buf *text) {
  struct buf *kept = &r->prompts[r->incomplete];
  kept->len = 0;
  if (repl_showable(r, text->data, text->len, kept) || buf_append_byte(kept, '\0'))
    buf_release(kept);
}

/* `number`: as of FRAME_DONE. The prompt is shown by the read that waits for the next line: the one that may still be going on
 * ends now, and takes what it shows away. */
static void on_done(struct repl *r, uint32_t number, const struct buf *next_prompt) {
  r->incomplete = (number & ((1 << FRAME_CHUNKS) - 1)) == DONE_INCOMPLETE;
  if (r->incomplete)
    chunk_drop(r);
  else
    chunk_end(r, r->session_chunks + 1);
  r->session_chunks = number >> FRAME_CHUNKS;
  note_prompt(r, next_prompt);
  if (!r->incomplete && !r->not_for_history && buf_append_byte(&r->block, '\0') == 0) {
    editor_history_add(r->editor, (const char *)r->block.data);
    r->block.len = 0;
  }
  r->state = REPL_IDLE;
  line_take_back(r);
}

static void on_frame(struct repl *r) {
  struct frame *f = &r->frame;
  repl_drain_lines(r); /* what was printed before the frame is seen before it */
  switch (f->kind) {
  case FRAME_READY:
    r->incomplete = false;
    on_done(r, f->number, &f->text);
    break;
  case FRAME_DONE:
    on_done(r, f->number, &f->text);
    break;
  case FRAME_CANDIDATES:
    r->candidates.len = 0;
    buf_append(&r->candidates, f->text.data, f->text.len);
    r->candidates_start = f->number;
    r->candidates_came = true;
    break;
  case FRAME_ANSWER:
    if (!watch_answer(r, f->number, (const char *)f->text.data) && f->text.len > 0)
      repl_say(r, "%s", (const char *)f->text.data);
    break;
  case FRAME_REQUEST:
    command_request(r, f);
    break;
  default:
    break;
  }
}

/* It does not keep to the frames, or reads no answers: code that has broken out of Lua, say. Another session is started. */
static void disown_session(struct repl *r) {
  pid_t pid = r->run->session_pid(r->o->host);
  /* Before the other end is closed: a session that finds nobody there leaves by itself, and the prompt with it. */
  if (pid > 0)
    kill(pid, SIGKILL);
  shutdown(r->link.fd, SHUT_RDWR);
}

/* However many frames come, limits are looked at again soon. What is left of them is taken at the next turn. */
void repl_serve_link(struct repl *r) {
  int64_t until = clock_now_ns() + SERVE_NS;
  int rc = 0;
  while (r->link.fd >= 0 && (rc = link_receive(&r->link, &r->frame, false)) == 1) {
    on_frame(r);
    if (clock_now_ns() > until)
      return;
  }
  if (rc == -SBX_EDATA)
    disown_session(r);
}

/* -- events ------------------------------------------------------------------------------------ */

static void set_deadline(struct repl *r);

void repl_on_link(void *ctx, int fd, short events) {
  struct repl *r = ctx;
  enum repl_state before = r->state;
  (void)fd, (void)events;
  repl_serve_link(r);
  if (events & (POLLHUP | POLLERR))
    editor_unwatch(r->editor, fd); /* how it ended, the host learns */
  if (before != r->state || r->ahead.len > 0)
    editor_stop(r->editor);
  set_deadline(r);
}

static bool frames_are_left(const struct repl *r) {
  return r->link.fd >= 0 && link_has_frame(&r->link);
}

static void on_output(void *ctx, int fd, short events) {
  (void)fd, (void)events;
  repl_drain(ctx);
}

static void on_run(void *ctx, int fd, short events) {
  struct repl *r = ctx;
  (void)fd, (void)events;
  if (r->run->serve(r->o->host) && r->link.fd >= 0)
    session_ended(r);
  line_show_prompt(r);
  if (r->state == REPL_LEAVING)
    editor_stop(r->editor);
  set_deadline(r);
}

/* Of the listener: a signal that the terminal sent. */
static void on_signal(void *ctx, int signal) {
  struct repl *r = ctx;
  if (signal == SIGINT)
    r->foreground_interrupted = true;
  if (signal == SIGINT)
    editor_interrupted(r->editor);
  else if (signal == SIGWINCH)
    editor_resized(r->editor);
  else
    editor_suspended(r->editor);
}

static void on_time(void *ctx) {
  struct repl *r = ctx;
  if (frames_are_left(r))
    repl_on_link(r, r->link.fd, 0);
  on_run(r, -1, 0);
}

static void set_deadline(struct repl *r) {
  int64_t next = watch_turn(r), run = r->run->deadline(r->o->host);
  next = frames_are_left(r) ? clock_now_ns() : next < run ? next : run;
  editor_set_deadline(r->editor, next, on_time, r);
}

void repl_turn(struct repl *r, int extra, int64_t deadline_ns) {
  int fds[REPL_RUN_FDS];
  struct timespec left;
  r->run->fds(r->o->host, fds);
  struct pollfd p[] = {{.fd = extra, .events = POLLIN},
                       {.fd = r->output_read, .events = POLLIN},
                       {.fd = r->link.fd, .events = POLLIN},
                       {.fd = fds[0], .events = POLLIN},
                       {.fd = fds[1], .events = POLLIN}};
  int64_t run = r->run->deadline(r->o->host), watch = watch_turn(r);
  deadline_ns = run < deadline_ns ? run : deadline_ns;
  deadline_ns = watch < deadline_ns ? watch : deadline_ns;
  deadline_ns = frames_are_left(r) ? clock_now_ns() : deadline_ns;
  ppoll(p, sizeof p / sizeof *p, clock_left(deadline_ns, &left), NULL);
  if (p[1].revents)
    repl_drain(r);
  repl_serve_link(r);
  if (p[3].revents || p[4].revents || clock_now_ns() >= run || (p[2].revents & POLLHUP))
    on_run(r, -1, 0);
}

/* -- completion -------------------------------------------------------------------------------- */

/* May the editor show it as it is, and put it into the line? */
static bool is_word(const struct repl *r, const char *word, size_t len) {
  struct buf shown = {0};
  bool is =
      repl_showable(r, word, len, &shown) == 0 && shown.len == len && !memchr(word, '\033', len);
  buf_release(&shown);
  return is;
}

/* Of the editor. */
static void complete(void *ctx, const char *line, size_t cursor, struct completions *ret) {
  struct repl *r = ctx;
  int64_t deadline = clock_now_ns() + CANDIDATES_NS;
  if (r->state != REPL_IDLE) {
    command_complete(line, cursor, ret);
    return;
  }
  r->candidates_came = false;
  if (link_send(&r->link, FRAME_COMPLETE, (uint32_t)cursor, line, strlen(line)))
    return;
  while (!r->candidates_came && r->link.fd >= 0 && clock_now_ns() < deadline)
    repl_turn(r, -1, deadline);
  if (!r->candidates_came)
    return;
  ret->start = r->candidates_start;
  for (size_t at = 0; at < r->candidates.len;) {
    char *word = (char *)r->candidates.data + at, *end = memchr(word, '\n', r->candidates.len - at);
    size_t len = end ? (size_t)(end - word) : r->candidates.len - at;
    if (is_word(r, word, len))
      completions_add(ret, word, len);
    at += len + 1;
  }
}

/* Of the editor: Ctrl-Z stops the run, as it does without a prompt. */
static void suspended(void *ctx, bool stops) {
  struct repl *r = ctx;
  r->run->suspend(r->o->host, stops);
}

/* -- the loop ---------------------------------------------------------------------------------- */

static void drop_block(struct repl *r) {
  r->incomplete = false;
  r->block.len = 0;
}

/* Ctrl-D on an empty line. In an input that is not complete it drops that; the first tells who still runs, as a shell does. */
static void on_eof(struct repl *r) {
  if (r->state == REPL_IDLE && r->incomplete) {
    repl_say(r, "what was typed is not complete, and is dropped; Ctrl-D again leaves");
    drop_block(r);
    return;
  }
  if (r->state == REPL_BUSY) {
    repl_say(r, "a chunk runs: Ctrl-C interrupts it");
    return;
  }
  if (!r->told_running && command_tell_running(r)) {
    repl_say(r, "Ctrl-D again leaves and ends them");
    r->told_running = true;
    return;
  }
  r->state = REPL_LEAVING;
}

static void on_interrupt(struct repl *r) {
  r->told_running = false;
  if (r->state == REPL_BUSY)
    session_interrupt(r);
  else
    drop_block(r);
}

/* Most chunks end at once: then the prompt comes back without a moment without one. */
static void await_quick_end(struct repl *r) {
  int64_t deadline = clock_now_ns() + QUICK_ANSWER_NS;
  while (r->state == REPL_BUSY && clock_now_ns() < deadline)
    repl_turn(r, -1, deadline);
}

static void loop(struct repl *r) {
  const char *line;
  while (r->state != REPL_LEAVING) {
    line_run_ahead(r);
    await_quick_end(r);
    if (r->state == REPL_LEAVING)
      break;
    if (r->state == REPL_IDLE && r->ahead.len > 0)
      continue; /* the chunk that has just ended left them */
    line_show_prompt(r);
    set_deadline(r);
    switch (editor_read(r->editor, &line)) {
    case EDITOR_LINE:
      line_came(r, line);
      break;
    case EDITOR_EOF:
      on_eof(r);
      break;
    case EDITOR_INTERRUPT:
      on_interrupt(r);
      break;
    case EDITOR_HANGUP:
      r->state = REPL_LEAVING;
      break;
    default:
      break;
    }
  }
}

/* -- opening and closing ----------------------------------------------------------------------- */

bool repl_possible(void) { return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO); }

/* Of the listener. A message may be long. */
static void say(void *ctx, const char *line) {
  struct repl *r = ctx;
  editor_output_flush(r->editor);
  repl_output(r, line, strlen(line));
  repl_output(r, "\n", 1);
}

static void report(void *ctx, const char *text, size_t len) {
  struct repl *r = ctx;
  editor_output_flush(r->editor);
  repl_output(r, text, len);
}

/* A terminal that does not even know how to move its cursor. */
static bool dumb_terminal(void) {
  const char *term = getenv("TERM");
  return !term || !*term || strcmp(term, "dumb") == 0;
}

/* $XDG_STATE_HOME/sandbox/history, else ~/.local/state/sandbox/history. Returns NULL when there is
 * no home. */
static const char *history_path(char *path, size_t size) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int n = -1;
  if (state && *state == '/')
    n = snprintf(path, size, "%s/sandbox/history", state);
  else if (home && *home == '/')
    n = snprintf(path, size, "%s/.local/state/sandbox/history", home);
  return n > 0 && (size_t)n < size ? path : NULL;
}

static int open_editor(struct repl *r) {
  char path[4096];
  if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
    setlocale(LC_CTYPE, "C.UTF-8");
  const struct editor_options o = {.in = STDIN_FILENO,
                                   .out = STDOUT_FILENO,
                                   .program = "sandbox",
                                   .history_path = history_path(path, sizeof path),
                                   .dumb = r->dumb,
                                   .color = r->o->color,
                                   .complete = complete,
                                   .suspended = suspended,
                                   .ctx = r};
  return editor_open(&o, &r->editor);
}

static int open_all(struct repl *r) {
  int fds[REPL_RUN_FDS];
  int rc = r->run->open(r->o->host, &r->listener, &r->b);
  if (rc == 0)
    rc = open_editor(r);
  if (rc)
    return rc;
  if (r->o->greeting)
    repl_say(r, "%s", r->o->greeting);
  if ((rc = session_start(r)))
    return rc;
  r->run->fds(r->o->host, fds);
  for (int i = 0; i < REPL_RUN_FDS && rc == 0; i++)
    rc = editor_watch(r->editor, fds[i], POLLIN, on_run, r);
  return rc ? rc : editor_watch(r->editor, r->output_read, POLLIN, on_output, r);
}

/* The session leaves by itself when nobody is at the other end; who hangs is killed with the rest.
 */
static void let_session_leave(struct repl *r) {
  int64_t deadline = clock_now_ns() + NS_PER_SECOND;
  if (r->link.fd >= 0)
    shutdown(r->link.fd, SHUT_WR);
  while (r->link.fd >= 0 && clock_now_ns() < deadline)
    repl_turn(r, -1, deadline);
  repl_drain_end(r);
}

static void close_all(struct repl *r) {
  const int fds[] = {r->link.fd, r->output_read, r->output_write, r->input_read, r->input_write};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0)
      close(fds[i]);
  watch_remove(r, 0);
  link_release(&r->link);
  buf_release(&r->frame.text);
  buf_release(&r->block);
  buf_release(&r->ahead);
  buf_release(&r->candidates);
  buf_release(&r->prompts[0]);
  buf_release(&r->prompts[1]);
  bars_log_release(&r->bars_log);
  chunks_release(r);
}

int repl_run(const struct repl_options *o) {
  struct repl r = {.o = o,
                   .run = o->run,
                   .listener = {.say = say,
                                .report = report,
                                .bars = repl_bars,
                                .on_signal = on_signal,
                                .ctx = &r},
                   .link.fd = -1,
                   .output_read = -1,
                   .output_write = -1,
                   .input_read = -1,
                   .input_write = -1,
                   .dumb = dumb_terminal()};
  int rc = open_all(&r);
  if (rc == 0) {
    loop(&r);
    let_session_leave(&r);
    rc = r.status;
  }
  if (r.editor)
    editor_finish(r.editor); /* while its guard lives */
  if (r.b) {
    int ended = r.run->close(o->host); /* says why, if the run was ended from outside */
    rc = r.ended_from_outside ? ended : rc;
  }
  editor_close(r.editor);
  close_all(&r);
  return rc;
}
