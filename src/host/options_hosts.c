/* host/options_hosts.c - the options of runs over several hosts, and those of `sandbox agent`. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/options_internal.h"
#include "net/host.h"

enum { SLOTS_MAX = 4096 };

/* -- handlers ---------------------------------------------------------------------------------- */

enum answer set_engine(struct options *o, const char *value) {
  o->engine.url = value;
  return *value ? ANSWER_OK : ANSWER_BAD;
}

enum answer set_engine_insecure(struct options *o, const char *value) {
  (void)value;
  o->engine.insecure = o->agent.insecure = true;
  return ANSWER_OK;
}

enum answer set_engine_timeout(struct options *o, const char *value) {
  bool good =
      option_seconds(value, &o->engine.timeout_ns) && o->engine.timeout_ns <= 86400 * NS_PER_SECOND;
  return good ? ANSWER_OK : ANSWER_BAD;
}

enum answer set_hosts(struct options *o, const char *value) {
  o->engine.hosts = value;
  return *value ? ANSWER_OK : ANSWER_BAD;
}

enum answer set_spread(struct options *o, const char *value) {
  (void)value;
  o->engine.spread = true;
  return ANSWER_OK;
}

enum answer set_lost_after(struct options *o, const char *value) {
  bool good = option_seconds(value, &o->engine.lost_ns) && o->engine.lost_ns >= 2 * HOST_BEAT_NS &&
              o->engine.lost_ns <= 3600 * NS_PER_SECOND;
  return good ? ANSWER_OK : ANSWER_BAD;
}

enum answer set_agent_name(struct options *o, const char *value) {
  o->agent.name = value;
  return host_is_name(value) ? ANSWER_OK : ANSWER_BAD;
}

enum answer set_agent_slots(struct options *o, const char *value) {
  char *end;
  long n = strtol(value, &end, 10);
  o->agent.slots = (int)n;
  return *value && *end == '\0' && n >= 1 && n <= SLOTS_MAX ? ANSWER_OK : ANSWER_BAD;
}

enum answer set_agent_once(struct options *o, const char *value) {
  (void)value;
  o->agent.once = true;
  return ANSWER_OK;
}

enum answer set_agent_password(struct options *o, const char *value) {
  (void)value;
  o->agent.password_stdin = true;
  return ANSWER_OK;
}

enum answer set_agent_help(struct options *o, const char *value) {
  (void)value;
  o->mode = MODE_AGENT_HELP;
  return ANSWER_STOP;
}

/* -- the whole line ------------------------------------------------------------------------------ */

/* What needs an engine; NULL: all is well. */
static const char *lacks_engine(const struct options *o) {
  if (o->engine.url || o->engine.hosts)
    return NULL;
  return o->engine.spread       ? "--spread"
         : o->engine.timeout_ns ? "--engine-timeout"
         : o->engine.lost_ns    ? "--lost-after"
         : o->engine.insecure   ? "--engine-insecure"
                                : NULL;
}

/* That of the environment is no wish of this run. */
static bool refuses_engine(const struct options *o) {
  return o->sim || o->shake.runs > 0 || o->replay || policy_is_strict(&o->policy);
}

int options_complete_engine(struct options *o, FILE *err) {
  if (o->mode != MODE_RUN)
    return 0;
  const char *inherited = getenv("SANDBOX_ENGINE");
  if (!o->engine.url && !refuses_engine(o) && !o->ignore_environment && inherited && *inherited)
    o->engine.url = inherited;
  const char *option = lacks_engine(o);
  if (option)
    return options_usage_error(
        err, "option '%s' needs other hosts: '--hosts A,B' or '--engine URL'", option);
  return 0;
}
