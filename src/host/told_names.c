/* host/told_names.c - the texts of a story, and what the script calls its objects; see told.h. */
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/policy_path.h"
#include "base/text.h"
#include "host/explore_words.h"
#include "host/told.h"
#include "lua/state/lib.h"

/* -- texts --------------------------------------------------------------------------------------- */

/* A copy that lives as long as the story. "" without memory. */
const char *told_keep(struct told *t, const void *text, size_t len) {
  if (t->text_count == t->text_cap) {
    uint32_t cap = t->text_cap ? 2 * t->text_cap : 64;
    char **grown = realloc(t->texts, cap * sizeof *grown);
    if (!grown) {
      t->no_memory = true;
      return "";
    }
    t->texts = grown;
    t->text_cap = cap;
  }
  char *copy = malloc(len + 1);
  if (!copy) {
    t->no_memory = true;
    return "";
  }
  if (len)
    memcpy(copy, text, len);
  copy[len] = '\0';
  return t->texts[t->text_count++] = copy;
}

const char *told_keep_text(struct told *t, const char *text) {
  return told_keep(t, text, strlen(text));
}

const char *told_keep_buf(struct told *t, struct buf *b) {
  const char *kept = told_keep(t, b->data, b->len);
  buf_release(b);
  return kept;
}

/* Line `number` of a file, without the blanks around it; NULL: it is not there. */
const char *told_keep_line(struct told *t, const char *path, int number) {
  char *line = NULL;
  size_t room = 0;
  const char *kept = NULL;
  if (!t->file || strcmp(path, t->file_name) != 0) {
    if (t->file)
      fclose(t->file);
    t->file = policy_source(exploration_policy(t->x), path);
    text_copy(t->file_name, sizeof t->file_name, path);
  }
  if (!t->file || number <= 0)
    return NULL;
  rewind(t->file);
  ssize_t len = 0;
  for (int i = 0; i < number && len >= 0; i++)
    len = getline(&line, &room, t->file);
  if (len >= 0) {
    char *start = line + strspn(line, " \t");
    size_t n = strcspn(start, "\r\n");
    while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\t'))
      n--;
    kept = told_keep(t, start, n);
  }
  free(line);
  return kept;
}

/* -- the script's own names ---------------------------------------------------------------------- */

static bool is_it(lua_State *L, int index, const struct naming *n) {
  struct handle *h = lib_any_handle(L, index, NULL);
  struct object_ref ref;
  if (!h || !h->object)
    return false;
  lib_find(L)->b->objects->object_ref(h->object, &ref);
  return ref.serial == n->ref->serial && ref.type == n->ref->type;
}

/* The value on top, called `name`: is it the object, or a list with the object in it? Pops it. */
static bool try_name(lua_State *L, const char *name, struct naming *n) {
  enum { MOST = 100 };
  bool hit = is_it(L, -1, n);
  if (hit)
    snprintf(n->name, sizeof n->name, "%s", name);
  if (!hit && lua_istable(L, -1))
    for (int i = 1; i <= MOST && !hit && lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
      if ((hit = is_it(L, -1, n)))
        snprintf(n->name, sizeof n->name, "%s[%d]", name, i);
      lua_pop(L, 1);
      if (i == MOST || hit)
        lua_pushnil(L);
    }
  else
    lua_pushnil(L);
  lua_pop(L, 2);
  return hit;
}

/* For exploration_visit: look among the variables of the function that called. */
void told_find_name(void *ctx, const struct op *op) {
  struct naming *n = ctx;
  lua_State *L = op && op->locate ? op->locate_ctx : NULL;
  lua_Debug ar;
  const char *name;
  if (!L || !lua_checkstack(L, 20) || !lib_find_caller(L, &ar))
    return;
  bool hit = false;
  for (int i = 1; !hit && (name = lua_getlocal(L, &ar, i)); i++) {
    if (name[0] == '(')
      lua_pop(L, 1);
    else
      hit = try_name(L, name, n);
  }
  lua_getinfo(L, "f", &ar);
  for (int i = 1; !hit && (name = lua_getupvalue(L, -1, i)); i++)
    hit = try_name(L, name, n);
  lua_pushglobaltable(L);
  for (lua_pushnil(L); !hit && lua_next(L, -2);)
    if (lua_type(L, -2) == LUA_TSTRING)
      hit = try_name(L, lua_tostring(L, -2), n);
    else
      lua_pop(L, 1);
}

/* -- objects ------------------------------------------------------------------------------------- */

/* `variable`: what the script calls it where it was met first. */
uint32_t told_object(struct told *t, const struct object_ref *ref, const char *variable) {
  char name[NAME_MAX_BYTES + 24];
  if (ref->type == OBJECT_NONE || ref->type == OBJECT_PROCESS || ref->type == OBJECT_CLOCK)
    return STORY_NONE;
  for (uint32_t i = 0; i < t->object_count; i++)
    if (t->refs[i].serial == ref->serial) {
      if (variable[0] && strchr(t->objects[i].name, '#'))
        t->objects[i].name = told_keep_text(t, variable);
      return i;
    }
  if (t->object_count == t->object_cap) {
    uint32_t cap = t->object_cap ? 2 * t->object_cap : 16;
    struct story_object *objects = realloc(t->objects, cap * sizeof *objects);
    if (objects)
      t->objects = objects;
    struct object_ref *refs = objects ? realloc(t->refs, cap * sizeof *refs) : NULL;
    if (!refs) {
      t->no_memory = true;
      return STORY_NONE;
    }
    t->refs = refs;
    t->object_cap = cap;
  }
  if (!world_name(t->w, ref, name, sizeof name))
    snprintf(name, sizeof name, "object#%llu", (unsigned long long)ref->serial);
  /* "lock fork1#3" has a name of its own, "lock#3" has none */
  const char *word = lib_type_name((enum object_type)ref->type);
  size_t len = strlen(word);
  bool own_name = strncmp(name, word, len) == 0 && name[len] == ' ';
  if (own_name) {
    memmove(name, name + len + 1, strlen(name + len + 1) + 1);
    name[strcspn(name, "#")] = '\0';
  }
  t->refs[t->object_count] = *ref;
  t->objects[t->object_count] =
      (struct story_object){.type = (enum object_type)ref->type,
                            .name = told_keep_text(t, !own_name && variable[0] ? variable : name),
                            .shown = ref->type == OBJECT_VALUE || ref->type == OBJECT_QUEUE ||
                                     ref->type == OBJECT_SEMAPHORE};
  return t->object_count++;
}

/* Its state as a short text, in the world as it is. */
const char *told_state(struct told *t, const struct object_ref *ref) {
  char text[80] = "";
  struct buf value = {0}, out = {0};
  if (ref->type == OBJECT_NONE || ref->type == OBJECT_PROCESS ||
      !world_describe(t->w, ref, text, sizeof text, &value))
    return NULL;
  if (value.len > 0 && told_message(value.data, value.len, &out) == 0) {
    buf_release(&value);
    return told_keep_buf(t, &out);
  }
  buf_release(&value);
  buf_release(&out);
  return told_keep_text(t, text);
}
