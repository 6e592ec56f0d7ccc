/*
 * tests/fault/test_mail_step.c - SIGKILL after every few instructions of a process that makes a mailbox, sends, receives, or
 * waits for a process by its name; as test_sync_step.c, in a run with a supervisor, which keeps the mailboxes of others.
 */
#include "support/os_steps.h"

#include "os/shared/line.h"
#include "os/supervisor/supervisor.h"

enum { KILLS = 120, VICTIM = 1, OTHER };

static struct board {
  _Atomic int done, got_victims;
  _Atomic uint64_t born; /* who_of */
  struct gate start, leave;
} *board;

static const struct steps_scene *scene;

static struct object *process_of(uint64_t who) {
  struct object_ref ref = {.type = OBJECT_PROCESS, .slot = who_slot(who), .serial = who_serial(who)};
  struct object *p = NULL;
  CHECK_EQ(op_handle_import(&the_backend->base, &ref, &p), 0);
  return p;
}

static uint64_t myself(void) { return who_of(the_backend->slot, the_backend->serial); }

/* The mailbox of a process. 0 or -SBX_EGONE. */
static int mailbox_of(struct object *p, struct object **ret) {
  struct op op = {.kind = OP_PROCESS_MAIL, .object = p, .deadline_ns = SBX_FOREVER};
  int rc = perform(&the_backend->base, &op);
  CHECK(rc == 0 || rc == -SBX_EGONE);
  if (rc == 0)
    *ret = op.object;
  return rc;
}

static int send_to(struct object *p, uint32_t sender) {
  struct object *box;
  int rc = mailbox_of(p, &box);
  if (rc)
    return rc;
  rc = put_item(box, sender, 0, 40, SBX_FOREVER);
  release_object(box);
  return rc;
}

static uint32_t receive(void) {
  struct object *me = process_of(myself()), *box;
  uint32_t sender, seq;
  CHECK_EQ(mailbox_of(me, &box), 0);
  CHECK_EQ(get_item(box, &sender, &seq, SBX_FOREVER), 0);
  release_object(box);
  release_object(me);
  return sender;
}

/* -- sending ----------------------------------------------------------------------------------- */

static struct object *target;

static int take_all(void *arg) {
  uint32_t sender = 0;
  (void)arg;
  gate_wait(board->start);
  while ((sender = receive()) != OTHER)
    board->got_victims++;
  return 0;
}
static void target_has_no_mailbox(void) {
  board->got_victims = 0;
  target = spawn_process(take_all, NULL);
}
static void target_has_a_mailbox(void) {
  struct object *box;
  target_has_no_mailbox();
  CHECK_EQ(mailbox_of(target, &box), 0);
  release_object(box);
}
static void victim_sends(void) { CHECK_EQ(send_to(target, VICTIM), 0); }

static bool target_got_all(void) {
  CHECK_EQ(send_to(target, OTHER), 0);
  gate_open(board->start, 1);
  CHECK_EQ(join_process(target, NULL, SBX_FOREVER), 0);
  CHECK(board->got_victims <= 1);
  CHECK_EQ(send_to(target, OTHER), -SBX_EGONE);
  join_well(target);
  return board->got_victims == 1;
}

/* -- receiving --------------------------------------------------------------------------------- */

static void victim_receives(void) {
  CHECK_EQ(receive(), OTHER);
  board->done = 1;
  victim_sends(); /* what it does next: some more instructions */
}
static void send_to_victim(void) {
  struct object *victim = process_of(steps_victim());
  int rc = send_to(victim, OTHER);
  CHECK(rc == 0 || rc == -SBX_EGONE || rc == -SBX_ECLOSED);
  release_object(victim);
}
static void receiver_is_due(void) {
  target_has_a_mailbox();
  board->done = 0;
}
static bool victim_received(void) {
  struct object *victim = process_of(steps_victim());
  CHECK_EQ(send_to(victim, OTHER), -SBX_EGONE);
  release_object(victim);
  target_got_all();
  return board->done;
}

/* -- seeking: another process seeks all the while ------------------------------------------------ */

static struct object *seeker;

static int seek(void *arg) {
  struct op op = {.kind = OP_PROCESS_FIND, .deadline_ns = SBX_FOREVER, .data = "sought", .len = 6};
  (void)arg;
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  release_object(op.object);
  return 0;
}
static void two_are_to_seek(void) {
  board->done = 0;
  seeker = spawn_process(seek, NULL);
  await_sleep(seeker, OP_PROCESS_FIND);
}
static void victim_seeks(void) {
  seek(NULL);
  board->done = 1;
  int64_t then = in_ms(0); /* some more instructions; a victim that is stopped between these two may take long */
  CHECK(!deadline_passed(SBX_FOREVER) && in_ms(0) >= then);
  seek(NULL);
}
static int be_sought(void *arg) {
  (void)arg;
  gate_wait(board->leave);
  return 0;
}
static void bear(void) {
  struct object *born = spawn_named("sought", be_sought, NULL);
  board->born = who_of(born->slot, born->serial);
  release_object(born);
}
static bool victim_found(void) {
  join_well(seeker);
  seek(NULL);
  gate_open(board->leave, 1);
  while (!process_gone(the_backend->control, board->born, false))
    usleep(50);
  return board->done;
}

/* -- scenes ------------------------------------------------------------------------------------ */

static const struct steps_scene scenes[] = {
    {"send, the first to this process", target_has_no_mailbox, NULL, victim_sends, target_got_all, NULL,
     OP_NONE},
    {"send", target_has_a_mailbox, NULL, victim_sends, target_got_all, NULL, OP_NONE},
    {"receive", receiver_is_due, NULL, victim_receives, victim_received, send_to_victim, OP_QUEUE_GET},
    {"find", two_are_to_seek, NULL, victim_seeks, victim_found, bear, OP_PROCESS_FIND},
};
static int main_plays(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  steps_play(scene, KILLS);
  fflush(NULL);
  _exit(0); /* and the waker is ended */
}

/* That victims were killed. */
static void say_nothing(void *ctx, const char *line) { (void)ctx, (void)line; }

static void play_the_scene(const void *of) {
  scene = of;
  const struct supervisor_options o = {.backend = backend_new,
                                       .speed = 1,
                                       .seed = 1,
                                       .max_procs = 512,
                                       .timeout_ns = SBX_FOREVER,
                                       .say = say_nothing};
  board = shared_memory(sizeof *board);
  board->start = gate_new();
  board->leave = gate_new();
  CHECK_EQ(supervisor_run(&o, main_plays, NULL), 0);
}

int main(int argc, char **argv) {
  const struct steps_tests tests = {
      "mail_step", scenes, sizeof scenes / sizeof *scenes, sizeof *scenes, play_the_scene};
  return steps_main(argc, argv, &tests);
}
