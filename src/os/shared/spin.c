/* os/shared/spin.c - see spin.h. */
#include "os/shared/spin.h"

#include <sched.h>
#include <stddef.h>

#include "base/clock.h"

enum {
  WATCH_NS = 50 * 1000,
  LINGER_NS = 2 * 1000,
  SKIP_MOST = 255,
  SKIP_CROWDED = 7,
  PAUSES = 16 /* between two looks at the clock */
};

static int processors; /* 0: not known */

void spin_forget(void) { processors = 0; }

int spin_processors(void) {
  cpu_set_t set;
  if (processors == 0) {
    CPU_ZERO(&set); /* more processors than fit the set are many */
    processors = sched_getaffinity(0, sizeof set, &set) ? 2 : CPU_COUNT(&set);
  }
  return processors > 0 ? processors : 1;
}

static void lost(struct spin *s) {
  s->skipping = s->skipping < SKIP_MOST / 2 ? 2 * s->skipping + 1 : SKIP_MOST;
  s->skip = s->skipping;
  spin_forget(); /* somebody may have moved this process to other processors meanwhile */
}

void spin_won(struct spin_wait *w) {
  if (w->until_ns != 0 && !w->over)
    w->spin->skipping /= 2;
}

void spin_linger(void) {
  int64_t until_ns = clock_now_ns() + LINGER_NS;
  do
    for (int i = 0; i < PAUSES; i++)
      spin_pause();
  while (clock_now_ns() < until_ns);
}

/* May this wait be watched? Then it is known how long. */
static bool begin(struct spin_wait *w, bool crowded) {
  struct spin *s = w->spin;
  if (crowded && !s->known)
    s->skip = s->skipping = SKIP_CROWDED;
  s->known = true;
  if (s->skip > 0) {
    s->skip--;
    return false;
  }
  if (spin_processors() < 2) {
    s->skip = SKIP_MOST;
    spin_forget();
    return false;
  }
  w->until_ns = clock_now_ns() + WATCH_NS;
  return true;
}

static bool changed(const _Atomic uint64_t *const words[2], const uint64_t was[2]) {
  return atomic_load_explicit(words[0], memory_order_acquire) != was[0] ||
         atomic_load_explicit(words[1], memory_order_acquire) != was[1];
}

bool spin_watch(struct spin_wait *w, const _Atomic uint64_t *const words[2], const uint64_t was[2],
                bool crowded, int64_t deadline_ns) {
  if (!w->over && w->until_ns == 0)
    w->over = !begin(w, crowded);
  while (!w->over) {
    for (int i = 0; i < PAUSES; i++) {
      if (changed(words, was))
        return true;
      spin_pause();
    }
    int64_t now = clock_now_ns();
    if (now < w->until_ns && now < deadline_ns)
      continue;
    w->over = true;
    if (now >= w->until_ns) /* a deadline that was near says nothing about the next time */
      lost(w->spin);
  }
  return false;
}
