/*
 * host/options_strict.c - the options of strict mode, and of limits: what they set, and which lines make
 * no sense.
 *
 * A row of the table can only say that an argument is bad. Paths need more words, so the handlers of
 * --allow-* note the first fault, and options_complete_strict tells it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "host/options_internal.h"
#include "prompt/repl.h"

/* Under --strict, unless others are given. */
enum {
  MEMORY_STRICT = 256 << 20,
  CPU_STRICT_S = 10,
  TIME_STRICT_S = 30,
  PROCS_STRICT = 32,
  OUTPUT_STRICT = 16 << 20,
  FILES_STRICT = 64 << 20,
  TRACE_STRICT = 16 << 20, /* a page of it is some times larger */
  MEMORY_MIN = 1 << 20,
  WRITTEN_MIN = 1 << 10
};

/* -- handlers ---------------------------------------------------------------------------------- */

enum answer set_strict(struct options *o, const char *value) {
  int index = value ? option_choice_index(STRICTS, value) : 0;
  if (index < 0)
    return ANSWER_BAD;
  o->policy.strict = value ? STRICT_LUA + (enum policy_strict)index : STRICT_ON;
  if (o->policy.strict == STRICT_REPORT)
    o->mode = MODE_STRICT_REPORT;
  return ANSWER_OK;
}

/* An argument of --allow-* was added, or not. */
static enum answer allowed(struct options *o, const char *option, int rc, char *bad) {
  int errnum = errno;
  if (!o->allows)
    o->allows = option;
  if (rc && !o->allow_fault.option)
    o->allow_fault = (struct allow_fault){option, bad, rc, errnum};
  else
    free(bad);
  return ANSWER_OK;
}

enum answer set_allow_read(struct options *o, const char *value) {
  char *bad;
  int rc = policy_add_paths(&o->policy.read, value, &bad);
  return allowed(o, "--allow-read", rc, bad);
}

enum answer set_allow_write(struct options *o, const char *value) {
  char *bad;
  int rc = policy_add_paths(&o->policy.write, value, &bad);
  return allowed(o, "--allow-write", rc, bad);
}

enum answer set_allow_env(struct options *o, const char *value) {
  char *bad;
  int rc = policy_add_names(&o->policy.env, value, &bad);
  return allowed(o, "--allow-env", rc, bad);
}

enum answer set_allow_run(struct options *o, const char *value) {
  (void)value;
  o->policy.run = true;
  return allowed(o, "--allow-run", 0, NULL);
}

static enum answer set_size(const char *value, uint64_t min, uint64_t *ret) {
  uint64_t size;
  if (!option_size(value, &size) || size < min)
    return ANSWER_BAD;
  *ret = size;
  return ANSWER_OK;
}

enum answer set_memory(struct options *o, const char *value) {
  return set_size(value, MEMORY_MIN, &o->policy.limits.memory_bytes);
}

enum answer set_cpu(struct options *o, const char *value) {
  return option_seconds(value, &o->policy.limits.cpu_ns) ? ANSWER_OK : ANSWER_BAD;
}

enum answer set_output_limit(struct options *o, const char *value) {
  return set_size(value, WRITTEN_MIN, &o->policy.limits.output_bytes);
}

enum answer set_files_limit(struct options *o, const char *value) {
  return set_size(value, WRITTEN_MIN, &o->policy.limits.files_bytes);
}

/* -- the whole line ---------------------------------------------------------------------------- */

static int tell_fault(const struct allow_fault *f, FILE *err) {
  const char *text = "";
  if (f->code == -SBX_ENOMEM) {
    fputs("sandbox: not enough memory\n", err);
    return EXIT_LUA_ERROR;
  }
  if (!f->part)
    return options_usage_error(
        err, "option '%s' has an empty part: name something, or leave it out", f->option);
  if (f->code == -SBX_EINVAL)
    return options_usage_error(err, "option '%s': '%s' is no name of an environment variable",
                               f->option, f->part);
  text = f->code == -SBX_EGONE ? "does not exist" : strerror(f->errnum);
  return options_usage_error(err, "option '%s': '%s' %s%s", f->option, f->part,
                             f->code == -SBX_EGONE ? "" : "cannot be opened: ", text);
}

/* Modules of the script are found in its own folder; the script itself may be a link to elsewhere. */
static int add_script_folder(struct options *o, char **argv) {
  const char *script = argv[o->script], *slash = strrchr(script, '/');
  char *folder = slash ? strndup(script, (size_t)(slash - script) + 1) : strdup(".");
  int rc = folder ? policy_add_path(&o->policy.require, folder) : -SBX_ENOMEM;
  free(folder);
  if (rc == 0)
    rc = policy_add_path(&o->policy.require, script);
  return rc; /* a script that is not there is told when it is opened */
}

static void complete_limits(struct options *o, int argc) {
  struct policy_limits *l = &o->policy.limits;
  bool strict = policy_is_strict(&o->policy);
  bool prompt = (o->interactive || options_have_no_script(o, argc)) && repl_possible();
  if (strict) {
    l->memory_bytes = l->memory_bytes ? l->memory_bytes : MEMORY_STRICT;
    l->output_bytes = l->output_bytes ? l->output_bytes : OUTPUT_STRICT;
    l->files_bytes = l->files_bytes ? l->files_bytes : FILES_STRICT;
    l->cpu_ns = l->cpu_ns != SBX_FOREVER ? l->cpu_ns : CPU_STRICT_S * NS_PER_SECOND;
    o->trace.limit = o->trace.limit != TRACE_LIMIT_DEFAULT ? o->trace.limit : TRACE_STRICT;
    if (!o->step && !prompt) /* a person takes the time that it takes */
      o->timeout_ns = o->timeout_ns != SBX_FOREVER ? o->timeout_ns : TIME_STRICT_S * NS_PER_SECOND;
  }
  if (o->max_procs == 0)
    o->max_procs = strict ? PROCS_STRICT : l->procs;
  l->procs = o->max_procs;
  l->time_ns = o->timeout_ns;
}

/* In a build for tests a run may have only some of the layers: $SANDBOX_STRICT_LAYERS has a letter for
 * each. So a test can see that a layer holds something by itself. */
static unsigned left_out(void) {
  unsigned out = 0;
#ifdef SBX_FAULTS
  static const char letters[] = "LFSNR"; /* as enum policy_layer */
  const char *only = getenv("SANDBOX_STRICT_LAYERS");
  for (unsigned i = 0; only && letters[i]; i++)
    out |= strchr(only, letters[i]) ? 0 : 1U << i;
#endif
  return out;
}

/* The script, if the last word was meant to be it, but is the argument of an option that takes any word:
 * `--allow-read job.lua` without a script would run stdin, or start a prompt. NULL: it is none. */
static const char *swallowed_script(const struct options *o, int argc, char **argv) {
  static const char *const takers[] = {"--allow-read", "--allow-write", "--allow-env", "--hosts"};
  struct stat about;
  if (argc < 3 || o->interactive || !options_have_no_script(o, argc))
    return NULL;
  const char *option = argv[argc - 2], *word = argv[argc - 1], *dot = strrchr(word, '.');
  bool is_script =
      (dot && strcmp(dot, ".lua") == 0) || (stat(word, &about) == 0 && S_ISREG(about.st_mode));
  for (size_t i = 0; is_script && i < sizeof takers / sizeof *takers; i++)
    if (strcmp(option, takers[i]) == 0)
      return word;
  return NULL;
}

static int refuse_swallowed(const char *option, const char *script, FILE *err) {
  static const char *const wanted[][2] = {{"--allow-env", "NAME"}, {"--hosts", "HOSTS"}};
  const char *value = "PATH";
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    value = strcmp(option, wanted[i][0]) == 0 ? wanted[i][1] : value;
  return options_usage_error(err,
                             "option '%s' takes '%s', and no script is left: write %s %s %s; or "
                             "%s=%s, if no script is wanted",
                             option, script, option, value, script, option, script);
}

int options_complete_strict(struct options *o, int argc, char **argv, FILE *err) {
  complete_limits(o, argc);
  if (o->mode != MODE_RUN && o->mode != MODE_STRICT_REPORT)
    return 0;
  bool strict = policy_is_strict(&o->policy);
  o->policy.left_out = left_out();
  const char *script = swallowed_script(o, argc, argv);
  if (script)
    return refuse_swallowed(argv[argc - 2], script, err);
  if (o->allow_fault.option)
    return tell_fault(&o->allow_fault, err);
  if (o->policy.strict == STRICT_OFF && o->allows)
    return options_usage_error(err, "option '%s' needs '--strict': without it all is allowed",
                               o->allows);
  if (o->policy.strict == STRICT_OFF && o->policy.limits.files_bytes)
    return options_usage_error(err, "option '--files-limit' needs '--strict'");
  if (strict && o->script < argc && !o->script_is_stdin &&
      add_script_folder(o, argv) == -SBX_ENOMEM) {
    fputs("sandbox: not enough memory\n", err);
    return EXIT_LUA_ERROR;
  }
  return 0;
}
