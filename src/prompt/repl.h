/*
 * prompt/repl.h - live exploration: the prompt, in the process above the run.
 *
 * This process owns the terminal and holds no Lua. Main, here called the session, runs the lines; it
 * and its descendants write into one pipe and have a process group of their own, so that neither
 * their output nor Ctrl-C nor their crash reaches the terminal but through here. The loop that
 * serves the run belongs to the host, and is given as a table of functions.
 */
#ifndef SBX_PROMPT_REPL_H
#define SBX_PROMPT_REPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "look/trace/model.h"
#include "object/op.h"
#include "prompt/session.h"

struct bar;    /* look/bars.h */
struct policy; /* base/policy.h */

/* What the run has to say to the person; set by the prompt. */
struct repl_listener {
  /* A message: whole lines, without a newline at the end. Borrowed for the call. */
  void (*say)(void *ctx, const char *line);
  /* The text of a report: whole lines, with a newline at the end. */
  void (*report)(void *ctx, const char *text, size_t len);
  /* The progress of the run: all that is open, and once what was closed. Called when there is news,
   * and ten times a second as long as there is any. False: call again soon. */
  bool (*bars)(void *ctx, const struct bar *bars, uint32_t count);
  /* The terminal sent SIGINT, SIGWINCH or SIGTSTP. */
  void (*on_signal)(void *ctx, int signal);
  void *ctx;
};

enum { REPL_RUN_FDS = 2 };

/* The run below the prompt, by its host; each function gets `repl_options.host`. */
struct repl_run {
  /* Make what a run needs; *ret can look and steer, and names the session. `listener` is borrowed
   * until close. 0 or a code; then nothing is left behind. */
  int (*open)(void *host, const struct repl_listener *listener, struct backend **ret);
  /* End all that still runs, free everything. Returns the run's exit status. */
  int (*close)(void *host);
  /* Fork the session; after it has ended, another. 0 or -SBX_EAGAIN */
  int (*start_session)(void *host, int (*session)(struct backend *b, void *ctx), void *ctx);
  /* In the session, which has its own stdout and stderr now: its lines keep out of the others'. */
  void (*enter_session)(void *host, struct backend *b);
  /* The descriptors to poll for POLLIN, and until when (CLOCK_MONOTONIC, SBX_FOREVER); then serve,
   * which returns whether the session has ended and no other was started. */
  void (*fds)(void *host, int ret[REPL_RUN_FDS]);
  int64_t (*deadline)(void *host);
  bool (*serve)(void *host);
  /* The pid of the session, 0 if none runs; how it ended: its exit status, 128+n for signal n. */
  pid_t (*session_pid)(void *host);
  int (*session_status)(void *host);
  /* The run is being ended from outside: by a signal to this process, or its time limit. */
  bool (*ending)(void *host);
  /* Some process is inside a line that goes to stdout, and about to end it. A hint. */
  bool (*printing)(void *host);
  /* The whole run stands still; or goes on. */
  void (*suspend)(void *host, bool stop);
  /* The session waits for a line since then (CLOCK_MONOTONIC; 0: from now on); or got one. */
  void (*idle)(void *host, bool is, int64_t since_ns);
  /* How many records of its ops the session has written so far: if there is no new one, it did
   * nothing that others can see. */
  uint64_t (*recorded)(void *host);
  /*
   * What was recorded of the run, until now.
   *   from_ns  the run's time: what was over earlier is not wanted
   *   ret      a finished model, to be released by the caller on 0
   *   ret_why  otherwise a text that says what is wrong; until the next call
   * 0 or a code
   */
  int (*trace)(void *host, int64_t from_ns, struct trace_model *ret, const char **ret_why);
  /* Write a model, and the sources that it names, into a file; its name says in which format. 0, or a
   * code and a text in *ret_why. */
  int (*trace_write)(void *host, struct trace_model *m, const char *path, struct buf *ret_why);
  /* Add to a snapshot what is known of other hosts. 0 or a code; NULL: there are none. */
  int (*survey)(void *host, struct snapshot *s);
};

/* The life of a session, in the new process. Returns its exit status. */
typedef int repl_session_fn(struct backend *b, const struct session_place *place, void *ctx);

struct repl_options {
  const struct repl_run *run;
  void *host;
  const char *greeting; /* the first line; NULL: none */
  bool color;           /* escape sequences are welcome for colours */
  bool utf8;            /* the terminal shows it, in charts */
  repl_session_fn *session;
  void *ctx; /* of session */
  const struct policy
      *policy; /* of the session: what it asks for is done in this process, which nothing holds */
};

/* Is the terminal one that a line editor needs: standard input and output are one, whatever it is
 * called? */
bool repl_possible(void);

/* Read and carry out lines until the person leaves. Returns the exit status, or -SBX_E* when it
 * could not start. */
int repl_run(const struct repl_options *o);

#endif
