/*
 * prompt/link.h - what the supervisor and the session say to each other: frames over a stream socket.
 *
 * A frame is a kind, a number and a text. Whoever waits for an answer reads frames until it comes,
 * and does what others among them ask. A half-sent frame of a session that was killed ends with the
 * socket; nobody waits for its rest.
 */
#ifndef SBX_PROMPT_LINK_H
#define SBX_PROMPT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum frame_kind {
  /* to the session */
  FRAME_EVAL = 1, /* run a chunk; answered by DONE */
  FRAME_COMMAND,  /* run a line that begins with : ? or !; answered by DONE */
  FRAME_PROMPT,   /* nothing but a prompt is asked for; answered by DONE */
  FRAME_COMPLETE, /* number: the cursor, in bytes; the text: the line; answered by CANDIDATES of the
                     same line */
  FRAME_INQUIRE,  /* evaluate also while a chunk runs; number: whose; answered by ANSWER. A SIGURG
                     comes after it */
  FRAME_REPLY,    /* to a REQUEST; number: 0, or not 0 when the text tells of a failure */

  /* from the session */
  FRAME_READY, /* it is there, and waits for lines; number and text: as of DONE */
  FRAME_DONE, /* number: enum frame_done, and above it (from bit 8 on) how many chunks there were so
                       far; the text: the prompt for the next line */
  FRAME_CANDIDATES, /* number: where the completed word begins, in bytes from 0; the text:
                       candidates, a line each */
  FRAME_ANSWER,     /* number: whose; the text: the value, or an error */
  FRAME_REQUEST     /* the text: a word, and arguments, each ended by a zero; answered by REPLY */
};

enum frame_done { DONE_OK, DONE_ERROR, DONE_INCOMPLETE };

enum { FRAME_CHUNKS = 8 }; /* of the number of DONE, from this bit on */

struct frame {
  uint32_t kind; /* enum frame_kind */
  uint32_t number;
  struct buf
      text; /* the reader's, reused from frame to frame; ends with a zero that is not counted */
};

/* Zero but for `fd` is a new one; link_release frees it. */
struct link {
  int fd;          /* borrowed */
  int patience_ms; /* a reader that makes no room for so long is given up; 0: none is */
  bool broken;     /* it was, in the middle of a frame perhaps */
  struct buf in;   /* what was read and is not yet a whole frame */
};

void link_release(struct link *l);

/* Send one frame, waiting for room; of a text, 64 MiB at most. 0, or -SBX_EGONE when the other side is. */
int link_send(struct link *l, enum frame_kind kind, uint32_t number, const void *text, size_t len);

/*
 * Take the next frame.
 *   wait  false: only if one is there
 * Returns 1; 0 when there is none yet; -SBX_EINTERRUPTED (a signal came while it waited),
 * -SBX_EGONE (the other side is gone), -SBX_EDATA (what came is no frame, or the other side was given up),
 * -SBX_ENOMEM.
 */
int link_receive(struct link *l, struct frame *f, bool wait);

/* Was a whole one read that is not taken yet? */
bool link_has_frame(const struct link *l);

#endif
