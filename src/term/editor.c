/* term/editor.c - opening the editor, waiting for keys while other descriptors are served, the
 * events of a read; see editor.h. */
#include "term/editor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "term/editor_internal.h"

enum {
  READ_BYTES = 4096,
  BURST = 256 /* most bytes of the terminal before other descriptors are served again */
};

/* -- waiting ----------------------------------------------------------------------------------- */

void editor_end(struct editor *e, enum editor_event event) {
  if (e->ended)
    return;
  e->event = event;
  e->ended = true;
}

/*
 * Read from the terminal: one byte, since what is typed after the end of a line may be meant for
 * another program; all there is of a paste or of a line that the terminal has edited itself.
 */
static void read_keys(struct editor *e) {
  size_t most = e->edits && !e->pasting ? 1 : READ_BYTES;
  if (e->keys_used == e->keys.len)
    e->keys.len = e->keys_used = 0;
  if (buf_reserve(&e->keys, READ_BYTES))
    return;
  ssize_t n = read(e->o.in, e->keys.data + e->keys.len, most);
  if (n > 0)
    e->keys.len += (size_t)n;
  else if (n == 0)
    editor_end(e, e->edits ? EDITOR_HANGUP : EDITOR_EOF);
  else if (errno != EINTR && errno != EAGAIN)
    editor_end(e, EDITOR_HANGUP);
}

static void on_deadline(struct editor *e) {
  if (clock_now_ns() < e->deadline_ns)
    return;
  e->deadline_ns = SBX_FOREVER;
  if (e->on_time)
    e->on_time(e->on_time_ctx);
}

/* Each callback is looked up again, since a callback may change the list. */
static void call_back(struct editor *e, const struct pollfd *ready) {
  for (int i = 0; i < e->watched_count; i++)
    if (e->watched[i].fd == ready->fd) {
      struct watched w = e->watched[i];
      w.call(w.ctx, ready->fd, ready->revents);
      return;
    }
}

/* Sleep once, and handle what ended the sleep. */
static void serve(struct editor *e, int64_t until_ns) {
  struct pollfd fds[e->watched_count + 1];
  struct timespec left;
  int n = 0;
  screen_refresh(e);
  output_settle(e);
  fds[n++] = (struct pollfd){.fd = e->o.in, .events = POLLIN};
  for (int i = 0; i < e->watched_count; i++)
    fds[n++] = (struct pollfd){.fd = e->watched[i].fd, .events = e->watched[i].events};
  if (until_ns > e->deadline_ns)
    until_ns = e->deadline_ns;
  if (ppoll(fds, (nfds_t)n, clock_left(until_ns, &left), NULL) < 0)
    return;
  for (int i = 1; i < n; i++)
    if (fds[i].revents)
      call_back(e, &fds[i]);
  on_deadline(e);
  if (fds[0].revents && !e->ended)
    read_keys(e);
}

/* Is there more to read already? Then nothing need be drawn meanwhile. */
static bool goes_on(struct editor *e) {
  struct pollfd terminal = {.fd = e->o.in, .events = POLLIN};
  if (++e->burst < BURST && poll(&terminal, 1, 0) > 0)
    return true;
  e->burst = 0;
  return false;
}

int editor_byte(struct editor *e, int64_t deadline_ns) {
  while (!e->ended) {
    if (e->keys_used < e->keys.len)
      return keys_take(e);
    if (deadline_ns != SBX_FOREVER && clock_now_ns() >= deadline_ns)
      break;
    if (e->editing && goes_on(e))
      read_keys(e);
    else
      serve(e, deadline_ns);
  }
  return -1;
}

int editor_peek(struct editor *e, size_t ahead, int ms) {
  struct pollfd terminal = {.fd = e->o.in, .events = POLLIN};
  while (e->keys.len - e->keys_used <= ahead) {
    if (e->ended || poll(&terminal, 1, ms) <= 0)
      return -1;
    read_keys(e);
  }
  return e->keys.data[e->keys_used + ahead];
}

int editor_watch(struct editor *e, int fd, short events, editor_callback *call, void *ctx) {
  editor_unwatch(e, fd);
  if (e->watched_count == e->watched_cap) {
    int cap = e->watched_cap ? 2 * e->watched_cap : 8;
    struct watched *grown = realloc(e->watched, (size_t)cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    e->watched = grown;
    e->watched_cap = cap;
  }
  e->watched[e->watched_count++] = (struct watched){fd, events, call, ctx};
  return 0;
}

void editor_unwatch(struct editor *e, int fd) {
  for (int i = 0; i < e->watched_count; i++)
    if (e->watched[i].fd == fd)
      e->watched[i] = e->watched[--e->watched_count];
}

void editor_set_deadline(struct editor *e, int64_t deadline_ns, void (*call)(void *ctx),
                         void *ctx) {
  e->deadline_ns = deadline_ns;
  e->on_time = call;
  e->on_time_ctx = ctx;
}

/* -- signals and other events ------------------------------------------------------------------ */

void editor_stop(struct editor *e) {
  if (e->reading)
    editor_end(e, EDITOR_STOP);
}

void editor_interrupted(struct editor *e) {
  if (e->paused)
    return;
  if (e->reading)
    editor_end(e, EDITOR_INTERRUPT);
  else
    e->interrupt_waits = true;
}

void editor_resized(struct editor *e) { screen_refresh(e); }

void editor_suspended(struct editor *e) {
  bool pause = !e->paused;
  if (pause)
    editor_pause(e);
  if (e->o.suspended)
    e->o.suspended(e->o.ctx, true);
  terminal_stop_job();
  if (e->o.suspended)
    e->o.suspended(e->o.ctx, false);
  if (pause)
    editor_resume(e);
}

void editor_pause(struct editor *e) {
  screen_erase(e);
  screen_release_lead(e);
  output_fresh_line(e);
  screen_flush(e);
  terminal_leave(e);
  e->paused = true;
}

void editor_resume(struct editor *e) {
  terminal_enter(e);
  e->paused = false;
  output_settle(e);
  screen_refresh(e);
}

void editor_finish(struct editor *e) {
  if (e->finished)
    return;
  if (!e->paused)
    editor_pause(e);
  e->finished = true;
  e->paused = false;
  output_settle(e);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* Add characters to the line that is returned. */
static void take_text(struct editor *e) {
  char *narrow = text_narrow(line_text(&e->text), e->text.len);
  if (narrow)
    buf_append(&e->line, narrow, strlen(narrow));
  free(narrow);
}

/* The read was ended: put the screen, and what was typed, into the state that the event requires. */
static void leave_line(struct editor *e) {
  if (e->event == EDITOR_INTERRUPT) {
    take_text(e);
    screen_leave(e, "^C");
    return;
  }
  e->kept = e->event == EDITOR_STOP && e->text.len > 0;
  screen_erase(e);
  screen_release_lead(e);
  if (e->event != EDITOR_STOP) /* else it goes with the next output, or drawing */
    screen_flush(e);
}

wchar_t editor_key(struct editor *e) {
  wchar_t key = keys_next(e);
  if (key)
    return key;
  if (e->editing)
    leave_line(e);
  e->editing = false;
  return 0;
}

static void begin_line(struct editor *e) {
  if (!e->kept)
    line_reset(&e->text);
  e->kept = false;
  e->command_mode = e->overwrite = e->counted = e->change_open = false;
  e->count = 1;
  e->operation = 0;
  e->last = NULL;
  e->editing = true;
}

static enum editor_event read_edited(struct editor *e) {
  enum outcome outcome = DONE;
  begin_line(e);
  while (e->editing && outcome != ACCEPTS && outcome != LEAVES)
    outcome = command_next(e);
  free(e->search_prompt);
  e->search_prompt = NULL;
  if (e->editing && outcome == LEAVES) { /* a key that is bound to end-of-file */
    line_reset(&e->text);
    e->event = EDITOR_EOF;
  } else if (e->editing) {
    take_text(e);
    e->event = EDITOR_LINE;
  }
  if (e->editing)
    screen_leave(e, "");
  else
    keys_drop_pushed(e);
  e->editing = false;
  return e->event;
}

/* -- reading what the terminal edits ----------------------------------------------------------- */

void plain_prompt(struct editor *e) {
  char *prompt = text_narrow(e->prompt, wcslen(e->prompt));
  if (e->prompted) /* maybe something was typed after it */
    screen_put(e, "\n", 1);
  else
    output_fresh_line(e);
  if (prompt)
    screen_put(e, prompt, strlen(prompt));
  screen_flush(e);
  e->prompted = e->prompt[0] != L'\0';
  free(prompt);
}

/* Move a line, or the rest at the end of the file, from the keys to `line`. */
static void plain_take(struct editor *e, size_t len, size_t newline) {
  buf_append(&e->line, e->keys.data + e->keys_used, len);
  e->keys_used += len + newline;
  e->prompted = false; /* the terminal has echoed the newline */
  buf_clear(&e->tail, 0);
}

/* Nobody has typed a newline after the prompt: what comes next begins on a line of its own. */
static void plain_leave(struct editor *e) {
  screen_put(e, "\n", 1);
  screen_flush(e);
  e->prompted = false;
}

static enum editor_event read_plain(struct editor *e) {
  if (!e->prompted)
    plain_prompt(e);
  for (;;) {
    size_t len = e->keys.len - e->keys_used;
    const uint8_t *unused = e->keys.data + e->keys_used;
    const uint8_t *newline = len ? memchr(unused, '\n', len) : NULL;
    if (newline) {
      plain_take(e, (size_t)(newline - unused), 1);
      return EDITOR_LINE;
    }
    if (e->ended && e->event == EDITOR_EOF && e->prompted)
      plain_leave(e);
    if (e->ended && e->event == EDITOR_EOF && len > 0) {
      plain_take(e, len, 0);
      return EDITOR_LINE;
    }
    if (e->ended)
      break;
    serve(e, SBX_FOREVER);
  }
  if (e->event == EDITOR_INTERRUPT) { /* the terminal has echoed ^C and discarded what was typed */
    plain_leave(e);
    e->keys.len = e->keys_used = 0;
  }
  return e->event;
}

enum editor_event editor_read(struct editor *e, const char **ret_line) {
  e->ended = false;
  e->line.len = 0;
  e->tab_before = false;
  e->reading = true;
  if (e->interrupt_waits)
    editor_end(e, EDITOR_INTERRUPT);
  e->interrupt_waits = false;
  enum editor_event event = e->edits ? read_edited(e) : read_plain(e);
  e->reading = false;
  *ret_line = buf_append_byte(&e->line, '\0') == 0 ? (const char *)e->line.data : "";
  return event;
}

bool editor_edits(const struct editor *e) { return e->edits; }

void editor_history_add(struct editor *e, const char *text) { history_add(&e->history, text); }

/* -- opening and closing ----------------------------------------------------------------------- */

/* Returns 0 also if ~/.editrc says `edit off`. */
static int open_edited(struct editor *e) {
  e->edits = true;
  int rc = keymap_make(e);
  if (rc)
    return rc;
  editrc_read(e);
  if (!e->edits)
    return 0;
  rc = guard_start(e);
  if (rc == 0)
    terminal_enter(e);
  return rc;
}

int editor_open(const struct editor_options *o, struct editor **ret) {
  struct editor *e = calloc(1, sizeof *e);
  if (!e)
    return -SBX_ENOMEM;
  e->o = *o;
  e->deadline_ns = SBX_FOREVER;
  e->guard = e->guard_pidfd = -1;
  e->search_step = -1;
  e->prompt = calloc(1, sizeof *e->prompt);
  e->has_modes = isatty(o->out) && tcgetattr(o->in, &e->before) == 0;
  int rc = e->prompt ? 0 : -SBX_ENOMEM;
  if (rc == 0 && e->has_modes && !o->dumb)
    rc = open_edited(e);
  if (rc) {
    editor_close(e);
    return rc;
  }
  history_open(&e->history, o->history_path);
  *ret = e;
  return 0;
}

void editor_close(struct editor *e) {
  if (!e)
    return;
  editor_finish(e);
  output_fresh_line(e);
  screen_flush(e);
  if (e->has_modes)
    tcsetattr(e->o.in, TCSADRAIN, &e->before);
  guard_stop(e);
  history_close(&e->history);
  picture_release(&e->now);
  picture_release(&e->next);
  keymap_release(e);
  line_release(&e->text);
  kills_release(&e->kills);
  struct buf *const bufs[] = {&e->line, &e->keys, &e->pasted, &e->record,
                              &e->out,  &e->held, &e->tail,   &e->last_change};
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
    buf_release(bufs[i]);
  wchar_t *const texts[] = {e->prompt,       e->above,        e->search_prompt, e->lead,
                            e->recall_shown, e->recall_typed, e->search_before};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    free(texts[i]);
  free(e->watched);
  free(e);
}
