/* net/ask.c - what a process asks the homes of others; see office.h. */
#include <stdlib.h>
#include <time.h>

#include "net/office.h"
#include "net/survey.h"

#define HOME_LOOK_NS                                                                               \
  (NS_PER_SECOND / 4) /* how often one that waits for an answer looks at the home */

uint64_t net_who_of_process(uint64_t process) {
  return who_of((uint32_t)(process >> 48), process & (NET_IDS - 1));
}

int net_read_field(struct net *n, const char *hash, struct engine_arg field,
                   struct engine_reply **ret) {
  char key[ENGINE_KEY];
  const struct engine_arg args[] = {engine_text("HGET"), engine_bytes(key, net_key(n, key, hash)),
                                    field};
  int rc = engine_ask(n->engine, 3, args, ret);
  if (rc == 0 && engine_type(*ret) != ENGINE_BYTES) {
    engine_free(*ret);
    *ret = NULL;
  }
  return rc;
}

int office_is_dead(struct net *n, uint64_t who, bool *ret) {
  char key[ENGINE_KEY];
  uint8_t bytes[8];
  struct engine_reply *r;
  state_put64(bytes, who);
  const struct engine_arg args[] = {engine_text("SISMEMBER"),
                                    engine_bytes(key, net_key(n, key, "dead")),
                                    engine_bytes(bytes, sizeof bytes)};
  int rc = engine_ask(n->engine, 3, args, &r);
  if (rc)
    return rc;
  *ret = engine_type(r) == ENGINE_INTEGER && engine_integer(r) != 0;
  engine_free(r);
  return 0;
}

int office_home_of(struct net *n, uint64_t process, struct office_home *ret) {
  char number[8];
  unsigned long long stand_in = 0;
  struct engine_reply *r;
  uint64_t host = process >> 48;
  *ret = (struct office_home){.over = host != 0};
  snprintf(number, sizeof number, "%u", (unsigned)host);
  int rc = net_read_field(n, NET_FLEET, engine_text(number), &r);
  if (rc)
    return rc;
  if (!r) { /* it has ended */
    rc = net_read_field(n, NET_PLACES, engine_text(number), &r);
    if (rc == 0 && r)
      snprintf(ret->host, sizeof ret->host, "%s", engine_data(r));
    if (rc == 0)
      engine_free(r);
    return rc;
  }
  int found = sscanf(engine_data(r), "%*s %*s %47s %llu", ret->host, &stand_in);
  engine_free(r);
  if (host == 0 || found != 2)
    return 0;
  return office_is_dead(n, net_who_of_process(stand_in), &ret->over);
}

int office_send(struct net *n, enum office_kind kind, struct office_request *q) {
  char inbox[ENGINE_KEY];
  q->asker = n->who;
  q->number = ++n->asked;
  office_inbox(inbox, n->o.run, (uint16_t)(q->process >> 48));
  return link_add(n->engine, inbox, (char)kind, q, sizeof *q);
}

bool office_is_sound(int32_t rc, struct process_info *i) {
  i->name[NAME_MAX_BYTES - 1] = i->host[NAME_MAX_BYTES - 1] = '\0';
  i->spawned_at[WHERE_MAX - 1] = '\0';
  return rc <= 0 && (unsigned)i->status <= PROCESS_KILLED;
}

int64_t office_patience_ns(const struct net *n) { return engine_options_of(n->engine)->timeout_ns; }

int office_listens(struct net *n, uint64_t process, struct net_silence *s) {
  const int64_t look_most_ns =
      5 * NS_PER_SECOND; /* between two looks; more: nobody was awake to see */
  char inbox[ENGINE_KEY];
  unsigned long long id[2] = {0};
  struct engine_reply *r;
  const struct engine_arg args[] = {
      engine_text("XRANGE"),
      engine_bytes(inbox, office_inbox(inbox, n->o.run, (uint16_t)(process >> 48))),
      engine_text("-"),
      engine_text("+"),
      engine_text("COUNT"),
      engine_text("1")};
  int rc = engine_ask(n->engine, 6, args, &r);
  if (rc)
    return rc;
  const struct engine_reply *oldest = engine_at(engine_at(r, 0), 0);
  bool waits = engine_type(oldest) == ENGINE_BYTES &&
               sscanf(engine_data(oldest), "%llu-%llu", &id[0], &id[1]) == 2;
  engine_free(r);
  const int64_t now_ns = clock_now_ns(), since_ns = now_ns - s->last_ns;
  if (!waits || s->epoch != engine_epoch(n->engine) || s->oldest[0] != id[0] ||
      s->oldest[1] != id[1])
    *s = (struct net_silence){.host = s->host,
                              .in_vain = s->in_vain,
                              .oldest = {id[0], id[1]},
                              .epoch = engine_epoch(n->engine)};
  else
    s->silent_ns += since_ns < look_most_ns ? since_ns : look_most_ns;
  s->last_ns = now_ns;
  return s->silent_ns >= office_patience_ns(n) ? -SBX_ESILENT : 0;
}

int office_heard(struct net *n, uint64_t process, uint64_t number, struct office_answer *ret) {
  char key[ENGINE_KEY];
  uint8_t expected[8];
  struct engine_reply *r;
  const struct engine_arg args[] = {
      engine_text("GET"),
      engine_bytes(key, office_answer_key(key, n->o.run, n->who, (uint16_t)(process >> 48)))};
  int rc = engine_ask(n->engine, 2, args, &r);
  if (rc)
    return rc;
  state_put64(expected, number);
  bool came = engine_type(r) == ENGINE_BYTES && engine_len(r) == sizeof *ret;
  if (came)
    memcpy(ret, engine_data(r), sizeof *ret);
  engine_free(r);
  if (!came || memcmp(ret->number, expected, sizeof expected) != 0)
    return 0;
  return office_is_sound(ret->rc, &ret->info) ? 1 : -SBX_ENOOBJECT;
}

/* Sleep until the answer may be there, for a moment at most. As bell_sleep, but that time is up is no error. */
static int sleep_for_answer(struct net *n, const struct op *op, int64_t until_ns) {
  struct op wait = {.kind = op->kind,
                    .object = op->object,
                    .deadline_ns = clock_now_ns() + HOME_LOOK_NS,
                    .locate = op->locate,
                    .locate_ctx = op->locate_ctx};
  if (until_ns < wait.deadline_ns)
    wait.deadline_ns = until_ns;
  int rc = bell_sleep(n, &wait, 0);
  return rc == -SBX_ETIMEDOUT ? 0 : rc;
}

int office_ask(struct net *n, enum office_kind kind, const struct office_request *what,
               const struct op *op, int64_t until_ns, struct office_home *home,
               struct process_info *info) {
  struct office_request q = *what;
  struct office_answer a;
  q.awaited = 1;
  int rc = bell_listen(n);
  if (rc == 0)
    rc = office_send(n, kind, &q);
  for (int64_t look_ns = clock_now_ns() + HOME_LOOK_NS; rc == 0;) {
    if (clock_now_ns() >= until_ns)
      return -SBX_ESILENT;
    rc = sleep_for_answer(n, op, until_ns);
    if (rc == 0)
      rc = office_heard(n, q.process, q.number, &a);
    if (rc || clock_now_ns() < look_ns)
      continue;
    rc = office_home_of(n, q.process, home);
    if (rc || home->over)
      return rc;
    look_ns = clock_now_ns() + HOME_LOOK_NS;
  }
  if (rc < 0)
    return rc;
  if (info)
    *info = a.info;
  return a.rc;
}

/* The far process for which one stands: main of its host. 0: it stands for none, or that has not begun. */
static int find_far(struct net *n, uint64_t stand_in, uint64_t *ret) {
  char key[ENGINE_KEY];
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("HGETALL"),
                                    engine_bytes(key, net_key(n, key, NET_FLEET))};
  int rc = engine_ask(n->engine, 2, args, &r);
  *ret = 0;
  for (size_t i = 0; rc == 0 && i + 1 < engine_count(r); i += 2) {
    const struct engine_reply *number = engine_at(r, i), *about = engine_at(r, i + 1);
    unsigned long long process;
    if (engine_type(number) == ENGINE_BYTES && engine_type(about) == ENGINE_BYTES &&
        sscanf(engine_data(about), "%*s %*s %*s %llu", &process) == 1 && process == stand_in)
      *ret = net_process((uint16_t)strtoul(engine_data(number), NULL, 10), 0, 1);
  }
  if (rc == 0)
    engine_free(r);
  return rc;
}

/* How a far process stands, by what stands for it. False: nobody says. */
static bool look_at_far(struct net *n, uint64_t stand_in, const struct op *op, int64_t until_ns,
                        struct process_info *ret) {
  struct office_request q = {.process = 0};
  struct office_home home = {.over = false};
  return find_far(n, stand_in, &q.process) == 0 && q.process &&
         office_ask(n, OFFICE_LOOK, &q, op, until_ns, &home, ret) == 0 && !home.over;
}

void net_await_signal(struct net *n, uint64_t process, const struct op *op) {
  enum process_status before = op->number == SIGNAL_PAUSE ? PROCESS_RUNNING : PROCESS_STOPPED;
  const struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
  const int64_t until_ns = clock_now_ns() + OFFICE_BRIEF_S * NS_PER_SECOND;
  struct process_info info;
  while (look_at_far(n, process, op, until_ns, &info) && info.status == before &&
         clock_now_ns() < until_ns)
    nanosleep(&pause, NULL);
}

void net_note_pause(struct net *n, uint64_t process, const struct op *op,
                    struct process_info *ret) {
  struct process_info info;
  if (ret->status == PROCESS_RUNNING &&
      look_at_far(n, process, op, clock_now_ns() + OFFICE_BRIEF_S * NS_PER_SECOND, &info) &&
      info.status == PROCESS_STOPPED)
    ret->status = PROCESS_STOPPED;
}
