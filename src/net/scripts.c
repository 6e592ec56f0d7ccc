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
  "  if find(s, kind, who) or (#s + 1 - from) / 24 >= 1024 + held then return s end\n" \
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

/*
 * Words of a queue: put at 33, got at 41, done at 49, max at 57, closed at 65, redeliver at 81. Where nobody stands in
 * line, few words change. With redeliver, items are among the places (net/state.h): `held` of them; what came back does
 * not count as got.
 */
#define QUEUE \
  BEGIN \
  "if s:byte(5) ~= 2 or s:byte(6) ~= 7 or s:byte(57) == 255 then return {'slow', deads, s} end\n" \
  "local put, got, given, max, closed = struct.unpack('>I8I8I8I8I8', s, 33)\n" \
  "local lonely, held, nobody = #s + 1 == from, 0, '\\0\\0\\0\\0\\0\\0\\0\\0'\n" \
  "closed = closed ~= 0\n" \
  "if s:byte(88) ~= 0 then\n" \
  "  got = given\n" \
  "  for p = from, #s - 23, 24 do\n" \
  "    if s:sub(p + 16, p + 17) == ARGV[12] then\n" \
  "      held = held + 1\n" \
  "      if s:sub(p, p + 7) ~= nobody then got = got + 1 end\n" \
  "    end\n" \
  "  end\n" \
  "end\n" \
  "local function change(at, n)\n" \
  "  call('SET', KEYS[1], s:sub(1, 8) .. struct.pack('>I8', num(s, 9) + 1) .. s:sub(17, at - 1) .. \n" \
  "    struct.pack('>I8', n) .. s:sub(at + 8), 'KEEPTTL')\n" \
  "end\n"

/*
 * Items with ends of pipes: see net/pipe.c, of which this is the part that must not come apart from put and get. Such an
 * item begins with how many references it has, each 16 bytes: type, slot, serial. `by` 1: it is on its way; -1: it has arrived,
 * the calling process holds the end from now on.
 */
#define CARRY \
  "local function carry(item, by)\n" \
  "  for at = 5, 4 + 16 * struct.unpack('<I4', item), 16 do\n" \
  "    local type, slot, low = struct.unpack('<I4I4I4', item, at)\n" \
  "    local id = low % 2^31\n" \
  "    id = id + 1 - 2 * (id % 2)\n" \
  "    local key = ARGV[3] .. 'o:' .. string.format('%d', id)\n" \
  "    local own = key == KEYS[1]\n" \
  "    local t = type == 15 and slot == 2^32 - 1 and (own and s or call('GET', key))\n" \
  "    if t and #t >= 32 and t:sub(1, 5) == 'sbx1\\2' then\n" \
  "      local nobody, flies, mine = '\\0\\0\\0\\0\\0\\0\\0\\1'\n" \
  "      for p = 33 + 8 * t:byte(6) + t:byte(7), #t - 23, 24 do\n" \
  "        if t:sub(p + 16, p + 17) == ARGV[11] then\n" \
  "          if t:sub(p, p + 7) == nobody then flies = p end\n" \
  "          mine = mine or t:sub(p, p + 7) == ARGV[1]\n" \
  "        end\n" \
  "      end\n" \
  "      local function add(who, since)\n" \
  "        local ticket = struct.pack('>I8', num(t, 17) + 1)\n" \
  "        t = t:sub(1, 16) .. ticket .. t:sub(25) .. who .. ticket .. ARGV[11] .. '\\0\\0' .. struct.pack('>I4', since)\n" \
  "      end\n" \
  "      if flies then\n" \
  "        local many = struct.unpack('>I4', t, flies + 20) + by\n" \
  "        t = t:sub(1, flies - 1) .. (many > 0 and t:sub(flies, flies + 19) .. struct.pack('>I4', many) or '') .. \n" \
  "          t:sub(flies + 24)\n" \
  "      elseif by == 1 then add(nobody, 1) end\n" \
  "      if by == -1 and not mine then add(ARGV[1], 0) end\n" \
  "      if by == -1 then call('SADD', KEYS[5], struct.pack('>I8', id)); live(KEYS[5]) end\n" \
  "      if own then s = t else\n" \
  "        call('SET', key, t:sub(1, 8) .. struct.pack('>I8', num(t, 9) + 1) .. t:sub(17), 'KEEPTTL')\n" \
  "      end\n" \
  "    end\n" \
  "  end\n" \
  "end\n" \
  "local none = '\\0\\0\\0\\0'\n"

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

static const char queue_head[] = QUEUE CARRY;

struct engine_script script_put = {.head = queue_head, .text =
  "local n = #ARGV - 12\n"
  "if max > 0 and max - (put - got) < n then n = max - (put - got) end\n"
  "local function push()\n"
  "  local len = call('RPUSH', KEYS[4], unpack(ARGV, 13, 12 + n))\n"
  "  if len == n then call('EXPIRE', KEYS[4], ARGV[4]) end\n"
  "  for i = 13, 12 + n do if ARGV[i]:sub(1, 4) ~= none then carry(ARGV[i], 1) end end\n"
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

struct engine_script script_get = {.head = queue_head, .text =
  "local out = {'ok', deads, got + 1}\n"
  "local items = put ~= got and call('LPOP', KEYS[4], ARGV[13])\n"
  "if put ~= got and not items then return redis.error_reply('NOOBJECT') end\n"
  "for i = 1, items and #items or 0 do\n"
  "  out[i + 3] = items[i]\n"
  "  if items[i]:sub(1, 4) ~= none then carry(items[i], -1) end\n"
  "end\n"
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

/*
 * The items are in the order of the hands, and before those that were never taken: so the n-th hand is about the n-th
 * item. What is given up at the front is cut off; elsewhere it becomes something that is no item, and goes.
 */
static const char take_head[] = QUEUE QUEUE_LINES;

struct engine_script script_take = {.head = take_head, .text =
  "local me, HAND, JOIN, ticket = ARGV[1], ARGV[12], ARGV[13], num(s, 17)\n"
  "local places, hands, mine, last = {}, {}, 0, 0\n"
  "for p = from, #s - 23, 24 do\n"
  "  local place = s:sub(p, p + 23)\n"
  "  places[#places + 1] = place\n"
  "  if place:sub(17, 18) == HAND then\n"
  "    hands[#hands + 1] = #places\n"
  "    if place:sub(1, 8) == me then mine, last = mine + 1, #hands end\n"
  "  end\n"
  "end\n"
  "local gives = ARGV[14] == 'all' and mine or tonumber(ARGV[14])\n"
  "if gives > mine then return {'tasks', deads} end\n"
  "if gives > 0 then\n"
  "  local left, front, kept = gives, 0, {}\n"
  "  for i, at in ipairs(hands) do\n"
  "    local is_mine = places[at]:sub(1, 8) == me\n"
  "    if left > 0 and is_mine then\n"
  "      left = left - 1\n"
  "      places[at] = ''\n"
  "      if front == i - 1 then front = i else call('LSET', KEYS[4], i - 1, '-') end\n"
  "    else\n"
  "      kept[#kept + 1] = at\n"
  "      if is_mine then last = #kept end\n"
  "    end\n"
  "  end\n"
  "  if front > 0 then call('LTRIM', KEYS[4], front, -1) end\n"
  "  if gives > front then call('LREM', KEYS[4], gives - front, '-') end\n"
  "  hands, mine, given = kept, mine - gives, given + gives\n"
  "end\n"
  "local out, count, back, why = {'ok', deads, 0}, 0, 1, nil\n"
  "local most, more, fresh, first = tonumber(ARGV[15]), ARGV[16] == '1', nil, nil\n"
  "while count < most do\n"
  "  while hands[back] and places[hands[back]]:sub(1, 8) ~= nobody do back = back + 1 end\n"
  "  if mine > 0 and (not more or back < last) then why = 'hand' break end\n"
  "  if put == got then why = closed and got == given and 'closed' or 'full' break end\n"
  "  if back > 1024 then why = 'hands' break end\n"
  "  local at = hands[back]\n"
  "  if not at and not fresh then\n"
  "    first, fresh = back, call('LRANGE', KEYS[4], back - 1, back - 2 + most - count)\n"
  "  end\n"
  "  local item = at and call('LINDEX', KEYS[4], back - 1) or not at and fresh[back - first + 1]\n"
  "  if not item then return redis.error_reply('NOOBJECT') end\n"
  "  if at then\n"
  "    places[at] = me .. places[at]:sub(9)\n"
  "  else\n"
  "    ticket = ticket + 1\n"
  "    places[#places + 1] = me .. struct.pack('>I8', ticket) .. HAND .. struct.pack('>I8', given + back):sub(3)\n"
  "    hands[back] = #places\n"
  "  end\n"
  "  out[#out + 1] = num('\\0\\0\\0' .. places[hands[back]]:sub(20), 1)\n"
  "  out[#out + 1] = at and 1 or 0\n"
  "  out[#out + 1] = item\n"
  "  got, mine, last, more, count = got + 1, mine + 1, back, true, count + 1\n"
  "end\n"
  "out[3] = mine\n"
  "if gives == 0 and count == 0 then\n"
  "  if most == 0 then return out end\n"
  "  if why == 'closed' then return is_closed(GET) end\n"
  "  if why == 'full' then return cannot(GET) end\n"
  "  local was = s\n"
  "  s = leave(s, GET, me)\n"
  "  if s ~= was then ring_both(store(s)) end\n" /* an item may have rung this one alone */
  "  return {why, deads}\n"
  "end\n"
  "local len, over, bells, rung = put - got, closed and got == given, {}, {[GET] = 0, [PUT] = 0, [JOIN] = 0}\n"
  "local most_rung = {[GET] = over and 1024 or len, [PUT] = closed and 1024 or (max == 0 or len < max) and 1 or 0,\n"
  "  [JOIN] = put == given and 1024 or 0}\n"
  "for i, place in ipairs(places) do\n"
  "  local who, kind = place:sub(1, 8), place:sub(17, 18)\n"
  "  if who == me then\n"
  "    if kind == GET and count > 0 then places[i] = '' end\n"
  "  elseif rung[kind] and rung[kind] < most_rung[kind] then\n"
  "    rung[kind] = rung[kind] + 1\n"
  "    bells[#bells + 1] = who\n"
  "  end\n"
  "end\n"
  "local new = s:sub(1, 8) .. struct.pack('>I8I8', num(s, 9) + 1, ticket) .. s:sub(25, 40) ..\n"
  "  struct.pack('>I8I8', got, given) .. s:sub(57, from - 1) .. table.concat(places)\n"
  "call('SET', KEYS[1], new, 'KEEPTTL')\n"
  "for _, who in ipairs(bells) do call('PUBLISH', ARGV[3] .. 'b:' .. who, ARGV[5] .. new) end\n"
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

/* It rings with an empty string, which says nothing but: look. What the dead had in hand stays, as nobody's: it came
 * back. */
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
  "      local his, hand = s:sub(p, p + 7) == ARGV[1], s:sub(p + 16, p + 17) == ARGV[4]\n"
  "      if his and hand then kept[#kept + 1] = ('\\0'):rep(8) .. s:sub(p + 8, p + 23) end\n"
  "      if not his then kept[#kept + 1] = s:sub(p, p + 23) end\n"
  "      if not his and not hand then redis.call('PUBLISH', ARGV[2] .. 'b:' .. s:sub(p, p + 7), id) end\n"
  "    end\n"
  "    s = s:sub(1, 8) .. struct.pack('>I8', num(s, 9) + 1) .. s:sub(17, from - 1) .. table.concat(kept)\n"
  "    redis.call('SET', key, s, 'KEEPTTL')\n"
  "  end\n"
  "end\n"
  "redis.call('DEL', KEYS[2], KEYS[3])\n"
  "local mail = redis.call('HGET', ARGV[2] .. 'named', 'm' .. ARGV[1])\n"
  "if mail then\n"
  "  redis.call('HDEL', ARGV[2] .. 'named', 'm' .. ARGV[1])\n"
  "  redis.call('UNLINK', ARGV[2] .. 'o:' .. mail, ARGV[2] .. 'c:' .. mail)\n"
  "  redis.call('SREM', ARGV[2] .. 'ids', mail)\n"
  "end\n"
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
