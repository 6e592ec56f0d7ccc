/*
 * sim/image.h - the memory of a simulated process: its arena and its C stack, at one fixed address
 * while it is there.
 *
 * One process at a time is present: its memory lies in the arena (base/arena.h) and on the stack
 * where all of them run. image_save keeps that memory as an image, which is a number; image_load
 * puts an image back. Equal memory has equal numbers. Images share what is equal in them, in blocks
 * of IMAGE_BLOCK bytes: an image is a list of leaves, a leaf a list of blocks (intern.h), so an image
 * that differs little from another costs little. What is present is compared with a second copy of
 * it, the shadow, to find what has changed.
 *
 * Where a process runs, it is switched to and from by image_enter and image_leave. All code between
 * them may use the arena, the stack, and memory that no process changes.
 */
#ifndef SBX_SIM_IMAGE_H
#define SBX_SIM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { IMAGE_BLOCK = 256, IMAGE_LEAF_BLOCKS = 32, IMAGE_LEAF = IMAGE_BLOCK * IMAGE_LEAF_BLOCKS };
enum { IMAGE_STACK = 8 << 20 }; /* bytes of a stack */

struct images;

/* `arena` is where the processes have their memory; borrowed. Reserves the stack. -SBX_ENOMEM */
int images_open(struct arena *arena, struct images **ret);
void images_close(struct images *m);

/* Begin a process: run `body(ctx)` on an empty stack, until it calls image_leave. It must not return. */
void image_begin(struct images *m, void (*body)(void *ctx), void *ctx);

/* Go on with the process that is present, until it calls image_leave; and leave it, in the process
 * itself: returns when it is entered again. */
void image_enter(struct images *m);
void image_leave(struct images *m);

/* A word that belongs to the process that is present: where it keeps what it wants to find again. */
void **image_word(struct images *m);

/* Keep the process that is present, which has left; returns its image, 0 without memory. */
uint32_t image_save(struct images *m);

/* Make that process present. The one that is must have been saved, or is lost. */
void image_load(struct images *m, uint32_t image);

/* Somebody changed the memory of the present process, which is not to stay so. */
void image_touched(struct images *m);

/* Forget all images but those n, which get new numbers. -SBX_ENOMEM: nothing has changed. */
int images_keep(struct images *m, uint32_t *const images[], uint32_t n);

/* Bytes that all images take. */
size_t images_bytes(const struct images *m);

#endif
