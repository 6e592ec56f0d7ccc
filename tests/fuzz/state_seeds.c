/* tests/fuzz/state_seeds.c - writes the seeds of fuzz_state, a new object of each type: state_seeds FOLDER */
#include <stdio.h>
#include <string.h>

#include "net/state.h"
#include "object/queue.h"

static bool write_state(const char *folder, const struct net_state *s) {
  char path[4096];
  struct buf b = {0};
  snprintf(path, sizeof path, "%s/%s%u", folder, object_type_word(s->type), s->line_count);
  FILE *f = fopen(path, "wb");
  bool written = f && state_write(s, &b) == 0 && fwrite(b.data, 1, b.len, f) == b.len;
  if (f && fclose(f))
    written = false;
  buf_release(&b);
  return written;
}

/* Without a line; and with one of each op of its type that can wait. */
static bool write_type(const char *folder, enum object_type type) {
  struct net_state s = {.type = type, .generation = 1, .name = "seed"};
  const struct sync_options o = {.type = type, .count = 2, .max = 3};
  if (type == OBJECT_QUEUE)
    s.words[3] = 2;
  else
    sync_machine_of(type)->init(s.words, &o);
  bool written = write_state(folder, &s);
  for (int kind = OP_NONE + 1; kind < OP_COUNT; kind++)
    if (op_describe((enum op_kind)kind)->type == type && op_describe((enum op_kind)kind)->blocks)
      state_join(&s, 2 + (uint64_t)kind, (enum op_kind)kind, true, 0);
  written = written && write_state(folder, &s);
  state_release(&s);
  return written;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  for (int type = OBJECT_NONE + 1; type < OBJECT_TYPES; type++) {
    bool known = type == OBJECT_QUEUE || (type != OBJECT_PIPE && sync_machine_of((enum object_type)type));
    if (known && !write_type(argv[1], (enum object_type)type)) {
      perror(argv[1]);
      return 1;
    }
  }
  return 0;
}
