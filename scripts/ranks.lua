#!/usr/bin/env sandbox
-- A team, as in MPI: the same function in each of N processes, which differ only in their rank. They share nothing,
-- and send each other messages. With a mailbox, what MPI has calls for takes a few lines: broadcast, scatter, gather,
-- reduce, and a ring.
--
-- Each message says which collective it belongs to, and a receive takes only those: a fast process may be two steps
-- ahead.
--
-- Guess first, then try: in what order do the ranks print, and why is the result of `gather` in order all the same?
--
-- See it: sandbox --timeline scripts/ranks.lua

local N <const> = 4

local function receive(tag)
  return sandbox.receive(function(message) return message.tag == tag end)
end

local function rank(me)
  local all = receive("team").team -- the processes of all ranks

  local function send(to, tag, value) all[to]:send { tag = tag, from = me, value = value } end

  -- The same value in all: rank 1 has it.
  local function broadcast(tag, value)
    if me ~= 1 then return receive(tag).value end
    for i = 2, N do send(i, tag, value) end
    return value
  end

  -- A piece for each: rank 1 has the list.
  local function scatter(tag, list)
    if me ~= 1 then return receive(tag).value end
    for i = 2, N do send(i, tag, list[i]) end
    return list[1]
  end

  -- A list of what each has, in rank 1.
  local function gather(tag, value)
    if me ~= 1 then return send(1, tag, value) end
    local list = { value }
    for _ = 2, N do
      local message = receive(tag)
      list[message.from] = message.value
    end
    return list
  end

  -- What each has, combined, in all.
  local function reduce(tag, value, combine)
    local list, result = gather(tag, value), nil
    for i, v in ipairs(list or {}) do result = i == 1 and v or combine(result, v) end
    return broadcast(tag .. " result", result)
  end

  local word = broadcast("word", me == 1 and "tea" or nil)
  local piece = scatter("pieces", me == 1 and { 10, 20, 30, 40 } or nil)
  local list = gather("squares", piece * piece)
  local sum = reduce("sum", piece, function(a, b) return a + b end)

  -- A ring: a token goes round, and each adds its rank.
  local token = me == 1 and 0 or receive("ring").value
  send(me % N + 1, "ring", token + me)
  if me == 1 then token = receive("ring").value end

  if me == 1 then
    print("broadcast: all have " .. word)
    print("scatter, gather: " .. table.concat(list, " "))
    print("reduce: " .. sum)
    print("ring: " .. token)
  end
  return word, piece, sum
end

local team = sandbox.team(N, rank)
for i = 1, N do team[i]:send { tag = "team", team = team } end
print("each has the word: " .. table.concat(team:results(), " "))
