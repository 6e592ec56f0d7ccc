/* os/shared/broker.c - messages with descriptors, and the client's side; see broker.h. */
#include "os/shared/broker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "os/shared/ask.h"
#include "os/shared/wait.h"

union control_space {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * BROKER_FDS_MAX)];
};

int broker_send(int socket, struct broker_message *m, const int *fds, int n) {
  union control_space space = {0};
  int packed[BROKER_FDS_MAX], count = 0;
  m->present = 0;
  for (int i = 0; i < n; i++) {
    if (fds[i] < 0)
      continue;
    packed[count++] = fds[i];
    m->present |= 1u << i;
  }
  struct iovec iov = {.iov_base = m, .iov_len = sizeof *m};
  struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
  if (count > 0) {
    msg.msg_control = space.bytes;
    msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(c), packed, sizeof(int) * (size_t)count);
  }
  ssize_t rc;
  do
    rc = sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (rc < 0 && errno == EINTR);
  if (rc >= 0)
    return 0;
  return errno == EAGAIN ? -SBX_EAGAIN : error_call("sendmsg", errno);
}

void broker_close_fds(const int *fds) {
  for (int i = 0; i < BROKER_FDS_MAX; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}

static void unpack_fds(struct msghdr *msg, uint32_t present, int *ret_fds) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
      continue;
    int packed[BROKER_FDS_MAX];
    int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(packed, CMSG_DATA(c), sizeof(int) * (size_t)count);
    for (int i = 0, k = 0; k < count; i++) {
      if (i < BROKER_FDS_MAX && !(present & 1u << i))
        continue;
      if (i < BROKER_FDS_MAX)
        ret_fds[i] = packed[k++];
      else
        close(packed[k++]);
    }
  }
}

int broker_receive(int socket, struct broker_message *ret, int *ret_fds) {
  union control_space space;
  struct iovec iov = {.iov_base = ret, .iov_len = sizeof *ret};
  struct msghdr msg = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = space.bytes,
                       .msg_controllen = sizeof space.bytes};
  for (int i = 0; i < BROKER_FDS_MAX; i++)
    ret_fds[i] = -1;
  ssize_t n;
  do
    n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == EAGAIN ? 0 : error_call("recvmsg", errno);
  unpack_fds(&msg, n == sizeof *ret ? ret->present : 0, ret_fds);
  if (n == sizeof *ret && !(msg.msg_flags & MSG_CTRUNC))
    return 1;
  if (n == 0) /* the end; or a message of no bytes, which may have descriptors */
    return 0;
  broker_close_fds(ret_fds); /* CTRUNC: this process has no room for descriptors */
  return -SBX_EMFILE;
}

/* -- the client's side ------------------------------------------------------------------------ */

enum {
  SLICE_NS = 1000 * 1000 * 1000,
  LEAST_NS = 200 * 1000 * 1000 /* a supervisor that runs answers in that time, also to a poll */
};

/*
 * Sleep until the socket is ready, for an op. What others see is a wait with an end, since the
 * supervisor can always help: nobody is to take it for stuck. 0, -SBX_ETIMEDOUT, -SBX_EINTERRUPTED
 */
static int await(struct os_backend *b, const struct op *op, int socket, short events) {
  struct op shown = *op;
  struct pollfd ready = {.fd = socket, .events = events};
  for (;;) {
    int64_t slice = clock_now_ns() + SLICE_NS;
    shown.deadline_ns = op->deadline_ns < slice ? op->deadline_ns : slice;
    int rc = wait_fds(b, &shown, &ready, 1, shown.deadline_ns);
    if (rc == 0 && ready.revents == 0)
      continue;
    if (rc != -SBX_ETIMEDOUT || deadline_passed(op->deadline_ns))
      return rc;
  }
}

static int send_request(struct os_backend *b, const struct op *op, struct broker_message *m,
                        const int fds[BROKER_FDS_MAX]) {
  int rc;
  while ((rc = broker_send(b->broker, m, fds, BROKER_FDS_MAX)) == -SBX_EAGAIN)
    if ((rc = await(b, op, b->broker, POLLOUT)))
      return rc;
  return rc;
}

/*
 * Send a request with `fds`, and wait for the answer, whose descriptors replace them. No answer but
 * the end of the socket: the supervisor had no room for the descriptors that came along.
 */
static int ask_once(struct os_backend *b, const struct op *op, struct broker_message *m,
                    int fds[BROKER_FDS_MAX]) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
    return error_call("socketpair", errno);
  fds[BROKER_REPLY] = pair[1];
  int rc = send_request(b, op, m, fds);
  close(pair[1]);
  if (rc == 0)
    rc = await(b, op, pair[0], POLLIN);
  if (rc == 0) {
    rc = broker_receive(pair[0], m, fds);
    rc = rc == 1 ? m->code : rc == 0 ? -SBX_EMFILE : rc;
    if (rc)
      broker_close_fds(fds);
  }
  close(pair[0]);
  return rc;
}

/* Garbage may hold descriptors. */
static void ask_all_to_collect(struct os_backend *b) {
  struct control *c = b->control;
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    uint64_t stamp = atomic_load(&c->process_stamp[i]);
    if (stamp_phase(stamp) == PHASE_RUNNING && i != b->slot)
      ask(c, i, stamp_serial(stamp), QUESTION_COLLECT, 0);
  }
  atomic_fetch_or(&my_record(b)->question, QUESTION_COLLECT); /* without a descriptor of ours */
  raise(WAKE_SIGNAL);
}

/* When the supervisor is short of descriptors, handles that are garbage somewhere may be why: every
 * process is asked to collect, and the request is repeated for a while. */
int broker_request(struct os_backend *b, const struct op *by, struct broker_message *m,
                   int fds[BROKER_FDS_MAX]) {
  enum { TRIES = 50, PAUSE_NS = 20 * 1000 * 1000 };
  struct op patient = *by;
  const struct op *op = &patient;
  int64_t least_ns = clock_now_ns() + LEAST_NS;
  if (patient.deadline_ns < least_ns)
    patient.deadline_ns = least_ns;
  const struct broker_message asked = *m;
  int own[BROKER_FDS_MAX];
  memcpy(own, fds, sizeof own);
  for (int i = 0;; i++) {
    int rc = ask_once(b, op, m, fds);
    if (rc != -SBX_EMFILE || i == TRIES)
      return rc;
    *m = asked;
    memcpy(fds, own, sizeof own);
    if (i == 0)
      ask_all_to_collect(b);
    struct op pause = *op;
    pause.deadline_ns = clock_now_ns() + PAUSE_NS;
    if (op->deadline_ns < pause.deadline_ns)
      pause.deadline_ns = op->deadline_ns;
    rc = wait_fds(b, &pause, NULL, 0, pause.deadline_ns);
    if (rc == -SBX_EINTERRUPTED || deadline_passed(op->deadline_ns))
      return rc ? rc : -SBX_ETIMEDOUT;
  }
}

bool broker_notify(struct os_backend *b, enum broker_kind kind, uint32_t slot, uint64_t serial) {
  struct broker_message m = {.kind = kind, .slot = slot, .serial = serial};
  return b->broker >= 0 &&
         send(b->broker, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof m;
}

/* What counts is the bit: a message that finds no room is one of many that wake the supervisor. */
void broker_tell(struct os_backend *b, enum broker_kind kind) {
  atomic_fetch_or(&b->control->told, 1U << kind);
  broker_notify(b, kind, 0, 0);
}

bool broker_told(struct control *c, enum broker_kind kind) {
  uint32_t bit = 1U << kind;
  return (atomic_load(&c->told) & bit) && (atomic_fetch_and(&c->told, ~bit) & bit);
}
