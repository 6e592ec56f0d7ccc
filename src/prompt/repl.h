/*
 * prompt/repl.h - live exploration: the supervisor's side of the prompt.
 *
 * The supervisor owns the terminal and holds no Lua. Main, here called the session, runs the lines;
 * it and everything it spawns write into one pipe and stand in a process group of their own, so
 * neither output nor Ctrl-C nor a crash of theirs reaches the terminal but through here.
 */
#ifndef SBX_PROMPT_REPL_H
#define SBX_PROMPT_REPL_H

#include <stdbool.h>

#include "os/supervisor/supervisor.h"
#include "prompt/session.h"

/* What a session is made with, in the new process. Returns its exit status. */
typedef int repl_session_fn(struct backend *b, const struct session_place *place, void *ctx);

struct repl_options {
  struct supervisor_options run; /* say, on_signal, ctx and tag_output are the REPL's to set */
  const char *greeting;          /* the first line; NULL: none */
  bool color;                    /* escape sequences are welcome for colours */
  repl_session_fn *session;
  void *ctx; /* of session */
};

/* Is the terminal one that a line editor needs: standard input and output are one, whatever it is
 * called? */
bool repl_possible(void);

/* Read and carry out lines until the person leaves. Returns the exit status, or -SBX_E* when it
 * could not start. */
int repl_run(const struct repl_options *o);

#endif
