/* net/scripts.c - see scripts.h; the strings are those of net/state.h. Numbers of 8 bytes are exact in the server's Lua up to
 * 2^53, which counts of items and generations never reach. */
#include "net/scripts.h"

/* clang-format off */

/*
 * May it be done at all? The object's string is in `s`, its line begins at `from`, `deads` are dead. What follows is
 * done for each op of a run, so it makes as few calls and functions as it can: those for lines are in LINES.
 */
#define BEGIN \
  "local call, num = redis.call, function(s, at) return (struct.unpack('>I8', s, at)) end\n" \
  "local s, deads, last = call('GET', KEYS[1]), call('SCARD', KEYS[3]), call('GETRANGE', KEYS[2], 0, 7)\n" \
  "if deads > 0 and call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then return {'dead'} end\n" \
  "last = #last == 8 and last\n" \
  "if last and num(last, 1) >= num(ARGV[2], 1) then return {'late'} end\n" \
  "if not s then return {'gone'} end\n" \
  "if #s < 32 or s:sub(1, 4) ~= 'sbx1' then return redis.error_reply('NOOBJECT') end\n" \
  "local from = 33 + 8 * s:byte(6) + s:byte(7)\n" \
  "if #s + 1 < from or (#s + 1 - from) % 24 ~= 0 then return redis.error_reply('NOOBJECT') end\n" \
  "local function live(key) if call('TTL', key) == -1 then call('EXPIRE', key, ARGV[4]) end end\n" \
  "if ARGV[6] == '1' then call('SADD', KEYS[5], ARGV[5]); live(KEYS[5]) end\n" \
  "local function done(out)\n" \
  "  local note = ARGV[2] .. cmsgpack.pack(out)\n" \
  "  if last then call('SET', KEYS[2], note, 'KEEPTTL') else call('SET', KEYS[2], note, 'EX', ARGV[4]) end\n" \
  "  return out\n" \
  "end\n"

/* What a place in line is. A new string keeps where its line begins. */
#define LINES \
  "local function put_num(s, at, n) return s:sub(1, at - 1) .. struct.pack('>I8', n) .. s:sub(at + 8) end\n" \
  "local function find(s, kind, who)\n" \
  "  for p = from, #s - 23, 24 do\n" \
  "    if s:sub(p + 16, p + 17) == kind and (not who or s:sub(p, p + 7) == who) then return p end\n" \
  "  end\n" \
  "end\n" \
  "local function leave(s, kind, who)\n" \
  "  local p = find(s, kind, who)\n" \
  "  return p and s:sub(1, p - 1) .. s:sub(p + 24) or s\n" \
  "end\n" \
  "local function join(s, kind, who, flags)\n" \
  "  if find(s, kind, who) or (#s + 1 - from) / 24 >= 1024 then return s end\n" \
  "  local ticket = num(s, 17) + 1\n" \
  "  return put_num(s, 17, ticket) .. who .. struct.pack('>I8', ticket) .. kind .. flags .. '\\0\\0\\0\\0\\0'\n" \
  "end\n" \
  "local function ring_first(s, kind)\n" \
  "  local p = find(s, kind)\n" \
  "  if p then call('PUBLISH', ARGV[3] .. 'b:' .. s:sub(p, p + 7), ARGV[5] .. s) end\n" \
  "end\n" \
  "local function store(new)\n" \
  "  new = put_num(new, 9, num(s, 9) + 1)\n" \
  "  call('SET', KEYS[1], new, 'KEEPTTL')\n" \
  "  return new\n" \
  "end\n"

struct engine_script script_commit = {.text = BEGIN
  "if s:sub(9, 16) ~= ARGV[7] then return {'old', deads, s} end\n"
  "local out, i = {'ok', deads}, 10\n"
  "local wrote = false\n"
  "while i <= #ARGV do\n"
  "  local check, n = ARGV[i] == '?', tonumber(ARGV[i + 1])\n"
  "  local v = call(ARGV[i + 2], KEYS[4], unpack(ARGV, i + 3, i + 1 + n))\n"
  "  i = i + 2 + n\n"
  "  if check then\n"
  "    if (v and '=' .. v or '-') ~= ARGV[i] then return {'old', deads, s} end\n"
  "    i = i + 1\n"
  "  else\n"
  "    out[#out + 1] = v\n"
  "    wrote = true\n"
  "  end\n"
  "end\n"
  "if wrote then live(KEYS[4]) end\n"
  "if ARGV[8] ~= '' then s = ARGV[8]; call('SET', KEYS[1], s, 'KEEPTTL') end\n"
  "for b = 1, #ARGV[9], 8 do call('PUBLISH', ARGV[3] .. 'b:' .. ARGV[9]:sub(b, b + 7), ARGV[5] .. s) end\n"
  "return done(out)\n"};

struct engine_script script_look = {.text =
  "local s = redis.call('GET', KEYS[1])\n"
  "if not s then return {'gone'} end\n"
  "local out, i = {'ok', redis.call('SCARD', KEYS[2]), s}, 1\n"
  "while i <= #ARGV do\n"
  "  local n = tonumber(ARGV[i + 1])\n"
  "  out[#out + 1] = redis.call(ARGV[i + 2], KEYS[3], unpack(ARGV, i + 3, i + 1 + n))\n"
  "  i = i + 2 + n\n"
  "end\n"
  "return out\n"};

struct engine_script script_recall = {.text =
  "local last = redis.call('GET', KEYS[1])\n"
  "if last and last:sub(1, 8) == ARGV[1] then return cmsgpack.unpack(last:sub(9)) end\n"
  "redis.call('SET', KEYS[1], ARGV[1] .. cmsgpack.pack({'void'}), 'EX', ARGV[2])\n"
  "return {'void'}\n"};

/* Words of a queue: put at 33, got at 41, max at 57, closed at 65. Where nobody stands in line, few words change. */
#define QUEUE \
  BEGIN \
  "if s:byte(5) ~= 2 or s:byte(6) ~= 6 or s:byte(57) == 255 then return {'slow', deads, s} end\n" \
  "local put, got, _, max, closed = struct.unpack('>I8I8I8I8I8', s, 33)\n" \
  "closed = closed ~= 0\n" \
  "local lonely = #s + 1 == from\n" \
  "local function change(at, n)\n" \
  "  call('SET', KEYS[1], s:sub(1, 8) .. struct.pack('>I8', num(s, 9) + 1) .. s:sub(17, at - 1) .. \n" \
  "    struct.pack('>I8', n) .. s:sub(at + 8), 'KEEPTTL')\n" \
  "end\n"

#define QUEUE_LINES \
  LINES \
  "local PUT, GET = ARGV[9], ARGV[10]\n" \
  "local function cannot(kind)\n" \
  "  local was, word = s, 'full'\n" \
  "  if ARGV[7] == 'j' then s = join(s, kind, ARGV[1], ARGV[8]); word = 'joined' end\n" \
  "  if ARGV[7] == 'l' then s = leave(s, kind, ARGV[1]) end\n" \
  "  if ARGV[7] == 'j' and s == was and not find(s, kind, ARGV[1]) then word = 'crowd' end\n" \
  "  return {word, deads, s ~= was and store(s) or s}\n" \
  "end\n" \
  "local function is_closed(kind)\n" \
  "  local was = s\n" \
  "  s = leave(s, kind, ARGV[1])\n" \
  "  if s ~= was then store(s) end\n" \
  "  return {'closed', deads}\n" \
  "end\n" \
  "local function ring_both(now)\n" \
  "  local len = put - got\n" \
  "  if #now + 1 == from then return end\n" \
  "  if len > 0 or closed then ring_first(now, GET) end\n" \
  "  if closed or max == 0 or len < max then ring_first(now, PUT) end\n" \
  "end\n"

struct engine_script script_put = {.text = QUEUE
  "local n = #ARGV - 11\n"
  "if max > 0 and max - (put - got) < n then n = max - (put - got) end\n"
  "local function push()\n"
  "  local len = call('RPUSH', KEYS[4], unpack(ARGV, 12, 11 + n))\n"
  "  if len == n then call('EXPIRE', KEYS[4], ARGV[4]) end\n"
  "  put = put + n\n"
  "end\n"
  "if lonely and n > 0 and not closed then\n"
  "  push()\n"
  "  change(33, put)\n"
  "  return done({'ok', deads, n, put})\n"
  "end\n"
  QUEUE_LINES
  "if closed then return is_closed(PUT) end\n"
  "if n <= 0 then return cannot(PUT) end\n"
  "push()\n"
  "local now = store(leave(put_num(s, 33, put), PUT, ARGV[1]))\n"
  "ring_both(now)\n"
  "return done({'ok', deads, n, put})\n"};

struct engine_script script_get = {.text = QUEUE
  "local out = {'ok', deads, got + 1}\n"
  "local items = put ~= got and call('LPOP', KEYS[4], ARGV[12])\n"
  "if put ~= got and not items then return redis.error_reply('NOOBJECT') end\n"
  "for i = 1, items and #items or 0 do out[i + 3] = items[i] end\n"
  "got = got + #out - 3\n"
  "if lonely and items then\n"
  "  change(41, got)\n"
  "  return done(out)\n"
  "end\n"
  QUEUE_LINES
  "if not items then return closed and is_closed(GET) or cannot(GET) end\n"
  "local now = store(leave(put_num(s, 41, got), GET, ARGV[1]))\n"
  "ring_both(now)\n"
  "return done(out)\n"};

/* Words of a value: updater at 33, kind at 41, data at 65, which is bit 512. The generation is at bit 64. */
#define VALUE \
  BEGIN \
  "local zero = '\\0\\0\\0\\0\\0\\0\\0\\0'\n" \
  "if s:byte(5) ~= 9 or s:sub(33, 40) ~= zero or #s + 1 ~= from then return {'slow', deads, s} end\n"

/* A sum that is not exact in the server's Lua is read as it stands there. */
struct engine_script script_add = {.text = VALUE
  "if s:sub(41, 48) ~= zero then return {'slow', deads, s} end\n"
  "local sum = call('BITFIELD', KEYS[1], 'INCRBY', 'i64', 64, 1, 'INCRBY', 'i64', 512, ARGV[7])[2]\n"
  "local exact = sum > -2^53 and sum < 2^53\n"
  "return done({'ok', deads, exact and struct.pack('>i8', sum) or call('GETRANGE', KEYS[1], 64, 71)})\n"};

struct engine_script script_set = {.text = VALUE
  "if num(s, 41) == 3 then return {'slow', deads, s} end\n"
  "call('SET', KEYS[1], s:sub(1, 5) .. ARGV[7] .. s:sub(7, 8) .. struct.pack('>I8', num(s, 9) + 1) .. s:sub(17, 40) ..\n"
  "  ARGV[8] .. s:sub(33 + 8 * s:byte(6)), 'KEEPTTL')\n"
  "return done({'ok', deads})\n"};

/* It rings with an empty string, which says nothing but: look. */
struct engine_script script_bury = {.text =
  "local function num(s, at) return (struct.unpack('>I8', s, at)) end\n"
  "redis.call('SADD', KEYS[1], ARGV[1])\n"
  "redis.call('EXPIRE', KEYS[1], ARGV[3])\n"
  "redis.call('SREM', KEYS[4], ARGV[1])\n"
  "local ids = redis.call('SMEMBERS', KEYS[2])\n"
  "for _, id in ipairs(ids) do\n"
  "  local key = string.format('%so:%d', ARGV[2], num(id, 1))\n"
  "  local s = redis.call('GET', key)\n"
  "  if s and #s >= 32 and s:sub(1, 4) == 'sbx1' then\n"
  "    local from = 33 + 8 * s:byte(6) + s:byte(7)\n"
  "    local kept = {}\n"
  "    for p = from, #s - 23, 24 do\n"
  "      if s:sub(p, p + 7) ~= ARGV[1] then\n"
  "        kept[#kept + 1] = s:sub(p, p + 23)\n"
  "        redis.call('PUBLISH', ARGV[2] .. 'b:' .. s:sub(p, p + 7), id)\n"
  "      end\n"
  "    end\n"
  "    s = s:sub(1, 8) .. struct.pack('>I8', num(s, 9) + 1) .. s:sub(17, from - 1) .. table.concat(kept)\n"
  "    redis.call('SET', key, s, 'KEEPTTL')\n"
  "  end\n"
  "end\n"
  "redis.call('DEL', KEYS[2], KEYS[3])\n"
  "return #ids\n"};

struct engine_script script_name = {.text =
  "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n"
  "redis.call('SADD', KEYS[2], ARGV[1])\n"
  "redis.call('EXPIRE', KEYS[2], ARGV[3])\n"
  "return redis.call('EXPIRE', KEYS[1], ARGV[3])\n"};

struct engine_script script_renew = {.text =
  "for i = 2, #ARGV do redis.call('EXPIRE', ARGV[i], ARGV[1]) end\n"
  "return #ARGV\n"};

/* clang-format on */
