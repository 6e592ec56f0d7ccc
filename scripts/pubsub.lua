#!/usr/bin/env sandbox
-- Publish and subscribe: each subscriber of a topic gets each message, once, in the same order, and nobody keeps a
-- list of inboxes. A publisher need not know who listens. When it is killed in the middle of a message, all have it,
-- or none.
--
-- Guess first, then try: what does a subscriber get that comes late? What if one of them is slow? (Give `subscribe` a
-- limit, say 1, and look at the publisher.) What if one of them is killed?
--
-- See it: sandbox --speed 10 --timeline scripts/pubsub.lua

local NEWS = { "rain", "sun", "snow" }

local weather = sandbox.topic()
local ready = sandbox.latch(3)

-- Collects what it hears, and returns it at the end.
local function listener(number)
  local news <close> = weather:subscribe()
  ready:down()
  local heard = {}
  for message in news:items() do
    if message == "good night" then break end
    heard[#heard + 1] = message
    sleep(number / 10) -- one listens faster than the other; neither misses anything
  end
  return number .. " heard " .. table.concat(heard, ", ")
end

local listeners = sandbox.team(3, listener)
ready:wait() -- they would not get what is published before they subscribe

local function station()
  for _, message in ipairs(NEWS) do
    weather:publish(message)
    sleep(0.1)
  end
  weather:publish("good night")
end

spawn(station):join()
for _, line in ipairs(listeners:results()) do print(line) end
