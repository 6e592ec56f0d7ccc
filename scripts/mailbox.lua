#!/usr/bin/env sandbox
-- Each process has a mailbox: `p:send(v)` puts a message there, `sandbox.receive()` takes the next one, with the
-- handle of its sender. First Erlang's ping-pong: two processes that answer each other. Then a selective receive: a
-- clerk takes urgent letters first, although they came last; the others keep their order.
--
-- Guess first, then try: what does the clerk print without the predicate? What happens to a letter for a process that
-- has ended? (Print what `send` returns.) What if `pong` never answers? (Run it: the report names who waits for a
-- message.)
--
-- See it: sandbox --timeline scripts/mailbox.lua

-- -- ping-pong ------------------------------------------------------------------------------------

local function pong()
  while true do
    local message, from = sandbox.receive()
    if message == "finished" then
      print("pong: finished")
      return
    end
    print("pong received " .. message)
    from:send("pong")
  end
end

local function ping(times)
  local other = sandbox.find("pong") -- waits until there is a process of that name
  for _ = 1, times do
    other:send("ping")
    print("ping received " .. sandbox.receive())
  end
  other:send("finished")
end

local player = spawn(ping, 3)
spawn(pong):join()
player:join()

-- -- urgent letters first -------------------------------------------------------------------------

local function urgent(letter) return letter.urgent end

local function clerk()
  sandbox.receive(function(letter) return letter == "open" end) -- until then letters gather
  for _ = 1, 5 do
    local letter = sandbox.receive(urgent, 0) or sandbox.receive()
    print(letter.urgent and "urgent: " or "post:   ", letter.about)
  end
end

local office = spawn(clerk)
for _, about in ipairs { "bill", "advert", "fire", "postcard", "flood" } do
  office:send { about = about, urgent = about == "fire" or about == "flood" }
end
office:send("open")
office:join()
