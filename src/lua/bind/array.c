/*
 * lua/bind/array.c - arrays in Lua: a[i], a[i] = v, and ops on one element or on all; see sync.h.
 *
 * What an index or a number must be the machine says (object/array.h); here is said what was wrong.
 */
#include "object/array.h"

#include "base/error.h"
#include "lua/bind/shared.h"

struct array_op {
  struct op op;
  struct value_args args;
};

static void begin(lua_State *L, struct lib *lib, struct array_op *a, enum op_kind kind) {
  *a = (struct array_op){.op = {.kind = kind,
                                .object = lib_check_handle_of(L, lib, 1, OBJECT_ARRAY)->object,
                                .deadline_ns = SBX_FOREVER,
                                .locate = lib_locate,
                                .locate_ctx = L}};
}

/* -- what was wrong --------------------------------------------------------------------------- */

static int bad_index(lua_State *L, int index) {
  return luaL_error(L, "%s cannot be an index of an array (whole numbers can)", lib_say(L, index));
}

/* The number that the op brings stands at `value`; 0: it brings none. */
static int fail(lua_State *L, const struct array_op *a, int value, int rc) {
  if (rc == -SBX_EWHOLE) {
    lua_pushfstring(
        L,
        "%s is not a whole number, as those of an array of integers are: make it with \"number\"",
        lib_say(L, value));
    return lib_raise(L);
  }
  if (rc != -SBX_EBOUNDS)
    return lib_expected(L, op_describe(a->op.kind)->verb, rc);
  lua_pushfstring(L, "index %I is out of bounds: the array has elements 1 to %I",
                  (LUAI_UACINT)(lua_Integer)a->op.count,
                  (LUAI_UACINT)sync_info_of(L, OBJECT_ARRAY).count);
  return lib_raise(L);
}

/* -- elements --------------------------------------------------------------------------------- */

/* The index at 2. */
static void read_index(lua_State *L, struct array_op *a) {
  int whole;
  lua_Integer i = lua_tointegerx(L, 2, &whole);
  if (!whole || lua_type(L, 2) != LUA_TNUMBER)
    bad_index(L, 2);
  a->op.count = (uint64_t)i;
}

static void read_number(lua_State *L, int index, struct number *ret) {
  if (!shared_number(L, index, ret))
    luaL_error(L, "%s cannot be an element of an array (numbers can)", lib_say(L, index));
}

static int push_number(lua_State *L, const struct number *n) {
  if (n->kind == NUMBER_INTEGER)
    lua_pushinteger(L, n->i);
  else
    lua_pushnumber(L, n->f);
  return 1;
}

/* Perform it, as `fail` says of `value`. */
static void run(lua_State *L, struct lib *lib, struct array_op *a, int value) {
  a->op.value = &a->args;
  int rc = perform(lib->b, &a->op);
  if (rc)
    fail(L, a, value, rc);
}

/* a[i]. Upvalue 2: the methods. */
static int l_index(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct array_op a;
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
    return 1;
  }
  begin(L, lib, &a, OP_ARRAY_GET);
  read_index(L, &a);
  run(L, lib, &a, 0);
  return push_number(L, &a.args.number);
}

/* a[i] = v */
static int l_newindex(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct array_op a;
  begin(L, lib, &a, OP_ARRAY_SET);
  read_index(L, &a);
  read_number(L, 3, &a.args.number);
  run(L, lib, &a, 3);
  return 0;
}

static int l_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)sync_info_of(L, OBJECT_ARRAY).count);
  return 1;
}

/* a:add(i, n) -> the sum */
static int l_add(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct array_op a;
  begin(L, lib, &a, OP_ARRAY_ADD);
  read_index(L, &a);
  read_number(L, 3, &a.args.number);
  run(L, lib, &a, 3);
  return push_number(L, &a.args.number);
}

/* a:cas(i, old, new) -> true; or false and what there is */
static int l_cas(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct array_op a;
  begin(L, lib, &a, OP_ARRAY_CAS);
  read_index(L, &a);
  read_number(L, 3, &a.args.expected);
  read_number(L, 4, &a.args.number);
  run(L, lib, &a, 4);
  lua_pushboolean(L, a.args.same);
  return a.args.same ? 1 : 1 + push_number(L, &a.args.number);
}

/* -- all elements ----------------------------------------------------------------------------- */

static int l_fill(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct array_op a;
  begin(L, lib, &a, OP_ARRAY_FILL);
  read_number(L, 2, &a.args.number);
  run(L, lib, &a, 2);
  lua_pushboolean(L, 1);
  return 1;
}

/* What a copy is to have, from the arguments at 2 and 3. */
static void read_range(lua_State *L, struct array_op *a, lua_Integer n) {
  lua_Integer from = luaL_optinteger(L, 2, 1), to = luaL_optinteger(L, 3, n);
  a->op.count = (uint64_t)from;
  if (from < 1 || from > n + 1 || to > n)
    luaL_error(L, "copy: %I to %I is out of bounds: the array has elements 1 to %I",
               (LUAI_UACINT)from, (LUAI_UACINT)to, (LUAI_UACINT)n);
  a->op.number = to < from ? 0 : (int)(to - from + 1);
}

/* a:copy([from [, to]]) -> a list. It has its size before the elements are read: from then on
 * nothing allocates, so that no finalizer uses the same buffer. */
static int l_copy(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct array_op a;
  struct number n;
  struct sync_info info = sync_info_of(L, OBJECT_ARRAY);
  begin(L, lib, &a, OP_ARRAY_COPY);
  read_range(L, &a, (lua_Integer)info.count);
  lua_createtable(L, a.op.number, 0);
  lib_read_begin(lib);
  a.op.out = &lib->messages.in;
  run(L, lib, &a, 0);
  for (int i = 0; i < a.op.number; i++) {
    uint64_t bits;
    memcpy(&bits, a.op.out->data + array_bytes((uint64_t)i), sizeof bits);
    n = number_of(info.set ? NUMBER_FLOAT : NUMBER_INTEGER, bits);
    push_number(L, &n);
    lua_rawseti(L, -2, i + 1);
  }
  lib_read_begin(lib); /* a long one is not kept */
  return 1;
}

/* -- making ----------------------------------------------------------------------------------- */

/* The element `i` of the list at 1. */
static struct number list_number(lua_State *L, lua_Integer i, bool *ret_float) {
  struct number n = {.kind = NUMBER_NONE};
  lua_rawgeti(L, 1, i);
  if (!shared_number(L, -1, &n))
    lib_arg_error(L, 1,
                  lua_pushfstring(L, "element %I of the list is %s, not a number", (LUAI_UACINT)i,
                                  lib_say(L, -1)));
  *ret_float = n.kind == NUMBER_FLOAT;
  lua_pop(L, 1);
  return n;
}

static bool has_floats(lua_State *L, lua_Integer count) {
  bool is_float = false;
  for (lua_Integer i = 1; i <= count && !is_float; i++)
    list_number(L, i, &is_float);
  return is_float;
}

/* Push a userdata with the bits of the numbers of the list at 1, as an array of this kind has them. */
static const void *push_elements(lua_State *L, const struct sync_options *o) {
  uint64_t *bits = lua_newuserdatauv(L, (size_t)array_bytes(o->count), 0);
  uint64_t words[ARRAY_WORDS];
  struct value_args args = {.number = {.kind = NUMBER_NONE}};
  struct op op = {.kind = OP_ARRAY_SET, .value = &args};
  array_machine.init(words, o);
  for (lua_Integer i = 1; i <= (lua_Integer)o->count; i++) {
    bool is_float;
    args.number = list_number(L, i, &is_float);
    op.count = (uint64_t)i;
    if (array_check(words, &op))
      lib_arg_error(L, 1,
                    lua_pushfstring(L, "element %I of the list is %f, and not a whole number",
                                    (LUAI_UACINT)i, (LUAI_UACNUMBER)args.number.f));
    bits[i - 1] = number_bits(&args.number);
  }
  return bits;
}

/* Does the kind at `arg` stand for numbers? */
static bool check_kind(lua_State *L, int arg) {
  lib_arg_expected(L, lua_type(L, arg) == LUA_TSTRING, arg, "string");
  const char *kind = lua_tostring(L, arg);
  bool floats = strcmp(kind, "number") == 0;
  lib_arg_check(L, floats || strcmp(kind, "integer") == 0, arg,
                lua_pushfstring(L, "the kind must be \"integer\" or \"number\", not '%s'", kind));
  return floats;
}

/* array(n | list [, "integer" | "number" [, {name =}]]). A list without a kind is of integers if all its
 * numbers are. */
static int l_array(lua_State *L) {
  struct sync_options o = {.type = OBJECT_ARRAY, .name = sync_only_name(L, 3)};
  bool list = lua_istable(L, 1), kind = !lua_isnoneornil(L, 2);
  o.floats = kind && check_kind(L, 2);
  o.count = list ? (uint64_t)lua_rawlen(L, 1) : sync_check_count(L, 1, "n", 1, 1);
  lib_arg_check(L, o.count > 0, 1, "the list is empty: an array has at least one element");
  lib_arg_check(L, o.count <= ARRAY_MOST, 1, "an array has at most 2147483647 elements");
  if (list && !kind)
    o.floats = has_floats(L, (lua_Integer)o.count);
  if (list)
    o.elements = push_elements(L, &o);
  return sync_make(L, &o, OBJECT_ARRAY);
}

static void tell(lua_State *L, const struct sync_info *i) {
  lua_pushfstring(L, "%I %s%s", (LUAI_UACINT)i->count, i->set ? "number" : "integer",
                  i->count == 1 ? "" : "s");
}

static const luaL_Reg methods[] = {
    {"add", l_add}, {"cas", l_cas}, {"fill", l_fill}, {"copy", l_copy}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"array", l_array}, {NULL, NULL}};
static const luaL_Reg meta[] = {
    {"__index", l_index}, {"__newindex", l_newindex}, {"__len", l_len}, {NULL, NULL}};

const struct sync_type sync_array = {
    .type = OBJECT_ARRAY,
    .name = ARRAY_TYPE,
    .methods = methods,
    .constructors = constructors,
    .meta = meta,
    .tell = tell,
};
