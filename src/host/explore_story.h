/*
 * host/explore_story.h - a schedule of an exploration, told as a story (look/story.h), which has all that it borrows.
 */
#ifndef SBX_HOST_EXPLORE_STORY_H
#define SBX_HOST_EXPLORE_STORY_H

#include "look/story.h"
#include "sim/explore/explore.h"

struct told; /* host/told.h */

/*
 * Tell the path of `len` steps to its end, of this kind. `script` is the file's name. The caller
 * owns *ret. -SBX_ENOMEM
 */
int told_make(struct exploration *x, const uint32_t *path, uint32_t len, enum explore_end end,
              const char *script, struct told **ret);
/* Its steps from `loop` on are a circle, in which the process `victim` waits for ever. */
void told_circle(struct told *t, uint32_t loop, uint32_t victim);
const struct story *told_story(const struct told *t);
void told_free(struct told *t);

#endif
