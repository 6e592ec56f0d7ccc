/* net/engine_none.c - in a program that was built without hiredis: there are no engines; see engine.h. */
#include "net/engine.h"

#include <stdio.h>

#include "base/error.h"

bool engine_available(const char **why) {
  *why = "this sandbox was built without hiredis: install libhiredis-dev and build it again "
         "(vendor/bootstrap.sh --engine)";
  return false;
}

int engine_open(const struct engine_options *o, struct engine **ret, char why[ENGINE_WHY]) {
  const char *text;
  (void)o;
  (void)ret;
  engine_available(&text);
  snprintf(why, ENGINE_WHY, "%s", text);
  return -SBX_EENGINE;
}

int engine_new(const struct engine_options *o, struct engine **ret) {
  (void)o;
  (void)ret;
  return -SBX_EENGINE;
}

/* Nobody has an engine, so nobody calls what follows. */

void engine_close(struct engine *e) { (void)e; }

const struct engine_options *engine_options_of(const struct engine *e) {
  (void)e;
  return NULL;
}

uint64_t engine_epoch(const struct engine *e) {
  (void)e;
  return 0;
}

int engine_fd(const struct engine *e) {
  (void)e;
  return -1;
}

int engine_ensure(struct engine *e) {
  (void)e;
  return -SBX_EENGINE;
}

struct engine_arg engine_text(const char *text) {
  return engine_bytes(text, 0);
}

int engine_call(struct engine *e, int count, const struct engine_arg *args,
                struct engine_reply **ret) {
  (void)e;
  (void)count;
  (void)args;
  (void)ret;
  return -SBX_EENGINE;
}

int engine_ask(struct engine *e, int count, const struct engine_arg *args,
               struct engine_reply **ret) {
  return engine_call(e, count, args, ret);
}

int engine_eval(struct engine *e, struct engine_script *s, int key_count, int count,
                const struct engine_arg *args, struct engine_reply **ret) {
  (void)s;
  (void)key_count;
  return engine_call(e, count, args, ret);
}

int engine_send(struct engine *e, int count, const struct engine_arg *args) {
  return engine_call(e, count, args, NULL);
}

int engine_poll(struct engine *e, struct engine_reply **ret) {
  return engine_call(e, 0, NULL, ret);
}

enum engine_type engine_type(const struct engine_reply *r) {
  (void)r;
  return ENGINE_NIL;
}

int engine_refusal(const struct engine_reply *r) {
  (void)r;
  return 0;
}

const char *engine_data(const struct engine_reply *r) {
  (void)r;
  return "";
}

size_t engine_len(const struct engine_reply *r) {
  (void)r;
  return 0;
}

int64_t engine_integer(const struct engine_reply *r) {
  (void)r;
  return 0;
}

size_t engine_count(const struct engine_reply *r) {
  (void)r;
  return 0;
}

const struct engine_reply *engine_at(const struct engine_reply *r, size_t i) {
  (void)i;
  return r;
}

void engine_free(struct engine_reply *r) { (void)r; }
