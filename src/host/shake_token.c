/* host/shake_token.c - see shake_token.h. */
#include "host/shake_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mix.h"

#define PREFIX "sbxs1:"
enum { SEED_DIGITS = 16 };

struct shake_options shake_of_run(uint64_t seed, uint64_t n) {
  uint64_t turn = (n + 1) / 2; /* of its mode: 1, 1, 2, 2, 3, ... */
  unsigned level = 0;
  while (level < SHAKE_LEVELS - 1 && turn % 2 == 0) {
    turn /= 2;
    level++;
  }
  return (struct shake_options){
      .mode = n % 2 ? SHAKE_RANDOM : SHAKE_PCT, .level = level, .seed = mix64(seed ^ mix64(n))};
}

void shake_token_format(const struct shake_options *o, char ret[SHAKE_TOKEN_MAX]) {
  snprintf(ret, SHAKE_TOKEN_MAX, PREFIX "%c%u:%016" PRIx64, o->mode == SHAKE_PCT ? 'p' : 'r',
           o->level, o->seed);
}

bool shake_token_parse(const char *text, struct shake_options *ret) {
  if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
    return false;
  text += strlen(PREFIX);
  if ((text[0] != 'r' && text[0] != 'p') || text[1] < '0' || text[1] >= '0' + SHAKE_LEVELS ||
      text[2] != ':')
    return false;
  const char *seed = text + 3;
  if (strlen(seed) != SEED_DIGITS || strspn(seed, "0123456789abcdef") != SEED_DIGITS)
    return false;
  *ret = (struct shake_options){.mode = text[0] == 'p' ? SHAKE_PCT : SHAKE_RANDOM,
                                .level = (unsigned)(text[1] - '0'),
                                .seed = strtoull(seed, NULL, 16)};
  return true;
}
