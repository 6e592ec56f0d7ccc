/*
 * wire/siphash.h - SipHash-2-4, a keyed hash: without the key, nobody can construct bytes with a
 * given hash.
 *
 * Written from the specification: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input
 * PRF", 2012.
 */
#ifndef SBX_WIRE_SIPHASH_H
#define SBX_WIRE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* The hash of `len` bytes of `data` under a key of 16 bytes. */
uint64_t siphash(const uint8_t key[16], const void *data, size_t len);

#endif
