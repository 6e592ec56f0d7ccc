/* host/strict.c - see strict.h. */
#include "host/strict.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/text.h"
#include "host/output.h"
#include "os/jail/jail.h"
#include "os/shared/state.h"

/* Dangerous system calls that were refused; shared by the run. */
static _Atomic uint32_t *refused;

/* That of the run, once the jail was entered. */
static struct policy *entered;

/* -- words ------------------------------------------------------------------------------------- */

enum { NAMESPACES_MAX = 40, NAMESPACE_KINDS = 5 };

static const char *const namespace_names[NAMESPACE_KINDS] = {"user", "pid", "net", "ipc",
                                                             "mount"}; /* by bit */

/* "user+pid+net+ipc+mount" */
static void describe_namespaces(unsigned kinds, char *ret, size_t size) {
  char *end = text_copy(ret, size, "");
  for (size_t i = 0; i < NAMESPACE_KINDS; i++)
    if (kinds & (1u << i)) {
      end = end > ret ? text_copy(end, size - (size_t)(end - ret), "+") : end;
      end = text_copy(end, size - (size_t)(end - ret), namespace_names[i]);
    }
}

void strict_describe(const struct policy *p, char *ret, size_t size) {
  char kinds[NAMESPACES_MAX];
  if (p->strict != STRICT_ON) {
    snprintf(ret, size, "language");
    return;
  }
  describe_namespaces(p->namespaces, kinds, sizeof kinds);
  snprintf(ret, size, "language, Landlock %d, seccomp%s%s", p->landlock_abi,
           p->namespaces ? ", namespaces " : ", no namespaces", kinds);
}

int strict_tell(const struct policy *p, struct buf *text) {
  char holds[128];
  if (!policy_is_strict(p))
    return 0;
  strict_describe(p, holds, sizeof holds);
  uint32_t count = refused ? atomic_load(refused) : 0;
  int rc = buf_format(text, "\nstrict     %s; memory by %s", holds, p->memory_by);
  if (rc == 0 && count > 0)
    rc = buf_format(text, "; %u dangerous system call%s refused", (unsigned)count,
                    count > 1 ? "s" : "");
  return rc ? rc : buf_append_byte(text, '\n');
}

/* -- the same as JSON ---------------------------------------------------------------------------- */

/* Append `names` of the bits that are set, as a list of strings. */
static int list_json(struct buf *text, const char *name, const char *const names[], size_t count,
                     unsigned bits) {
  const char *comma = "";
  int rc = buf_format(text, "\"%s\":[", name);
  for (size_t i = 0; i < count && rc == 0; i++)
    if (bits & (1u << i)) {
      rc = buf_format(text, "%s\"%s\"", comma, names[i]);
      comma = ",";
    }
  return rc ? rc : buf_append_byte(text, ']');
}

int strict_tell_json(const struct policy *p, struct buf *text) {
  static const char *const layers[] = {"language", "landlock", "seccomp",
                                       "namespaces"}; /* by bit */
  static const char end[] = "}\n";
  size_t len = sizeof end - 1;
  if (!policy_is_strict(p) || text->len < len ||
      memcmp(text->data + text->len - len, end, len) != 0)
    return 0;
  text->len -= len;
  int rc = buf_format(text, ",\n\"strict\":{");
  rc = rc ? rc : list_json(text, "layers", layers, sizeof layers / sizeof *layers, p->layers);
  rc = rc ? rc : buf_format(text, ",\"landlock\":%d,", p->landlock_abi);
  rc = rc ? rc : list_json(text, "namespaces", namespace_names, NAMESPACE_KINDS, p->namespaces);
  rc = rc ? rc : buf_format(text, ",\"refused\":%u}", refused ? (unsigned)atomic_load(refused) : 0);
  return rc ? rc : buf_append(text, end, len);
}

/* -- the report -------------------------------------------------------------------------------- */

int strict_report(void) {
  struct jail_machine m;
  char kinds[NAMESPACES_MAX];
  jail_look(&m);
  describe_namespaces(m.namespaces, kinds, sizeof kinds);
  bool whole = m.landlock_abi > 0 && m.seccomp_built && m.seccomp;
  puts("language    yes");
  if (m.landlock_abi > 0)
    printf("Landlock    version %d: files%s%s\n", m.landlock_abi,
           m.landlock_abi >= 4 ? ", TCP" : "", m.landlock_abi >= 6 ? ", signals to others" : "");
  else
    puts("Landlock    no: it needs Linux 5.13 or later, and to be switched on (lsm=landlock,...)");
  puts(!m.seccomp_built ? "seccomp     no: the program was built without libseccomp"
       : !m.seccomp     ? "seccomp     no: the kernel has no filters of system calls"
                        : "seccomp     yes");
  printf("namespaces  %s\n", m.namespaces ? kinds : "no: this user may not make any");
  puts(whole ? "--strict runs on this machine"
             : "--strict does not run on this machine; --strict=lua does, by the language alone");
  return output_finish(whole ? 0 : EXIT_USAGE);
}

/* -- entering ---------------------------------------------------------------------------------- */

/* The machine, or the build, has no such layer; or it failed. */
static int tell_fault(const struct jail_fault *f) {
  bool built = strcmp(f->what, "the build") != 0;
  if (!built)
    fputs("sandbox: --strict needs seccomp, which was not built into this program: build it where "
          "libseccomp is installed\n",
          stderr);
  else if (strcmp(f->layer, "Landlock") == 0 && (f->errnum == ENOSYS || f->errnum == EOPNOTSUPP))
    fputs("sandbox: --strict needs Landlock (Linux 5.13); this machine has none\n", stderr);
  else
    fprintf(stderr, "sandbox: --strict cannot be held: %s of %s failed: %s\n", f->what, f->layer,
            strerror(f->errnum));
  fputs("         --strict=lua holds by the language alone: not for people you do not trust\n",
        stderr);
  return EXIT_USAGE;
}

static int share_counter(struct jail_fault *f) {
  void *map =
      mmap(NULL, sizeof *refused, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) {
    *f = (struct jail_fault){"seccomp", "mmap", errno};
    return -SBX_ENOMEM;
  }
  refused = map;
  return 0;
}

enum strict_entry strict_enter(struct options *o, int *ret_status, sigset_t *ret_mask) {
  struct jail_fault fault;
  struct policy *p = &o->policy;
  if (p->limits.memory_bytes)
    p->memory_by = "sandbox";
  if (p->strict == STRICT_LUA)
    p->layers = LAYER_LANGUAGE;
  if (p->strict != STRICT_ON)
    return STRICT_GO;
  int rc = share_counter(&fault);
  entered = p;
  if (rc == 0)
    rc = jail_enter(p, ret_status, ret_mask, &fault);
  if (rc == 0)
    return STRICT_INSIDE;
  if (rc < 0)
    *ret_status = tell_fault(&fault);
  return STRICT_DONE;
}

void strict_settle(void) {
  struct jail_fault fault;
  if (entered && jail_settle(entered, &fault))
    exit(tell_fault(&fault));
}

void strict_leave(void) {
  if (entered)
    jail_leave();
}

int strict_close(const struct policy *p, struct backend *b) {
  struct jail_fault fault;
  if (p->strict != STRICT_ON)
    return 0;
  struct os_backend *os = (struct os_backend *)b;
  state_by_supervisor(os);
  os->shut_out = jail_program;
  if (jail_close(entered, refused, &fault) == 0)
    return 0;
  return tell_fault(&fault);
}
