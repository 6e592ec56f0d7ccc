/*
 * sim/intern.h - blocks of bytes, each kept once: equal contents have equal numbers.
 */
#ifndef SBX_SIM_INTERN_H
#define SBX_SIM_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern;

/* NULL: no memory. */
struct intern *intern_new(void);
void intern_free(struct intern *s);

/* The number of these contents, from 1; they are copied if they are new. `ret_new` (may be NULL) says
 * whether they are. 0: no memory. */
uint32_t intern_put(struct intern *s, const void *bytes, size_t len, bool *ret_new);

/* The number of these contents; 0: they were never put. */
uint32_t intern_find(const struct intern *s, const void *bytes, size_t len);

/* The contents with a number that intern_put returned; they stay where they are. */
const uint8_t *intern_get(const struct intern *s, uint32_t id, size_t *ret_len);

/* How many there are, and the bytes that all of it takes. */
uint32_t intern_count(const struct intern *s);
size_t intern_bytes(const struct intern *s);

#endif
