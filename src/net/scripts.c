/* net/scripts.c - see scripts.h; the strings are those of net/state.h. Numbers of 8 bytes are exact in the server's Lua up to
 * 2^53, which counts of items and generations never reach. */
#include "net/scripts.h"

/* clang-format off */

/* What a place in line, and a number in a string, are. */
#define HELPERS \
  "local function num(s, at) return (struct.unpack('>I8', s, at)) end\n" \
  "local function put_num(s, at, n) return s:sub(1, at - 1) .. struct.pack('>I8', n) .. s:sub(at + 8) end\n" \
  "local function line(s) return 33 + 8 * s:byte(6) + s:byte(7) end\n" \
  "local function find(s, kind, who)\n" \
  "  for p = line(s), #s - 23, 24 do\n" \
  "    if s:sub(p + 16, p + 17) == kind and (not who or s:sub(p, p + 7) == who) then return p end\n" \
  "  end\n" \
  "end\n" \
  "local function leave(s, kind, who)\n" \
  "  local p = find(s, kind, who)\n" \
  "  return p and s:sub(1, p - 1) .. s:sub(p + 24) or s\n" \
  "end\n" \
  "local function join(s, kind, who, flags)\n" \
  "  if find(s, kind, who) or (#s + 1 - line(s)) / 24 >= 1024 then return s end\n" \
  "  local ticket = num(s, 17) + 1\n" \
  "  return put_num(s, 17, ticket) .. who .. struct.pack('>I8', ticket) .. kind .. flags .. '\\0\\0\\0\\0\\0'\n" \
  "end\n" \
  "local function is_state(s) return #s >= 32 and s:sub(1, 4) == 'sbx1' and (#s + 1 - line(s)) % 24 == 0 and #s + 1 >= line(s) end\n" \
  "local function ring(who, s) redis.call('PUBLISH', ARGV[3] .. 'b:' .. who, ARGV[5] .. s) end\n" \
  "local function ring_first(s, kind)\n" \
  "  local p = find(s, kind)\n" \
  "  if p then ring(s:sub(p, p + 7), s) end\n" \
  "end\n"

/* May it be done at all? Leaves the object's string in `s`. */
#define BEGIN \
  "local s = redis.call('GET', KEYS[1])\n" \
  "if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then return {'dead'} end\n" \
  "local last = redis.call('GET', KEYS[2])\n" \
  "if last and num(last, 1) >= num(ARGV[2], 1) then return {'late'} end\n" \
  "if not s then return {'gone'} end\n" \
  "if not is_state(s) then return redis.error_reply('NOOBJECT') end\n" \
  "local function dead() return redis.call('SCARD', KEYS[3]) end\n" \
  "local function live(key) if redis.call('TTL', key) == -1 then redis.call('EXPIRE', key, ARGV[4]) end end\n" \
  "if ARGV[6] == '1' then redis.call('SADD', KEYS[5], ARGV[5]); live(KEYS[5]) end\n" \
  "local function done(out)\n" \
  "  redis.call('SET', KEYS[2], ARGV[2] .. cmsgpack.pack(out), 'EX', ARGV[4])\n" \
  "  return out\n" \
  "end\n" \
  "local function store(new)\n" \
  "  new = put_num(new, 9, num(s, 9) + 1)\n" \
  "  redis.call('SET', KEYS[1], new, 'KEEPTTL')\n" \
  "  return new\n" \
  "end\n"

struct engine_script script_commit = {.text = HELPERS BEGIN
  "if s:sub(9, 16) ~= ARGV[7] then return {'old', dead(), s} end\n"
  "local out, i = {'ok', 0}, 10\n"
  "local wrote = false\n"
  "while i <= #ARGV do\n"
  "  local check, n = ARGV[i] == '?', tonumber(ARGV[i + 1])\n"
  "  local v = redis.call(ARGV[i + 2], KEYS[4], unpack(ARGV, i + 3, i + 1 + n))\n"
  "  i = i + 2 + n\n"
  "  if check then\n"
  "    if (v and '=' .. v or '-') ~= ARGV[i] then return {'old', dead(), s} end\n"
  "    i = i + 1\n"
  "  else\n"
  "    out[#out + 1] = v\n"
  "    wrote = true\n"
  "  end\n"
  "end\n"
  "if wrote then live(KEYS[4]) end\n"
  "local now = s\n"
  "if ARGV[8] ~= '' then now = ARGV[8]; redis.call('SET', KEYS[1], now, 'KEEPTTL') end\n"
  "for b = 1, #ARGV[9], 8 do ring(ARGV[9]:sub(b, b + 7), now) end\n"
  "out[2] = dead()\n"
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

/* Words of a queue: put at 33, got at 41, max at 57, closed at 65. */
#define QUEUE \
  HELPERS BEGIN \
  "local PUT, GET, JOIN = ARGV[9], ARGV[10], ARGV[11]\n" \
  "if s:byte(5) ~= 2 or s:byte(6) ~= 6 or s:sub(57, 64) == ('\\255'):rep(8) then return {'slow', dead(), s} end\n" \
  "local put, got, max, closed = num(s, 33), num(s, 41), num(s, 57), num(s, 65) ~= 0\n" \
  "local function cannot(kind)\n" \
  "  local was, word = s, 'full'\n" \
  "  if ARGV[7] == 'j' then s = join(s, kind, ARGV[1], ARGV[8]); word = 'joined' end\n" \
  "  if ARGV[7] == 'l' then s = leave(s, kind, ARGV[1]) end\n" \
  "  if ARGV[7] == 'j' and s == was and not find(s, kind, ARGV[1]) then word = 'crowd' end\n" \
  "  return {word, dead(), s ~= was and store(s) or s}\n" \
  "end\n" \
  "local function is_closed(kind)\n" \
  "  local was = s\n" \
  "  s = leave(s, kind, ARGV[1])\n" \
  "  if s ~= was then store(s) end\n" \
  "  return {'closed', dead()}\n" \
  "end\n" \
  "local function ring_both(now)\n" \
  "  local len = put - got\n" \
  "  if #now + 1 == line(now) then return end\n" \
  "  if len > 0 or closed then ring_first(now, GET) end\n" \
  "  if closed or max == 0 or len < max then ring_first(now, PUT) end\n" \
  "end\n"

struct engine_script script_put = {.text = QUEUE
  "if closed then return is_closed(PUT) end\n"
  "local n = #ARGV - 11\n"
  "if max > 0 and max - (put - got) < n then n = max - (put - got) end\n"
  "if n <= 0 then return cannot(PUT) end\n"
  "local len = redis.call('RPUSH', KEYS[4], unpack(ARGV, 12, 11 + n))\n"
  "if len == n then redis.call('EXPIRE', KEYS[4], ARGV[4]) end\n"
  "put = put + n\n"
  "local now = store(leave(put_num(s, 33, put), PUT, ARGV[1]))\n"
  "ring_both(now)\n"
  "return done({'ok', dead(), n, put})\n"};

struct engine_script script_get = {.text = QUEUE
  "if put == got then\n"
  "  if closed then return is_closed(GET) end\n"
  "  return cannot(GET)\n"
  "end\n"
  "local items = redis.call('LPOP', KEYS[4], ARGV[12])\n"
  "if not items then return redis.error_reply('NOOBJECT') end\n"
  "local out = {'ok', dead(), got + 1}\n"
  "for i = 1, #items do out[i + 3] = items[i] end\n"
  "got = got + #items\n"
  "local now = store(leave(put_num(s, 41, got), GET, ARGV[1]))\n"
  "ring_both(now)\n"
  "return done(out)\n"};

/* Words of a value: updater at 33, kind at 41, data at 65, which is bit 512. */
#define VALUE \
  HELPERS BEGIN \
  "if s:byte(5) ~= 9 or s:sub(33, 40) ~= ('\\0'):rep(8) or #s + 1 ~= line(s) then return {'slow', dead(), s} end\n"

struct engine_script script_add = {.text = VALUE
  "if s:sub(41, 48) ~= ('\\0'):rep(8) then return {'slow', dead(), s} end\n"
  "redis.call('BITFIELD', KEYS[1], 'INCRBY', 'i64', 512, ARGV[7])\n"
  "redis.call('SETRANGE', KEYS[1], 8, struct.pack('>I8', num(s, 9) + 1))\n"
  "return done({'ok', dead(), redis.call('GETRANGE', KEYS[1], 64, 71)})\n"};

struct engine_script script_set = {.text = VALUE
  "if num(s, 41) == 3 then return {'slow', dead(), s} end\n"
  "local name = s:sub(33 + 8 * s:byte(6))\n"
  "store(s:sub(1, 5) .. ARGV[7] .. s:sub(7, 40) .. ARGV[8] .. name)\n"
  "return done({'ok', dead()})\n"};

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
  "return redis.call('EXPIRE', KEYS[1], ARGV[3])\n"};

struct engine_script script_renew = {.text =
  "for i = 2, #ARGV do redis.call('EXPIRE', ARGV[i], ARGV[1]) end\n"
  "return #ARGV\n"};

/* clang-format on */
