/* repl/editor.c - opening, waiting for keys while others are served, the events of a read; see
 * editor.h. */
#include "repl/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "repl/editor_internal.h"

enum { READ_BYTES = 4096 };

/* -- waiting ----------------------------------------------------------------------------------- */

void editor_end(struct editor *e, enum editor_event event) {
  if (e->ended)
    return;
  e->event = event;
  e->ended = true;
}

/* Take what the terminal has. */
static void read_keys(struct editor *e) {
  if (e->keys_used == e->keys.len)
    e->keys.len = e->keys_used = 0;
  if (buf_reserve(&e->keys, READ_BYTES))
    return;
  ssize_t n = read(STDIN_FILENO, e->keys.data + e->keys.len, READ_BYTES);
  if (n > 0)
    e->keys.len += (size_t)n;
  else if (n == 0)
    editor_end(e, e->el ? EDITOR_HANGUP : EDITOR_EOF);
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

/* A callback may change the list: each is looked up again. */
static void call_back(struct editor *e, const struct pollfd *ready) {
  for (int i = 0; i < e->watched_count; i++)
    if (e->watched[i].fd == ready->fd) {
      struct watched w = e->watched[i];
      w.call(w.ctx, ready->fd, ready->revents);
      return;
    }
}

/* One sleep, and what woke it. */
static void serve(struct editor *e) {
  struct pollfd fds[WATCHED_MOST + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
  int n = 1;
  struct timespec left;
  for (int i = 0; i < e->watched_count; i++)
    fds[n++] = (struct pollfd){.fd = e->watched[i].fd, .events = e->watched[i].events};
  if (ppoll(fds, (nfds_t)n, clock_left(e->deadline_ns, &left), NULL) < 0)
    return;
  for (int i = 1; i < n; i++)
    if (fds[i].revents)
      call_back(e, &fds[i]);
  on_deadline(e);
  if (fds[0].revents && !e->ended)
    read_keys(e);
}

static int next_key(struct editor *e) { return e->keys.data[e->keys_used++]; }

int editor_byte(struct editor *e) {
  while (!e->ended) {
    if (e->keys_used < e->keys.len)
      return next_key(e);
    serve(e);
  }
  return -1;
}

int editor_byte_soon(struct editor *e, int ms) {
  struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
  if (e->keys_used == e->keys.len && poll(&terminal, 1, ms) > 0)
    read_keys(e);
  return e->keys_used < e->keys.len ? next_key(e) : -1;
}

int editor_watch(struct editor *e, int fd, short events, editor_callback *call, void *ctx) {
  editor_unwatch(e, fd);
  if (e->watched_count == WATCHED_MOST)
    return -SBX_ENOMEM;
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
  if (e->reading && !e->paused)
    editor_end(e, EDITOR_INTERRUPT);
}

void editor_resized(struct editor *e) {
  if (!e->el || e->paused)
    return;
  bool occupied = screen_occupied(e);
  if (occupied)
    screen_clear_line(e);
  el_resize(e->el);
  if (occupied)
    screen_draw_line(e);
}

void editor_suspended(struct editor *e) {
  bool pause = !e->paused;
  if (pause)
    editor_pause(e);
  kill(getpid(), SIGSTOP); /* here it stands still until the shell continues it */
  if (pause)
    editor_resume(e);
}

void editor_pause(struct editor *e) {
  bool occupied = screen_occupied(e);
  if (occupied)
    screen_clear_line(e);
  else if (e->mid_line)
    screen_write(e, "\n", 1);
  screen_bracketed_paste(e, false);
  if (e->el)
    el_set(e->el, EL_PREP_TERM, 0);
  e->paused = true;
}

void editor_resume(struct editor *e) {
  e->paused = false;
  e->mid_line = false; /* the other program saw to it, or nobody can know */
  if (e->el) {
    el_set(e->el, EL_PREP_TERM, 1);
    el_resize(e->el);
  }
  screen_bracketed_paste(e, true);
  if (e->held.len > 0) {
    struct buf held = e->held;
    e->held = (struct buf){0};
    screen_write(e, held.data, held.len);
    buf_release(&held);
  }
  if (screen_occupied(e))
    screen_draw_line(e);
}

/* -- the prompt -------------------------------------------------------------------------------- */

static wchar_t *prompt_of(EditLine *el) {
  void *e;
  el_wget(el, EL_CLIENTDATA, &e);
  return ((struct editor *)e)->prompt;
}

void editor_set_prompt(struct editor *e, const char *prompt) {
  wchar_t *wide = screen_widen(prompt, strlen(prompt));
  if (!wide || wcscmp(wide, e->prompt) == 0) {
    free(wide);
    return;
  }
  if (screen_occupied(e))
    screen_clear_line(e);
  wcsncpy(e->prompt, wide, sizeof e->prompt / sizeof *e->prompt - 1);
  free(wide);
  if (e->held.len > 0 && !screen_occupied(e)) {
    struct buf held = e->held;
    e->held = (struct buf){0};
    screen_write(e, held.data, held.len);
    buf_release(&held);
  }
  if (screen_occupied(e))
    screen_draw_line(e);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* The read was ended: see that the screen and what was typed are as the event wants them. */
static void leave_line(struct editor *e) {
  const LineInfoW *line = el_wline(e->el);
  size_t len = (size_t)(line->lastchar - line->buffer);
  e->ended = false; /* the line is on the screen still */
  if (e->event == EDITOR_STOP) {
    if (len > 0 && (e->kept = malloc((len + 1) * sizeof *e->kept))) {
      wmemcpy(e->kept, line->buffer, len);
      e->kept[len] = L'\0';
      e->kept_cursor = (int)(line->cursor - line->buffer);
    }
    if (screen_occupied(e))
      screen_clear_line(e);
  } else if (e->event == EDITOR_INTERRUPT) {
    if (screen_occupied(e)) { /* once more, with the cursor at its end */
      screen_clear_line(e);
      el_cursor(e->el, (int)(line->lastchar - line->cursor));
      screen_draw_line(e);
    }
    screen_write(e, "^C\n", 3);
  }
  e->ended = true;
}

/* At the end of the reader, while libedit still knows the line. */
static int read_character(EditLine *el, wchar_t *ret) {
  struct editor *e;
  el_wget(el, EL_CLIENTDATA, (void **)&e);
  int rc = keys_read(el, ret);
  if (rc < 0 && !e->left) {
    e->left = true;
    leave_line(e);
  }
  return rc;
}

static enum editor_event take_line(struct editor *e, const wchar_t *text, int len,
                                   const char **ret_line) {
  while (len > 0 && text[len - 1] == L'\n')
    len--;
  char *narrow = screen_narrow(text, (size_t)len);
  e->line.len = 0;
  int rc = narrow ? buf_append(&e->line, narrow, strlen(narrow) + 1) : -SBX_ENOMEM;
  free(narrow);
  *ret_line = rc ? "" : (const char *)e->line.data;
  return EDITOR_LINE;
}

static enum editor_event read_edited(struct editor *e, const char **ret_line) {
  int len = 0;
  if (e->prompt[0] && e->mid_line)
    screen_write(e, "\n", 1);
  e->left = e->tab_before = false;
  const wchar_t *text = el_wgets(e->el, &len);
  fflush(e->out);
  el_set(e->el, EL_PREP_TERM, 1); /* what is typed before the next read is not shown twice */
  if (e->ended) {
    el_reset(e->el);
    el_set(e->el, EL_PREP_TERM, 1);
    return e->event;
  }
  e->mid_line = false;
  if (text && len > 0)
    return take_line(e, text, len, ret_line);
  screen_write(e, "\n", 1);
  return EDITOR_EOF;
}

/* The terminal edits, and hands out whole lines. */
static enum editor_event read_plain(struct editor *e, const char **ret_line) {
  char *prompt = screen_narrow(e->prompt, wcslen(e->prompt));
  if (e->prompt[0] && e->mid_line)
    screen_write(e, "\n", 1);
  if (prompt)
    screen_write(e, prompt, strlen(prompt));
  e->prompted = e->prompt[0] != L'\0';
  free(prompt);
  e->line.len = 0;
  for (;;) {
    int byte = editor_byte(e);
    if (byte < 0) {
      if (e->event == EDITOR_INTERRUPT)
        screen_write(e, "\n", 1); /* the terminal showed ^C */
      return e->event;
    }
    if (buf_append_byte(&e->line, byte == '\n' ? '\0' : (uint8_t)byte) || byte == '\n')
      break;
  }
  e->mid_line = e->prompted = false; /* the terminal showed the newline */
  *ret_line = (const char *)e->line.data;
  return EDITOR_LINE;
}

enum editor_event editor_read(struct editor *e, const char **ret_line) {
  e->ended = false;
  e->reading = true;
  enum editor_event event = e->el ? read_edited(e, ret_line) : read_plain(e, ret_line);
  e->reading = false;
  return event;
}

/* -- history ----------------------------------------------------------------------------------- */

static void remember(struct editor *e, const char *text) {
  wchar_t *wide = e->recall ? screen_widen(text, strlen(text)) : NULL;
  HistEventW event;
  if (wide)
    history_w(e->recall, &event, H_ENTER, wide);
  free(wide);
}

void editor_history_add(struct editor *e, const char *text) {
  if (history_add(&e->history, text))
    remember(e, text);
}

/* -- opening and closing ----------------------------------------------------------------------- */

static int open_edited(struct editor *e) {
  HistEventW event;
  int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  e->out = out < 0 ? NULL : fdopen(out, "w");
  e->recall = history_winit();
  e->el = e->out ? el_init_fd(e->o.program, stdin, e->out, e->out, STDIN_FILENO, out, out) : NULL;
  if (!e->el || !e->recall)
    return out < 0 ? -SBX_EMFILE : -SBX_ENOMEM;
  history_w(e->recall, &event, H_SETSIZE, HISTORY_MOST);
  el_wset(e->el, EL_CLIENTDATA, e);
  el_wset(e->el, EL_SIGNAL, 0);
  el_wset(e->el, EL_EDITOR, L"emacs");
  el_wset(e->el, EL_PROMPT, prompt_of);
  el_wset(e->el, EL_HIST, history_w, e->recall);
  el_wset(e->el, EL_GETCFN, read_character);
  el_source(e->el, NULL); /* ~/.editrc: first, since a choice of vi keys makes all bindings anew */
  return keys_bind(e) ? -SBX_ESYSTEM : 0;
}

int editor_open(const struct editor_options *o, struct editor **ret) {
  struct editor *e = calloc(1, sizeof *e);
  if (!e)
    return -SBX_ENOMEM;
  e->o = *o;
  e->deadline_ns = SBX_FOREVER;
  e->guard = -1;
  int rc = tcgetattr(STDIN_FILENO, &e->before) ? -SBX_ESYSTEM : 0;
  if (rc == 0 && !o->dumb && (rc = guard_start(e)) == 0)
    rc = open_edited(e);
  if (rc) {
    editor_close(e);
    return rc;
  }
  history_open(&e->history, o->history_path);
  for (size_t i = 0; i < e->history.count; i++)
    remember(e, e->history.texts[i]);
  screen_bracketed_paste(e, true);
  *ret = e;
  return 0;
}

void editor_close(struct editor *e) {
  if (!e)
    return;
  if (e->mid_line)
    screen_write(e, "\n", 1);
  if (e->el) {
    screen_bracketed_paste(e, false);
    el_end(e->el);
  }
  if (e->recall)
    history_wend(e->recall);
  if (e->out)
    fclose(e->out);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &e->before);
  guard_stop(e);
  history_close(&e->history);
  buf_release(&e->line);
  buf_release(&e->keys);
  buf_release(&e->held);
  free(e->kept);
  free(e);
}
