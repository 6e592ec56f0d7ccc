/* prompt/repl_session.c - the session's process: made, interrupted, made again; see repl_internal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/policy.h"
#include "prompt/repl_internal.h"

enum {
  QUICK_DEATHS = 3, /* a session that dies at its start would do so for ever */
  QUICK_NS = 2 * NS_PER_SECOND,
  PATIENCE_MS = 1000,           /* meanwhile nobody looks at limits */
  INSIST_NS = NS_PER_SECOND / 4 /* two Ctrl-C closer together are one */
};

/* -- made -------------------------------------------------------------------------------------- */

/* The session asks how large it is. A strict one could also write to it, past what keeps control characters away. */
static int open_terminal(const struct repl *r) {
  if (policy_is_strict(r->o->policy))
    return open("/proc/self/fd/0", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
}

/* In the new process. What else it inherits is closed when it executes something. */
static int session_main(struct backend *b, void *ctx) {
  struct repl *r = ctx;
  const struct session_place place = {.link = r->link_session,
                                      .terminal = open_terminal(r),
                                      .color = r->o->color,
                                      .restarted = r->restarted};
  const int own[] = {r->link.fd, r->input_write, r->output_read};
  setlocale(LC_CTYPE, "C"); /* the editor's choice is not Lua's */
  setpgid(0, 0);            /* the terminal's Ctrl-C is not for it */
  dup2(r->input_read, STDIN_FILENO);
  dup2(r->output_write, STDOUT_FILENO);
  dup2(r->output_write, STDERR_FILENO);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    close(own[i]);
  close(r->input_read);
  close(r->output_write);
  r->run->enter_session(r->o->host, b);
  return r->o->session(b, &place, r->o->ctx);
}

static int open_pipes(struct repl *r) {
  int in[2], out[2];
  if (r->output_read >= 0)
    return 0;
  if (pipe2(in, O_CLOEXEC))
    return -SBX_EMFILE;
  if (pipe2(out, O_CLOEXEC)) {
    close(in[0]);
    close(in[1]);
    return -SBX_EMFILE;
  }
  r->input_read = in[0];
  r->input_write = in[1];
  r->output_read = out[0];
  r->output_write = out[1];
  /* The other ends belong to the children, who expect them to block. */
  fcntl(r->output_read, F_SETFL, O_NONBLOCK);
  fcntl(r->input_write, F_SETFL, O_NONBLOCK);
  return 0;
}

int session_start(struct repl *r) {
  int sockets[2];
  int rc = open_pipes(r);
  if (rc == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
    rc = -SBX_EMFILE;
  if (rc)
    return rc;
  r->link.fd = sockets[0];
  r->link.patience_ms = PATIENCE_MS;
  r->link.broken = false;
  r->link.in.len = 0;
  r->link_session = sockets[1];
  r->state = REPL_BUSY; /* until it is ready */
  r->not_for_history = true;
  r->incomplete = false;
  r->interrupted_ns = 0;
  r->warned = false;
  r->started_ns = clock_now_ns();
  r->session_chunks = 0;
  int64_t from_ns = chunk_now(r);
  rc = r->run->start_session(r->o->host, session_main, r);
  close(sockets[1]);
  if (rc) {
    close(sockets[0]);
    r->link.fd = -1;
    return rc;
  }
  setpgid(r->run->session_pid(r->o->host), 0); /* whoever comes first */
  chunk_begin(r, NULL, 0);
  chunk_last(r)->from_ns = from_ns;
  chunk_last(r)->recorded = 0;
  return editor_watch(r->editor, r->link.fd, POLLIN, repl_on_link, r);
}

/* -- ended ------------------------------------------------------------------------------------- */

static uint32_t others_alive(struct backend *b) {
  struct snapshot s;
  uint32_t n = 0;
  if (b->run->look(b, 0, &s))
    return 0;
  for (uint32_t i = 0; i < s.process_count; i++)
    n += s.processes[i].lives && s.processes[i].slot != 0;
  snapshot_release(&s);
  return n;
}

static void tell_end(struct repl *r, int status) {
  if (r->killed)
    repl_say(
        r, "the chunk did not stop: the session was killed and starts again, without its globals");
  else
    repl_say(r, "the session was killed by signal %d (%s); it starts again, without its globals",
             status - 128, strsignal(status - 128));
  uint32_t n = others_alive(r->b);
  if (n > 0)
    repl_say(r,
             "%u background process%s still run%s: see `:ps`; `:kill` and `:pause` take their ids",
             n, n == 1 ? "" : "es", n == 1 ? "s" : "");
}

void session_ended(struct repl *r) {
  int status = r->run->session_status(r->o->host);
  bool quick = clock_now_ns() - r->started_ns < QUICK_NS;
  repl_drain(r);
  editor_unwatch(r->editor, r->link.fd);
  close(r->link.fd);
  r->link.fd = -1;
  chunk_end(r, 0);
  r->status = status;
  r->ended_from_outside = r->run->ending(r->o->host);
  if (r->ended_from_outside || status < 128 || r->state == REPL_LEAVING) {
    r->state = REPL_LEAVING; /* os.exit, or a signal to the whole run */
    return;
  }
  tell_end(r, status);
  r->quick_deaths = quick && !r->killed ? r->quick_deaths + 1 : 0;
  r->killed = false;
  r->restarted = true;
  r->incomplete = false;
  r->block.len = 0;
  watch_forget_answers(r);
  if (r->quick_deaths == QUICK_DEATHS) {
    repl_say(r, "it died %d times in a row: no other try", QUICK_DEATHS);
    r->state = REPL_LEAVING;
  } else if (session_start(r)) {
    repl_say(r, "a new session cannot be started");
    r->state = REPL_LEAVING;
  }
}

/* -- asked ------------------------------------------------------------------------------------- */

void session_interrupt(struct repl *r) {
  pid_t pid = r->run->session_pid(r->o->host);
  int64_t now = clock_now_ns();
  if (pid <= 0)
    return;
  bool again = r->interrupted_ns && now - r->interrupted_ns > INSIST_NS;
  if (again && r->warned) {
    r->killed = true;
    kill(pid, SIGKILL);
    return;
  }
  if (again) {
    r->warned = true;
    repl_say(
        r, "the chunk does not stop; Ctrl-C once more kills the session, and its globals are lost");
  }
  if (again || !r->interrupted_ns)
    r->interrupted_ns = now;
  kill(pid, SIGINT);
}

uint32_t session_inquire(struct repl *r, const char *text) {
  uint32_t id = ++r->next_inquiry;
  if (r->link.fd >= 0 && link_send(&r->link, FRAME_INQUIRE, id, text, strlen(text)) == 0 &&
      r->state == REPL_BUSY) /* it shall not wait for the end of the chunk */
    r->b->run->steer(r->b, STEER_INQUIRE, 0, r->b->self->id(r->b), 0);
  return id;
}
