#!/usr/bin/env sandbox
-- A chat. Each member has a pipe to the room. The room waits for all of them at once, with `select`: the member
-- that speaks first is heard first, and all others are told. A member waits for two things: for another one to
-- speak, and for its own patience to end. Nothing polls ("anything new?") again and again.
--
-- Guess first, then try: what happens without the timer? What if a member is killed instead of leaving?
--
-- See it: sandbox --speed 10 --timeline scripts/chat.lua

-- What each member answers to a line. Its answer to "" is what it says first; where the answer is false, it leaves.
local MEMBERS = {
  { name = "ann", [""] = "hello", ["hi ann"] = "how are you?", ["fine"] = false },
  { name = "bob", ["hello"] = "hi ann", ["(ann left)"] = false },
  { name = "cid", ["how are you?"] = "fine" },
}

-- Talk through `pipe` until this member leaves, or has heard nothing for ten seconds.
local function member(me, pipe)
  if me[""] then pipe:send(me[""]) end
  repeat
    local i, heard = sandbox.select { pipe, sandbox.after(10) }
    local answer = i == 1 and me[heard]
    if answer then pipe:send(answer) end
  until i == 2 or answer == false
  pipe:close()
end

local ends, names = {}, {}
for i, me in ipairs(MEMBERS) do
  local here, there = sandbox.pipe()
  ends[i], names[i] = here, me.name
  spawn({ name = me.name }, member, me, there)
end

-- The room: print what a member says, and tell all others.
while #ends > 0 do
  local i, line = sandbox.select(ends)
  local speaker, name = ends[i], names[i]
  if line then
    print(name .. ": " .. line)
  else -- nil and "closed": the other end of the pipe is gone
    table.remove(ends, i)
    table.remove(names, i)
    line = "(" .. name .. " left)"
    print(line)
  end
  for _, other in ipairs(ends) do
    if other ~= speaker then other:send(line) end
  end
end
