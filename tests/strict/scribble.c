/*
 * strict/scribble.c - code that has broken out of Lua writes over the memory that the processes of a run share; see scribble.h.
 *
 * Random words at random places of all that memory would hardly ever hit what is in use. So the places are drawn from areas:
 * the first records of each table, the rings of the first processes, whole small mappings, and files in memory. The words
 * look like what stands there: slots, stamps, owners, words from elsewhere. One seed has few areas, another all; one writes
 * and sleeps, another changes words while they are read.
 */
#include "scribble.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/process/outlet.h"
#include "os/shared/control.h"
#include "os/shared/trace.h"

enum { AREAS_MOST = 64, MAPS_MOST = 16, RECORDS = 12, OBJECTS = 24, RINGS = 6, FILES_END = 64 };

struct area {
  char *at;
  size_t size;
};

struct areas {
  struct area list[AREAS_MOST];
  size_t count;
};

static struct control *control;
static struct trace_area *trace; /* NULL: the run is not recorded */

static uint64_t draw(uint64_t *seed) { /* splitmix64 */
  uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/* -- where ------------------------------------------------------------------------------------- */

static void add(struct areas *a, void *at, size_t size) {
  if (a->count < AREAS_MOST && size >= sizeof(uint64_t))
    a->list[a->count++] = (struct area){at, size};
}

static void add_control(struct areas *a, struct control *c) {
  add(a, c, sizeof *c < 4096 ? sizeof *c : 4096);
  add(a, (void *)&c->next_serial,
      offsetof(struct control, process_stamp) - offsetof(struct control, next_serial));
  add(a, (void *)c->process_stamp, RECORDS * sizeof c->process_stamp[0]);
  add(a, (void *)c->process_stamp, 4096 * sizeof c->process_stamp[0]);
  add(a, (void *)c->seats, RECORDS * sizeof c->seats[0]);
  add(a, (void *)c->object_stamp, OBJECTS * sizeof c->object_stamp[0]);
  add(a, (void *)c->object_stamp, sizeof c->object_stamp);
  add(a, (void *)&c->forks, offsetof(struct control, names) - offsetof(struct control, forks));
  add(a, c->names, sizeof c->names);
  add(a, c->names, 64 * sizeof c->names[0]);
  add(a, c->processes, RECORDS * sizeof c->processes[0]);
  add(a, c->processes, 4096 * sizeof c->processes[0]);
  add(a, c->objects, OBJECTS * sizeof c->objects[0]);
  add(a, c->queues, OBJECTS * sizeof c->queues[0]);
  for (int i = 0; i < 8; i++) { /* lines of waiters are long: what stands around them */
    struct sync_record *r = &c->syncs[i];
    add(a, r, offsetof(struct sync_record, line) + offsetof(struct line, places) + 64);
    add(a, &r->second, offsetof(struct line, places) + 64);
  }
  add(a, c->syncs, OBJECTS * sizeof c->syncs[0]);
  add(a, (void *)c->charged, RECORDS * sizeof c->charged[0]);
  add(a, (void *)c->mail, RECORDS * sizeof c->mail[0]);
  add(a, (void *)c->held, RECORDS * sizeof c->held[0]);
}

static void add_trace(struct areas *a, struct trace_area *t) {
  add(a, t, offsetof(struct trace_area, texts) + 16);
  add(a, &t->texts, sizeof t->texts);
  add(a, (void *)t->owners, 128 * sizeof t->owners[0]);
  for (int i = 0; i < RINGS; i++) {
    add(a, &t->rings[i], offsetof(struct trace_ring, records));
    add(a, &t->rings[i], 64 * sizeof t->rings[i].records[0]);
  }
}

/* Each mapping that the processes of a run share, and that may be written. */
static void find(struct areas *a) {
  char line[256];
  FILE *maps = fopen("/proc/self/maps", "re");
  unsigned long from, to;
  while (maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx rw-s", &from, &to) != 2 || !strstr(line, " rw-s "))
      continue;
    char *at = (char *)from;
    size_t size = to - from;
    if (strstr(line, "/dev/zero") && size >= sizeof(struct control))
      add_control(a, control = (struct control *)(void *)at);
    else if (strstr(line, "/dev/zero") && size > sizeof(struct trace_area))
      add_trace(a, trace = (struct trace_area *)(void *)at);
    else
      add(a, at, size < 1 << 16 ? size : 1 << 16);
  }
  if (maps)
    fclose(maps);
}

/* -- what -------------------------------------------------------------------------------------- */

static uint64_t word(uint64_t *seed, const struct area *area) {
  uint64_t x = draw(seed), small = (x >> 32) % 16, slot = (x >> 36) % 65536;
  uint64_t ret = x;
  switch (x % 12) {
  case 0:
    return small;
  case 1:
    return slot;
  case 2:
    return UINT64_MAX;
  case 3: /* an owner */
    return small << 16 | (x & 16 ? small : slot);
  case 4: /* a stamp */
    return small << 24 | (x & 16 ? small : slot) << 8 | ((x >> 56) % 8);
  case 5: /* two numbers */
    return small << 32 | ((x >> 40) % 64);
  case 6: /* text without an end */
    return UINT64_C(0x4141414141414141);
  case 7:
    return (uint64_t)INT64_MAX - small;
  case 8: /* just beyond a table */
    return (UINT64_C(1) << (x >> 58)) + small - 1;
  case 9:
  case 10: /* what stands elsewhere */
    memcpy(&ret, area->at + (x >> 16) % (area->size / 8) * 8, sizeof ret);
    return ret;
  default:
    return x;
  }
}

static void write_word(uint64_t *seed, const struct area *area) {
  size_t place = draw(seed) % (area->size / 8) * 8;
  uint64_t to = word(seed, area);
  unsigned kind = draw(seed) % 4;
  if (kind == 0) { /* half of it */
    uint32_t half = (uint32_t)to;
    memcpy(area->at + place + (to >> 63) * 4, &half, sizeof half);
  } else if (kind == 1) { /* as a writer would count */
    ++*(volatile uint64_t *)(void *)(area->at + place);
  } else {
    memcpy(area->at + place, &to, sizeof to);
  }
}

static void write_files(uint64_t *seed) {
  struct stat about;
  for (int fd = STDERR_FILENO + 1; fd < FILES_END; fd++)
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
      uint64_t x = draw(seed);
      off_t at = (off_t)(x % (uint64_t)(about.st_size + 4096));
      if (pwrite(fd, &x, sizeof x, at) < 0)
        return;
    }
}

/* One word that goes back and forth as fast as it can: what is read twice is two values. */
static void flicker(uint64_t *seed, const struct area *area) {
  volatile uint64_t *at =
      (volatile uint64_t *)(void *)(area->at + draw(seed) % (area->size / 8) * 8);
  uint64_t one = *at, other = word(seed, area);
  for (int i = 0; i < 20000; i++)
    *at = i & 1 ? one : other;
}

static void fill(const struct area *area) {
  memset(area->at, 'A', area->size < 1 << 20 ? area->size : 1 << 20);
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

void scribble(uint64_t seed, int ms) {
  struct areas a = {.count = 0};
  find(&a);
  unsigned mood = draw(&seed) % 8;
  bool few = draw(&seed) % 2, rests = mood < 5;
  size_t first = a.count ? draw(&seed) % a.count : 0, n = few ? 1 + draw(&seed) % 3 : a.count;
  int64_t until = now_ms() + ms;
  while (a.count && now_ms() < until) {
    const struct area *area = &a.list[(first + draw(&seed) % n) % a.count];
    for (int i = 0; i < 32; i++)
      write_word(&seed, area);
    if (mood == 0)
      write_files(&seed);
    if (mood == 6)
      flicker(&seed, area);
    if (mood == 7 && draw(&seed) % 64 == 0)
      fill(area);
    if (rests)
      usleep(mood == 1 ? 5000 : 200);
  }
  _exit(a.count ? 0 : 1);
}

/* -- one thing, with care ---------------------------------------------------------------------- */

static void plant_lines(void) {
  for (int i = 0; i < OBJECTS; i++) {
    control->syncs[i].line.end = UINT32_MAX;
    control->syncs[i].second.end = UINT32_MAX;
  }
}

/* In whichever copy is current, and the quick word that stands before both. */
static void plant_counts(void) {
  for (int i = 0; i < OBJECTS; i++)
    for (int copy = 0; copy < 2; copy++)
      for (int w = 0; w < SYNC_WORDS; w++)
        if (control->syncs[i].type == OBJECT_RWLOCK || control->syncs[i].type == OBJECT_SEMAPHORE ||
            control->syncs[i].type == OBJECT_BARRIER)
          control->syncs[i].state[copy][w] = 4096;
}

/* Cells that name an object which does not exist, by a holder that lives: main's queue. */
static void plant_names(void) {
  _Atomic uint64_t *stamps = control->object_stamp;
  for (uint32_t i = 0; i < OBJECTS; i++) {
    uint32_t beyond = OBJECT_SLOTS + 2000 * (i + 1);
    if (stamp_phase(stamps[i]) != OBJECT_LIVE)
      continue;
    control->names[i] = (struct name_cell){.holder = stamp_claimed(stamp_serial(stamps[i]), i, 1),
                                           .object = stamp_claimed(7, beyond, 1),
                                           .count = UINT32_MAX};
    stamps[beyond] = stamp_of(7, OBJECT_LIVE);
  }
  control->names_used = 1;
}

static void plant_readers(void) {
  for (uint32_t i = 0; i < OBJECTS; i++) {
    control->queues[i].reader = UINT32_MAX;
    control->queues[i].reader_serial = 7;
  }
  plant_names();
}

static void plant_rings(void) {
  if (trace)
    trace->ring_count = UINT32_MAX;
}

/* Names, and all that follows them, have no end. */
static void plant_texts(void) {
  for (uint32_t i = 0; i < OBJECTS; i++)
    memset(control->syncs[i].name, 'A', sizeof control->syncs[i].name);
  for (uint32_t i = 0; i < RECORDS; i++)
    memset(control->processes[i].name, 'A',
           sizeof control->processes[i].name + sizeof control->processes[i].spawned_at);
}

/* Names and places that are lines of reports, or commands of a terminal. */
static void plant_forgeries(void) {
  static const char words[] = "x\nsandbox: forged\033]0;y\a\r\x9b";
  for (uint32_t i = 0; i < OBJECTS; i++) {
    memcpy(control->syncs[i].name, words, sizeof words);
    memcpy(control->queues[i].name, words, sizeof words);
  }
  for (uint32_t i = 0; i < RECORDS; i++) {
    struct process_record *p = &control->processes[i];
    memcpy(p->name, words, sizeof words);
    memcpy(p->spawned_at, words, sizeof words);
    memcpy(p->where, words, sizeof words);
  }
}

/* What others than the run's own processes may have told each other, in small mappings. */
static void plant_verdict(void) {
  struct areas a = {.count = 0};
  control = NULL;
  find(&a);
  for (size_t i = 0; i < a.count; i++)
    if (a.list[i].size == 4096 && a.list[i].at != (char *)control)
      memset(a.list[i].at, 1, a.list[i].size);
}

/* This process prints a line, and does not come to its end. */
static void plant_printing(void) {
  for (size_t i = 0; i < sizeof control->outlets / sizeof *control->outlets; i++) {
    control->outlets[i].writer = OUTLET_COPIER | (uint64_t)getpid();
    control->outlets[i].torn = 1;
  }
}

static void plant_status(void) { control->main_status = 256; }

static const struct {
  const char *name;
  void (*plant)(void);
} plants[] = {{"lines", plant_lines},         {"counts", plant_counts},
              {"names", plant_names},         {"readers", plant_readers},
              {"rings", plant_rings},         {"texts", plant_texts},
              {"forgeries", plant_forgeries}, {"printing", plant_printing},
              {"status", plant_status},       {"verdict", plant_verdict}};

bool scribble_plant(const char *name) {
  struct areas a = {.count = 0};
  find(&a);
  for (size_t i = 0; i < sizeof plants / sizeof *plants; i++)
    if (control && strcmp(plants[i].name, name) == 0) {
      plants[i].plant();
      return true;
    }
  return false;
}
