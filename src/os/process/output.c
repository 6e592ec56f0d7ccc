/*
 * os/process/output.c - stdout and stderr of a process that shares them with others.
 *
 * Lines are the unit. A line is put together here, whatever its length, and written while its process
 * holds the outlet: os/process/outlet.h says how, and how it keeps off the rows that the supervisor shows
 * below the cursor.
 *
 * What a script flushes before its line is at an end leaves at once, as it is: a question, say.
 *
 * Into a regular file, lines that follow each other quickly gather: os/process/delayed.h.
 *
 * stderr has no buffer in lua. So what a script writes to it is seen when the call is over, also
 * without a newline (output_unfinished), where a person looks on: in the process that may read from
 * the terminal, and in main if stderr is one; and of main as long as it is alone. The line is
 * `open` then: another process that comes before its end begins a new one, and so does the rest.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child_code.h"
#include "base/flush.h"
#include "base/forged.h"
#include "base/policy.h"
#include "base/text.h"
#include "base/utf8.h"
#include "os/process/below.h"
#include "os/process/delayed.h"
#include "os/process/outlet.h"
#include "os/process/output.h"
#include "os/process/process.h"
#include "os/process/signals.h"
#include "os/shared/line.h"

enum {
  /* Of stdio's buffer. What comes out of it as a multiple of this, without a newline at its end,
   * did not fit it; else the script has flushed. An odd number: no script writes so many bytes. */
  LINE_BYTES = 65521,
  UNFINISHED_MOST = 64 << 20, /* a longer line leaves in pieces */
  KEEP_BYTES = 64 << 10       /* an empty buffer up to it is kept */
};

static char buffers[2][LINE_BYTES]; /* must live as long as the streams */

/* stdout or stderr of the calling process. */
static struct stream {
  int fd;
  FILE *file; /* NULL: not shared */
  struct control *control;
  struct outlet *outlet;
  const struct process_record *process; /* if tagged */
  uint64_t copier;                      /* the copier's word; 0: it is no copier's: who_writes */
  size_t whole;                         /* so many bytes are never broken off */
  enum { UNKNOWN, NOBODY, PERSON, PROMPT } watched; /* by whom */
  bool open;                                        /* the beginning of a line was shown ... */
  bool opens;                                       /* ... or is, if what is written is one */
  bool tagged;
  bool reports; /* of the supervisor stand there, too */
  bool shows;   /* control characters, in place of sending them */
  char tag[NAME_MAX_BYTES + 32];
  struct buf line; /* since the last newline; with its tag */
} streams[2] = {{.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};

/* Programs of the calling process that have the terminal. */
static struct {
  unsigned programs;
  _Atomic uint64_t *at; /* of control.lent; NULL: there was no room */
} lending;

/* -- streams ----------------------------------------------------------------------------------- */

/* In the outlet's words. Not kept in the stream: a child would copy the page to write it there. */
static uint64_t who_writes(const struct stream *s) {
  return s->copier ? s->copier : who_of(the_backend->slot, the_backend->serial);
}

/* Shall nobody see what this process prints now? */
static bool unwanted(const struct stream *s) {
  uint64_t follow = atomic_load_explicit(&s->control->follow, memory_order_relaxed);
  return s->tagged && (atomic_load_explicit(&s->process->muted, memory_order_relaxed) ||
                       (follow && follow != s->process->serial));
}

/* Control characters of a script that is not trusted are shown, and not sent to a terminal, which obeys
 * them: all in one part. 0 or -SBX_ENOMEM. */
static int show_controls(struct buf *shown, struct iovec parts[2]) {
  struct buf whole = {0}; /* a character may begin in one part and end in the other */
  int rc = 0;
  for (int i = 0; i < 2 && rc == 0; i++)
    rc = buf_append(&whole, parts[i].iov_base, parts[i].iov_len);
  if (rc == 0)
    rc = text_show_controls(shown, whole.data, whole.len);
  buf_release(&whole);
  parts[0] = (struct iovec){shown->data, shown->len};
  parts[1] = (struct iovec){0};
  return rc;
}

/* Count what is to be written, and leave out what is over the limit. Returns whether something is. */
static bool is_over(struct control *c, struct iovec parts[2]) {
  size_t len = parts[0].iov_len + parts[1].iov_len;
  uint64_t before = atomic_fetch_add(&c->output, len);
  if (before + len <= c->output_limit)
    return false;
  uint64_t left = before < c->output_limit ? c->output_limit - before : 0;
  for (int i = 0; i < 2; i++) {
    parts[i].iov_len = parts[i].iov_len < left ? parts[i].iov_len : (size_t)left;
    left -= parts[i].iov_len;
  }
  return true;
}

/* Write; a process that has reached the run's limit does not return. 0, or an errno. */
static int emit(struct stream *s, struct iovec parts[2]) {
  struct buf shown = {0};
  bool over = false, inside = true; /* of a line, afterwards */
  int rc = 0;
  if (s->shows && show_controls(&shown, parts))
    rc = ENOMEM;
  if (rc == 0 && s->control->output_limit)
    over = is_over(s->control, parts);
  if (rc == 0 && parts[0].iov_len + parts[1].iov_len > 0) {
    inside = !outlet_ends_line(parts);
    rc = outlet_emit(s->control, s->outlet, s->fd, who_writes(s), s->whole, s->open, parts);
  }
  buf_release(&shown);
  if (over) {
    if (inside)
      atomic_store(&s->outlet->torn, 1); /* the next line, which tells of it, is one of its own */
    process_over(the_backend, BROKER_OUTPUT);
  }
  return rc;
}

/* Write what waits, and `data` after it. False: an error, in errno. */
static bool flush(struct stream *s, const void *data, size_t len) {
  struct iovec parts[2] = {{s->line.data, s->line.len}, {(void *)(uintptr_t)data, len}};
  s->open = s->opens && !outlet_ends_line(parts);
  int rc = unwanted(s) || s->line.len + len == 0 ? 0 : emit(s, parts);
  s->line.len = 0;
  if (s->line.cap > KEEP_BYTES)
    buf_release(&s->line);
  errno = rc ? rc : errno;
  return rc == 0;
}

/* Keep it until its line is at an end. */
static bool keep(struct stream *s, const char *data, size_t len) {
  if (s->line.len + len > UNFINISHED_MOST)
    return flush(s, data, len);
  if (len > 0 && buf_append(&s->line, data, len)) {
    errno = ENOMEM;
    return false;
  }
  return true;
}

/* Does a person look on, and have to answer, maybe? */
static bool is_watched(struct stream *s) {
  if (s->watched == UNKNOWN)
    s->watched =
        isatty(STDIN_FILENO) || (who_slot(who_writes(s)) == 0 && isatty(s->fd)) ? PERSON : NOBODY;
  return s->watched != NOBODY;
}

/* The beginning of a line, which waits for no end. */
static bool show_tagged(struct stream *s) {
  s->opens = true;
  bool well = flush(s, NULL, 0);
  s->opens = false;
  return well;
}

/* Is the line still open that was? */
static bool goes_on(struct stream *s) {
  s->open &= atomic_load_explicit(&s->outlet->open, memory_order_relaxed) == who_writes(s);
  return s->open;
}

static bool put_tagged(struct stream *s, const char *data, size_t len) {
  for (size_t at = 0; at < len;) {
    const char *newline = memchr(data + at, '\n', len - at);
    size_t part = newline ? (size_t)(newline - data) + 1 - at : len - at;
    if (s->line.len == 0 && !goes_on(s) && !keep(s, s->tag, strlen(s->tag)))
      return false;
    if (newline ? !flush(s, data + at, part) : !keep(s, data + at, part))
      return false;
    at += part;
  }
  return s->line.len == 0 || len % LINE_BYTES == 0 || !is_watched(s) || show_tagged(s);
}

/* Nobody else is there yet: a line need not be put together. */
static bool alone(const struct stream *s) { return control_process_end(s->control) <= 1; }

static bool put_plain(struct stream *s, const char *data, size_t len) {
  const char *newline = memrchr(data, '\n', len);
  size_t whole = newline ? (size_t)(newline + 1 - data) : 0;
  if (whole == len || (!delayed_leaves() && (len % LINE_BYTES != 0 || alone(s))))
    return flush(s, data, len);
  return (whole == 0 || flush(s, data, whole)) && keep(s, data + whole, len - whole);
}

static bool put(struct stream *s, const char *data, size_t len) {
  return s->tagged ? put_tagged(s, data, len) : put_plain(s, data, len);
}

/* A text in which lines look like reports: they are marked. */
static bool put_marked(struct stream *s, const char *data, size_t len) {
  struct buf text = {0};
  bool well = forged_mark(&text, data, len) == 0;
  if (!well)
    errno = ENOMEM;
  well = well && put(s, (const char *)text.data, text.len);
  buf_release(&text);
  return well;
}

static bool put_checked(struct stream *s, const char *data, size_t len) {
  bool forged =
      s->reports && policy_by_language(the_backend->base.policy) && forged_is_in(data, len);
  return forged ? put_marked(s, data, len) : put(s, data, len);
}

static ssize_t stream_write(void *cookie, const char *data, size_t len) {
  struct stream *s = cookie;
  if (s == &streams[1])
    delayed_flush(); /* it may be the same file */
  bool well = put_checked(s, data, len);
  if (s == &streams[0])
    delayed_begin();
  return well ? (ssize_t)len : 0;
}

/* Does the place in the file stay the same? */
static bool stays(int fd, off64_t at, int whence) {
  struct stat about;
  off64_t now = lseek(fd, 0, SEEK_CUR);
  if (whence == SEEK_END && fstat(fd, &about) == 0)
    at += about.st_size;
  return whence == SEEK_CUR ? at == 0 : at == now;
}

/* A strict run would overwrite what others, such as the run before it, have written to the same file. */
static int stream_seek(void *cookie, off64_t *at, int whence) {
  struct stream *s = cookie;
  if (policy_by_language(the_backend->base.policy) && !stays(s->fd, *at, whence)) {
    errno = ESPIPE;
    return -1;
  }
  off64_t to = lseek(s->fd, *at, whence);
  if (to < 0)
    return -1;
  *at = to;
  return 0;
}

/* -- a process of the run ---------------------------------------------------------------------- */

void output_line_buffered(void) {
  setvbuf(stdout, buffers[0], _IOLBF, LINE_BYTES);
  setvbuf(stderr, buffers[1], _IOLBF, LINE_BYTES);
}

static FILE *open_stream(struct stream *s, char buffer[LINE_BYTES]) {
  cookie_io_functions_t io = {.write = stream_write, .seek = stream_seek};
  FILE *f = fopencookie(s, "w", io);
  if (!f)
    return NULL;
  f->_fileno = s->fd; /* what fileno(3) tells: libraries ask isatty(fileno(f)) */
  setvbuf(f, buffer, _IOLBF, LINE_BYTES);
  return f;
}

/* A write of so many bytes is all or nothing: to a pipe, pipe(7), and as good as that to a file. */
static size_t whole_bytes(int fd) {
  struct stat about;
  bool keeps = fstat(fd, &about) == 0 && (S_ISFIFO(about.st_mode) || S_ISREG(about.st_mode));
  return keeps ? PIPE_BUF : 0;
}

static bool is_file(int fd) {
  struct stat about;
  return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

static void open_streams(void) {
  static char shared[2][LINE_BYTES]; /* the buffers are those of the streams from before */
  fflush(NULL);
  for (int i = 0; i < 2; i++)
    streams[i].file = open_stream(&streams[i], shared[i]);
  if (streams[0].file)
    stdout = streams[0].file;
  if (streams[1].file)
    stderr = streams[1].file;
}

/* Where what is written from now on gets to in the end; see output_will_be_copied. */
static struct { bool is, terminal[2], one_place; } copied;

void output_will_be_copied(void) {
  copied.is = true;
  copied.terminal[0] = isatty(STDOUT_FILENO);
  copied.terminal[1] = isatty(STDERR_FILENO);
  copied.one_place = outlet_is_one_place();
}

/* Where do they go? Main's descendants inherit that. */
static void find_places(struct control *c) {
  bool same = outlet_is_one_place();
  for (int i = 0; i < 2; i++) {
    streams[i].outlet = &c->outlets[same ? 0 : i];
    streams[i].whole = whole_bytes(streams[i].fd);
    streams[i].reports = same || copied.one_place || i == 1;
    streams[i].shows =
        c->shows_controls && (copied.is ? copied.terminal[i] : isatty(streams[i].fd));
  }
  delayed_allow(!the_backend->foreign && is_file(STDOUT_FILENO), &streams[0].line);
}

CHILD_CODE
void output_share(struct control *c, uint32_t slot, uint64_t serial, bool tagged) {
  bool first = !streams[0].file && !streams[1].file;
  if (first)
    open_streams();
  if (first || slot == 0)
    find_places(c);
  if (tagged)
    delayed_allow(false, NULL);
  delayed_forget();
  if (lending.programs > 0) { /* those are the parent's; else its page is left alone */
    lending.programs = 0;
    lending.at = NULL;
  }
  for (int i = 0; i < 2; i++) {
    struct stream *s = &streams[i];
    if (s->line.data) /* what waits in it is the parent's */
      buf_release(&s->line);
    if (s->watched != UNKNOWN) /* only what changes is written: else the page is left alone, too */
      s->watched = UNKNOWN;
    if (s->open)
      s->open = false;
    if (s->control != c)
      s->control = c;
    if (s->tagged != tagged)
      s->tagged = tagged;
    if (!tagged)
      continue;
    s->process = &c->processes[slot];
    snprintf(s->tag, sizeof s->tag, "[%s#%llu] ", s->process->name, (unsigned long long)serial);
  }
}

static struct control *supervised; /* by this process */

void output_supervise(struct control *c) {
  supervised = c;
  output_last_words();
}

static void (*look_meanwhile)(void *ctx);
static void *look_ctx;

void output_meanwhile(void (*look)(void *ctx), void *ctx) {
  look_meanwhile = look;
  look_ctx = ctx;
}

/* Until stderr takes PIPE_BUF bytes. */
static void await_room(void) {
  enum { LOOK_MS = 50 };
  struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
  int rc;
  while ((rc = poll(&room, 1, look_meanwhile ? LOOK_MS : -1)) <= 0 && (rc == 0 || errno == EINTR))
    if (look_meanwhile)
      look_meanwhile(look_ctx);
}

/* In parts for which there is room: a reader that pauses (`2>&1 | less`) holds the supervisor up, but not its limits. */
static void write_in_parts(const char *text, size_t len) {
  while (len > 0) {
    size_t part = len < PIPE_BUF ? len : PIPE_BUF;
    await_room();
    outlet_write_all(STDERR_FILENO, text, part);
    text += part;
    len -= part;
  }
}

/* It waits for nobody for longer than a moment: then its message stands where it does. */
static void write_of_supervisor(const void *text, size_t len) {
  struct outlet *o = outlet_of_stderr(supervised);
  if (look_meanwhile) /* there may be many messages, and a moment before each */
    look_meanwhile(look_ctx);
  bool held = outlet_hold(supervised, o, OUTLET_SUPERVISOR) == 0;
  await_room();
  outlet_begin(STDERR_FILENO, o, OUTLET_SUPERVISOR, true);
  write_in_parts(text, len);
  if (held)
    outlet_let_go(o, OUTLET_SUPERVISOR);
}

/* -- what programs print, which the copier passes on ------------------------------------------- */

bool output_is_one_place(void) { return streams[0].outlet == streams[1].outlet; }

void output_copies(void) {
  for (int i = 0; i < 2; i++) {
    streams[i].copier = OUTLET_COPIER | (uint64_t)getpid();
    streams[i].tagged = false;
  }
}

bool output_copy(int which, const char *data, size_t *len, bool last) {
  struct stream *s = &streams[which];
  if (s->shows && !last)
    *len = utf8_whole(data, *len);
  return put_checked(s, data, *len);
}

/* -- programs that write for themselves -------------------------------------------------------- */

/* Noted first: a supervisor that has not seen it yet holds the outlet, and is waited for here. */
void output_lend(void) {
  const struct stream *s = &streams[1];
  if (!s->file || lending.programs++ > 0)
    return;
  uint64_t who = who_writes(s);
  lending.at = below_note_lent(s->control, who);
  if (outlet_hold(s->control, s->outlet, who) == 0) {
    outlet_clear_below(s->fd, s->outlet);
    outlet_let_go(s->outlet, who);
  }
}

void output_take_back(void) {
  if (lending.programs == 0 || --lending.programs > 0)
    return;
  if (lending.at)
    atomic_store(lending.at, 0);
  lending.at = NULL;
}

void output_message(const void *text, size_t len) {
  const struct stream *s = &streams[1];
  struct iovec parts[2] = {{0}, {(void *)(uintptr_t)text, len}};
  delayed_flush();
  fflush(stderr);
  if (s->file)
    outlet_emit(s->control, s->outlet, s->fd, who_writes(s), s->whole, false, parts);
  else if (supervised)
    write_of_supervisor(text, len);
  else
    outlet_write_all(STDERR_FILENO, text, len);
}

/* -- reports ----------------------------------------------------------------------------------- */

/* Of what is past the limit of the run a person still wants to read so much: why main failed, and, from the supervisor, what else
 * did and how the run ended. It is all that a process may report past the limit, in however many reports. */
enum { REPORTED_ALWAYS = 4096 };

static size_t reported_past;
static bool report_cut;
static const char CUT[] =
    "...\nsandbox: the rest of this report is over the limit of the run (--output-limit)\n";

void output_last_words(void) {
  reported_past = 0;
  report_cut = false;
}

/* Count a report. Returns how much of it is written. */
static size_t report_length(struct control *c, size_t len) {
  bool speaks = !streams[1].file || the_backend->slot == 0; /* supervisor or main */
  if (!c || !c->output_limit)
    return len;
  uint64_t before = atomic_fetch_add(&c->output, len);
  uint64_t left = before < c->output_limit ? c->output_limit - before : 0;
  size_t within = len < left ? len : (size_t)left;
  size_t past = speaks && !report_cut ? REPORTED_ALWAYS - reported_past : 0;
  past = len - within < past ? len - within : past;
  reported_past += past;
  return within + past;
}

/* The supervisor ends the run when it looks again (output_report_was_cut); a process of the run asks for that, but for main,
 * whose first long report may be its last: its status is told, then. */
void output_report(const void *text, size_t len) {
  bool again = report_cut;
  size_t most = report_length(streams[1].file ? streams[1].control : supervised, len);
  if (most > 0)
    output_message(text, most);
  if (most == len)
    return;
  if (!again)
    output_message(CUT, sizeof CUT - 1);
  report_cut = true;
  if (streams[1].file && (again || the_backend->slot != 0))
    process_over(the_backend, BROKER_OUTPUT);
}

bool output_report_was_cut(void) { return report_cut; }

void output_unfinished(void) {
  struct stream *s = &streams[1];
  if (!s->file || __fpending(stderr) == 0)
    return;
  bool watched = is_watched(s);
  if (!watched && (s->tagged || !alone(s)))
    return;
  s->opens = s->watched != PROMPT;
  fflush(stderr);
  s->opens = false;
}

void output_answered(const FILE *f) {
  for (int i = 0; i < 2; i++) {
    struct stream *s = &streams[i];
    uint64_t who = who_writes(s);
    if (!s->open || f != stdin || !isatty(STDIN_FILENO))
      continue;
    atomic_compare_exchange_strong(&s->outlet->open, &who, 0);
    s->open = false;
  }
}

void output_of_prompt(void) { streams[1].watched = PROMPT; }

CHILD_CODE
bool output_flush_all(void) {
  bool well = true;
  flush_pending();
  for (int i = 0; i < 2; i++) {
    struct stream *s = &streams[i];
    if (s->file && s->line.len > 0)
      well &= flush(s, "\n", s->tagged ? 1 : 0);
  }
  return well;
}
