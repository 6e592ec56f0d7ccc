/* look/story_past.c - what the steps of a story say; see story_internal.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "look/story_internal.h"

enum object_type story_type(const struct story *s, uint32_t object) {
  return story_object_is(s, object) ? s->objects[object].type : OBJECT_NONE;
}

const char *story_process_name(const struct story *s, uint32_t process) {
  const char *name = story_process_is(s, process) ? s->processes[process].name : NULL;
  return name ? name : "a process";
}

const char *story_object_name(const struct story *s, uint32_t object) {
  const char *name = story_object_is(s, object) ? s->objects[object].name : NULL;
  return name ? name : "it";
}

bool story_equal(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

/* -- steps ------------------------------------------------------------------------------------- */

static bool went_well(const struct story_step *step) { return step->over && step->rc == 0; }

bool story_reads(const struct story_step *step) {
  switch (step->kind) {
  case OP_VALUE_GET:
  case OP_VALUE_AWAIT:
  case OP_DICT_GET:
  case OP_DICT_AWAIT:
  case OP_DICT_ALL:
  case OP_DICT_LOOK:
  case OP_QUEUE_LOOK:
  case OP_QUEUE_PEEK:
  case OP_PIPE_LOOK:
  case OP_SEMAPHORE_LOOK:
  case OP_EVENT_LOOK:
  case OP_LOCK_LOOK:
  case OP_LATCH_LOOK:
  case OP_ARRAY_GET:
  case OP_ARRAY_COPY:
    return step->over;
  default:
    return false;
  }
}

/* Ops that leave their object in another state, if they do what they are for. */
static bool may_change(enum op_kind kind) {
  switch (kind) {
  case OP_VALUE_SET:
  case OP_VALUE_ADD:
  case OP_VALUE_CAS:
  case OP_VALUE_REPLACE:
  case OP_DICT_SET:
  case OP_DICT_ADD:
  case OP_DICT_CAS:
  case OP_DICT_REPLACE:
  case OP_QUEUE_PUT:
  case OP_QUEUE_GET:
  case OP_QUEUE_TAKE:
  case OP_QUEUE_CLOSE:
  case OP_SEMAPHORE_ACQUIRE:
  case OP_SEMAPHORE_RELEASE:
  case OP_EVENT_SET:
  case OP_EVENT_CLEAR:
  case OP_LATCH_DOWN:
  case OP_ARRAY_SET:
  case OP_ARRAY_ADD:
  case OP_ARRAY_CAS:
  case OP_ARRAY_FILL:
    return true;
  default:
    return false;
  }
}

bool story_changes(const struct story_step *step) {
  if (!may_change(step->kind) || !went_well(step))
    return false;
  if (step->kind >= OP_ARRAY_SET && step->kind <= OP_ARRAY_FILL)
    return true; /* of a long one not all elements are told */
  return !step->before || !step->after || strcmp(step->before, step->after) != 0;
}

bool story_begins_wait(const struct story_step *step) {
  return step->kind == OP_CONDITION_WAIT && step->phase <= 1 && !step->over;
}

bool story_ends_wait(const struct story_step *step) {
  return step->kind == OP_CONDITION_WAIT && step->over;
}

static bool fits(const struct story_step *step, uint32_t process, uint32_t object,
                 enum op_kind kind) {
  return (process == STORY_NONE || step->process == process) &&
         (object == STORY_NONE || step->object == object) &&
         (kind == OP_NONE || step->kind == kind);
}

uint32_t story_last_op(const struct story *s, uint32_t process, uint32_t object, uint32_t at,
                       enum op_kind kind) {
  for (uint32_t i = at < s->step_count ? at : s->step_count; i-- > 0;)
    if (fits(&s->steps[i], process, object, kind))
      return i;
  return STORY_NONE;
}

uint32_t story_next_op(const struct story *s, uint32_t process, uint32_t object, uint32_t at,
                       enum op_kind kind) {
  for (uint32_t i = at; i < s->step_count; i++)
    if (fits(&s->steps[i], process, object, kind))
      return i;
  return STORY_NONE;
}

uint32_t story_last(const struct story *s, uint32_t process, uint32_t object, uint32_t at) {
  return story_last_op(s, process, object, at, OP_NONE);
}

uint32_t story_next(const struct story *s, uint32_t process, uint32_t object, uint32_t at) {
  return story_next_op(s, process, object, at, OP_NONE);
}

const char *story_state(const struct story *s, uint32_t object, uint32_t at) {
  for (uint32_t i = at < s->step_count ? at : s->step_count; i-- > 0;)
    if (s->steps[i].object == object && s->steps[i].after)
      return s->steps[i].after;
  for (uint32_t i = at; i < s->step_count; i++)
    if (s->steps[i].object == object && s->steps[i].before)
      return s->steps[i].before;
  return NULL;
}

/* -- locks ------------------------------------------------------------------------------------- */

static bool takes(const struct story_step *step) {
  return (step->kind == OP_LOCK_ACQUIRE || step->kind == OP_SEMAPHORE_ACQUIRE) && went_well(step);
}

static bool gives(const struct story_step *step) {
  return (step->kind == OP_LOCK_RELEASE || step->kind == OP_SEMAPHORE_RELEASE) && went_well(step);
}

/* The lock that a wait for a condition gives back in step `at`: the one that it takes again at its
 * end; or that its process wants in the end; or else the one taken last. */
static uint32_t lock_of_wait(const struct story *s, uint32_t at) {
  uint32_t process = s->steps[at].process, last = STORY_NONE;
  for (uint32_t i = at + 1; i < s->step_count; i++) {
    const struct story_step *step = &s->steps[i];
    if (step->process == process && story_ends_wait(step) &&
        story_type(s, step->object) == OBJECT_LOCK)
      return step->object;
    if (step->process == process && (story_begins_wait(step) || step->over))
      break;
  }
  for (uint32_t i = 0; i < at; i++) {
    const struct story_step *step = &s->steps[i];
    if (step->process == process && step->kind == OP_LOCK_ACQUIRE && takes(step))
      last = step->object;
    else if (step->process == process && gives(step) && step->object == last)
      last = STORY_NONE;
  }
  return last;
}

uint32_t story_taken(const struct story *s, uint32_t process, uint32_t object, uint32_t at) {
  uint32_t taken = STORY_NONE, in_wait = STORY_NONE, depth = 0;
  for (uint32_t i = 0; i < at && i < s->step_count; i++) {
    const struct story_step *step = &s->steps[i];
    if (step->process != process)
      continue;
    if (step->object == object && takes(step)) {
      taken = depth++ == 0 ? i : taken;
    } else if (step->object == object && gives(step) && depth > 0) {
      taken = --depth == 0 ? STORY_NONE : taken;
    } else if (story_begins_wait(step) && taken != STORY_NONE && lock_of_wait(s, i) == object) {
      in_wait = depth;
      taken = STORY_NONE;
    } else if (story_ends_wait(step) && in_wait != STORY_NONE) {
      depth = in_wait;
      taken = i;
      in_wait = STORY_NONE;
    }
  }
  return taken;
}

uint32_t story_kept(const struct story *s, uint32_t process, uint32_t from, uint32_t to) {
  for (uint32_t i = from < s->step_count ? from : s->step_count; i-- > 0;) {
    const struct story_step *step = &s->steps[i];
    if (step->process != process || step->kind != OP_LOCK_ACQUIRE || !takes(step))
      continue;
    uint32_t before = story_taken(s, process, step->object, from);
    if (before != STORY_NONE && before == story_taken(s, process, step->object, to))
      return step->object;
  }
  return STORY_NONE;
}

bool story_waits_in(const struct story *s, uint32_t process, const char *verb) {
  if (!story_process_is(s, process) || !s->processes[process].waits)
    return false;
  const char *waits = s->processes[process].waits, *of = strstr(waits, " of ");
  size_t len = of ? (size_t)(of - waits) : strlen(waits), most = strlen(verb);
  for (size_t at = 0; at + most <= len; at++)
    if (strncmp(waits + at, verb, most) == 0 &&
        (at == 0 || !isalnum((unsigned char)waits[at - 1])) &&
        (at + most == len ||
         !(isalnum((unsigned char)waits[at + most]) || waits[at + most] == '_')))
      return true;
  return false;
}

bool story_number(const char *text, int64_t *ret) {
  char *end;
  if (!text || !*text || isspace((unsigned char)*text))
    return false;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  *ret = n;
  return *end == '\0' && errno == 0;
}

/* -- places ------------------------------------------------------------------------------------ */

/* Is a file, whose name has so many bytes, the script? One of the two may be without its folder. */
static bool is_script(const struct story *s, const char *file, size_t len) {
  size_t script = s->script ? strlen(s->script) : 0, n = len < script ? len : script;
  const char *longer = len < script ? s->script : file;
  size_t rest = (len < script ? script : len) - n;
  if (script == 0)
    return true;
  return n > 0 && memcmp(file + len - n, s->script + script - n, n) == 0 &&
         (rest == 0 || longer[rest - 1] == '/');
}

struct story_place story_place(const struct story *s, uint32_t at) {
  struct story_place ret = {""};
  const struct story_step *step = at < s->step_count ? &s->steps[at] : NULL;
  if (!step || step->line <= 0)
    snprintf(ret.text, sizeof ret.text, "step %lu", (unsigned long)at + 1);
  else if (step->source && !is_script(s, step->source, strlen(step->source)))
    snprintf(ret.text, sizeof ret.text, "%.*s:%d", SOURCE_MAX, step->source, step->line);
  else
    snprintf(ret.text, sizeof ret.text, "line %d", step->line);
  return ret;
}

struct story_place story_place_of(const struct story *s, const char *where) {
  struct story_place ret = {""};
  const char *colon = where ? strrchr(where, ':') : NULL;
  if (colon && colon > where && is_script(s, where, (size_t)(colon - where)))
    snprintf(ret.text, sizeof ret.text, "line %.*s", SOURCE_MAX, colon + 1);
  else if (where)
    snprintf(ret.text, sizeof ret.text, "%.*s", SOURCE_MAX + 20, where);
  return ret;
}

/* Does a process do no more from a step on but fail, and end? */
static bool only_ends(const struct story *s, uint32_t process, uint32_t from) {
  for (uint32_t i = from; i < s->step_count; i++) {
    enum op_kind kind = s->steps[i].kind;
    if (s->steps[i].process == process && (kind < OP_PROCESS_AWAIT || kind > OP_HANDLE_RELEASE))
      return false;
  }
  return true;
}

/* A process may fail because another did, which it joins: then that one is meant. */
uint32_t story_failed(const struct story *s) {
  struct story_place place = story_place_of(s, s->where);
  const char *colon = s->where ? strrchr(s->where, ':') : NULL;
  int line = colon ? atoi(colon + 1) : 0;
  for (uint32_t i = s->step_count; i-- > 0 && s->end == STORY_ERROR && line > 0;) {
    uint32_t process = s->steps[i].process;
    if (s->steps[i].line != line || !story_process_is(s, process) ||
        s->steps[i].kind == OP_PROCESS_END || strcmp(story_place(s, i).text, place.text) != 0)
      continue;
    bool last = only_ends(s, process, i + 1);
    bool meant = process == s->victim || s->victim == 0 || s->victim == STORY_NONE;
    if (last && meant && (process == s->victim || s->processes[process].ended))
      return i;
  }
  return STORY_NONE;
}
