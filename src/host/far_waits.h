/*
 * host/far_waits.h - what the processes of a far process's run wait for: a snapshot, for the lookout of the whole run.
 *
 *    lookout     FAR_LOOK into far:ID:down, with the name of a list
 *    courier     raises `asked` in the page that it shares with the supervisor, and wakes that by SIGCHLD
 *    supervisor  puts its snapshot there, sets `answered`, and wakes the courier in the same way
 *    courier     pushes that, behind the number of the far process, to the list sandbox:{RUN}:looks:NAME
 *
 * The lookout (host/lookout.h) knows far processes; nothing here knows of it.
 */
#ifndef SBX_HOST_FAR_WAITS_H
#define SBX_HOST_FAR_WAITS_H

#include <stdatomic.h>
#include <stdint.h>

#include "net/engine.h"
#include "os/shared/control.h"

enum {
  FAR_WAITS_BYTES = 1 << 20
}; /* for the snapshot of some thousand processes; of more there is none */

/* Shared by a courier and the supervisor of its far process. */
struct far_waits_page {
  _Atomic uint64_t asked;    /* courier: so often */
  _Atomic uint64_t answered; /* supervisor, when the rest is written: `asked` as it was before */
  uint64_t len;              /* of `bytes`; 0: there was no room, or no memory */
  uint8_t bytes[FAR_WAITS_BYTES];
};

/* In the supervisor: answer, if the courier has asked. */
void far_waits_answer(struct far_waits_page *page, struct control *c);

/* In the courier: what it was asked, and has not answered yet. */
struct far_waits_asked {
  struct far_waits_page *page;
  uint64_t told;         /* of page->asked */
  char list[ENGINE_RUN]; /* the name that came with the message */
};

/* A FAR_LOOK has come. `supervisor`: its pid */
void far_waits_ask(struct far_waits_asked *a, const void *data, size_t len, int supervisor);
/* Send on what the supervisor has answered since. 0, or as engine_ask */
int far_waits_send(struct far_waits_asked *a, struct engine *e, const char *run, uint64_t number);

/* The key of the list of a name. Returns its length. */
size_t far_waits_key(char ret[ENGINE_KEY], const char *run, const char *list);

#endif
