#!/usr/bin/env sandbox
-- A ring elects a leader (Chang and Roberts). Each process knows only the next one, and sends its number
-- there. It passes on a number greater than its own, and drops a smaller one. The process that gets its own number
-- back has the greatest, and is the leader. The leader tells the ring, and sends beats; a process that hears no beat
-- for a while starts another election. Neighbours that have ended are skipped: a send to them returns nil, "gone".
--
-- Here the leader is killed, again and again. Look at who is elected then.
--
-- See it: sandbox --timeline scripts/elections.lua

local N <const>, BEAT <const> = 5, 0.1 -- seconds

local news = queue { name = "news" } -- for main, which watches

local function node(me)
  local ring = sandbox.receive(function(m) return m.kind == "ring" end).ring
  local leader, heard = nil, sandbox.now()

  -- Send to the next one that lives; it may be this process itself. A message that has gone all the way round is
  -- dropped: its sender has ended.
  local function pass(message)
    message.hops = (message.hops or 0) + 1
    if message.hops > #ring then return end
    for step = 1, #ring do
      if ring[(me - 1 + step) % #ring + 1]:send(message) then return end
    end
  end

  pass { kind = "candidate", number = me }
  while true do
    local m = sandbox.receive(BEAT)
    if m == nil then -- nobody said anything
      if leader == me then
        for i, p in ipairs(ring) do if i ~= me then p:send { kind = "beat" } end end
      elseif sandbox.now() - heard > 10 * BEAT then
        heard = sandbox.now()
        pass { kind = "candidate", number = me }
      end
    elseif m.kind == "candidate" and m.number > me then
      pass(m)
    elseif m.kind == "candidate" and m.number == me and leader ~= me then
      leader = me
      pass { kind = "leader", number = me }
      news:put(me)
    elseif m.kind == "leader" and m.number ~= me then
      leader, heard = m.number, sandbox.now()
      pass(m)
    elseif m.kind == "beat" then
      heard = sandbox.now()
    end
  end
end

local ring = {}
for i = 1, N do ring[i] = spawn({ name = "node" .. i, daemon = true }, node, i) end
for i = 1, N do ring[i]:send { kind = "ring", ring = ring } end

for _ = 1, 3 do
  local leader = news:get()
  print(("node %d is the leader"):format(leader))
  ring[leader]:kill()
  print(("node %d was killed"):format(leader))
end
