/*
 * prompt/repl_internal.h - the parts of the prompt above the run: its loop (repl.c), what a line does (repl_lines.c), the session's process (repl_session.c), what is answered without Lua (repl_command.c),
 * programs that get the terminal (repl_foreground.c), expressions that are looked at again and
 * again (repl_watch.c), progress (repl_bars.c), what was carried out so far (repl_chunks.c), what is
 * recorded of the run (repl_trace.c).
 */
#ifndef SBX_PROMPT_REPL_INTERNAL_H
#define SBX_PROMPT_REPL_INTERNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/text.h"
#include "look/bars.h"
#include "look/snapshot.h"
#include "prompt/link.h"
#include "prompt/repl.h"
#include "prompt/show.h"
#include "term/editor.h"

enum { WATCHES = 16 };

struct watch {
  uint32_t id; /* 0: none */
  char *text;  /* owned: the expression */
  char *shown; /* owned: the value that was shown last; NULL: none */
  int64_t period_ns, next_ns;
  uint32_t inquiry;
  bool asked; /* by that inquiry, and not yet answered */
};

enum { CHUNKS = 256, CHUNK_SOURCE = 256 * 1024 };

/* A line, or some, that the session carried out; or its start. */
struct chunk {
  char *text;             /* owned; NULL: the start */
  uint32_t number;        /* its places are "repl:N:line"; 0: not known */
  uint64_t session;       /* id of the process */
  int64_t began_ns;       /* CLOCK_MONOTONIC */
  int64_t from_ns, to_ns; /* the run's time; to_ns: -1 as long as it runs */
  uint64_t recorded;      /* records that the session had written before */
  bool did;               /* something that others can see, or it took its time */
  bool waited;            /* for the terminal, say */
};

struct repl {
  const struct repl_options *o;
  const struct repl_run *run; /* with o->host */
  struct repl_listener listener;
  struct backend *b; /* NULL: the run is not open */
  struct editor *editor;

  /* Of the session. The pipes outlive it: its children go on writing. */
  struct frame frame;
  struct link link; /* link.fd: our end */
  int link_session; /* the session's end, while it is being forked */
  int output_read, output_write;
  bool line_in_vain;          /* its last line was waited for, and did not end (repl_drain_lines) */
  struct text_stream printed; /* what comes from there */
  int input_read, input_write; /* the session's standard input, both ends */
  bool dumb;                   /* the terminal */
  bool restarted;
  bool ended_from_outside; /* a time limit, a signal to the program */
  bool killed;             /* by us, since it did not stop */
  int64_t started_ns;      /* when the session was */
  int quick_deaths;        /* sessions in a row that died at once */

  enum repl_state {
    REPL_IDLE,   /* the prompt is there */
    REPL_BUSY,   /* a chunk runs */
    REPL_LEAVING /* the session has ended, or nobody types any more */
  } state;
  struct buf block;            /* the lines of a chunk, from its first on */
  bool incomplete;             /* it lacks lines */
  struct buf prompts[2];       /* for its first line, and for those that it lacks */
  bool not_for_history;        /* the chunk is none that was typed */
  int64_t interrupted_ns;      /* when the first Ctrl-C hit this chunk; 0: none did */
  bool warned;                 /* a second one has told what the third does */
  bool foreground_interrupted; /* Ctrl-C while another program, or a table, has the terminal */
  bool told_running;           /* the last Ctrl-D told who still runs */
  int status;                  /* to leave with */
  bool in_request;             /* of the session, which lasts */
  struct buf ahead;            /* lines that a chunk did not read */
  struct buf candidates;       /* of the last completion */
  uint32_t candidates_start;
  bool candidates_came;
  uint32_t next_inquiry;
  struct watch watches[WATCHES];
  struct bars_log bars_log;    /* of a terminal that shows none */
  struct chunk chunks[CHUNKS]; /* chunk number i, from 0 on, is in i % CHUNKS */
  uint64_t chunk_count;
  uint32_t session_chunks; /* of the session, as it told last */
};

/* -- repl_output.c ----------------------------------------------------------------------------- */

/* Print for the person: a line, `printf` like, without its newline. */
void repl_say(struct repl *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Print a text that may have something of the script in it. */
void repl_output(struct repl *r, const void *text, size_t len);
/* Append so much of a text as the terminal may get: of a strict session no control characters. 0 or -SBX_ENOMEM. */
int repl_showable(const struct repl *r, const void *text, size_t len, struct buf *to);

/* Show what the session and its children have written so far. */
void repl_drain(struct repl *r);
/* The same, and the rest of a line that somebody is writing now: something else is to follow. */
void repl_drain_lines(struct repl *r);
/* The same; and no more comes. */
void repl_drain_end(struct repl *r);

/* -- repl.c ------------------------------------------------------------------------------------ */

/* Carry out what the session sent. */
void repl_serve_link(struct repl *r);
/* The same, as the editor's callback. */
void repl_on_link(void *ctx, int fd, short events);

/* Poll everything but the terminal once, until deadline_ns at most; `extra` (a descriptor or -1) is
 * polled along. */
void repl_turn(struct repl *r, int extra, int64_t deadline_ns);

/* -- repl_lines.c ------------------------------------------------------------------------------ */

/* A line was typed. */
void line_came(struct repl *r, const char *line);
/* The prompt of this state. */
void line_show_prompt(struct repl *r);
/* The chunk is done: what it left unread of its input is for the prompt. */
void line_take_back(struct repl *r);
/* Run lines that were typed too early, as long as they end at once. */
void line_run_ahead(struct repl *r);

/* -- repl_session.c ---------------------------------------------------------------------------- */

/* 0 or -SBX_E*. Makes the pipes once, and a session. */
int session_start(struct repl *r);
/* The session has ended: say how, and start another, or leave. */
void session_ended(struct repl *r);
/* Ctrl-C while a chunk runs. */
void session_interrupt(struct repl *r);
/* Ask it something that it shall answer also while a chunk runs. Returns the number of the inquiry.
 */
uint32_t session_inquire(struct repl *r, const char *text);

/* -- repl_command.c ---------------------------------------------------------------------------- */

/* A line that begins with ':' or '!'. Returns whether it was one that is answered here, without the
 * session. */
bool command_run(struct repl *r, const char *line);
/* How tables are shown now. */
struct show repl_show(const struct repl *r);
/* Say who still runs, if anybody does; returns whether. */
bool command_tell_running(struct repl *r);
/* While a chunk runs: completes the names of these commands. */
void command_complete(const char *line, size_t cursor, struct completions *ret);
/* A request of the session: a word and its arguments. Answers it. */
void command_request(struct repl *r, const struct frame *f);

/* -- repl_chunks.c ----------------------------------------------------------------------------- */

/* The session carries out a text from now on (NULL: it starts). */
void chunk_begin(struct repl *r, const void *text, size_t len);
/* The last chunk is done, and was the session's number `number` (0: that is not known); or it was none
 * after all. */
void chunk_end(struct repl *r, uint32_t number);
void chunk_drop(struct repl *r);
/* The session waits for something that is done here, so how long its chunk takes says nothing; or it
 * goes on. */
void chunk_waits(struct repl *r, bool waits);
void chunks_release(struct repl *r);
/* The last one; NULL: there is none. */
struct chunk *chunk_last(struct repl *r);
/* The last one that did something: the one that runs, if it did; NULL: none is left. */
const struct chunk *chunk_of_interest(struct repl *r);
/* The run's time. */
int64_t chunk_now(const struct repl *r);

/* -- repl_trace.c ------------------------------------------------------------------------------ */

/*
 * What was recorded, as text or as a file.
 *   verb       timeline, stats, marks or trace
 *   arguments  timeline, stats: seconds, or "" for the last chunk; marks: seconds, or "" for all; trace:
 *              the file, seconds or "" for all
 *   out        the text, or what was done, or what is wrong
 * Returns 0 or a code.
 */
int trace_show(struct repl *r, const char *verb, const char *const arguments[2], struct buf *out);

/* A picture of the timeline for the whole screen, as it is now; of `rows` lines. */
int trace_picture(struct repl *r, const char *seconds, int rows, struct buf *out);

/* -- repl_foreground.c ------------------------------------------------------------------------- */

/* Run a shell command on the terminal, everything else going on. Returns what waitpid(2) told. */
int foreground_run(struct repl *r, const char *command);

/* The table of processes, again each second, until a key is hit. */
void foreground_top(struct repl *r);

/* The timeline, of the last seconds or (seconds: "") of the last chunk, each `period` seconds until a
 * key is hit. Returns an error text that is static, or NULL. */
const char *foreground_timeline(struct repl *r, const char *seconds, double period);

/* -- repl_bars.c ------------------------------------------------------------------------------- */

/* Of the listener. */
bool repl_bars(void *ctx, const struct bar *bars, uint32_t count);

/* Between two looks: seconds. */
#define PERIOD_LEAST 0.05
#define PERIOD_MOST 86400.0

/* -- repl_watch.c ------------------------------------------------------------------------------ */

/* Returns an error text, or NULL. */
const char *watch_add(struct repl *r, const char *expression, double seconds);
bool watch_remove(struct repl *r, uint32_t id); /* 0: all */
void watch_list(struct repl *r, struct buf *out);
/* Ask for those that are due; returns when the next one is. */
int64_t watch_turn(struct repl *r);
/* An answer came: show it if it is a watch's, and news. Returns whether it was one's. */
bool watch_answer(struct repl *r, uint32_t inquiry, const char *text);
/* The session is another: nobody will answer. */
void watch_forget_answers(struct repl *r);

#endif
