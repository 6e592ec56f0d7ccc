#!/usr/bin/env sandbox
-- Ping-pong: two processes and a ball. Each waits until it has the ball, so they take turns, however fast or
-- slow either is: a message also synchronises. Then the ball goes to and fro as fast as it can, which measures
-- a round trip: two messages, and two processes that wait for each other each time.
--
--   sandbox scripts/pingpong.lua [round trips]
--
-- The time is measured by the run's clock. Do not use --speed, which would make that clock go faster.
--
-- Guess first, then try: how long is a round trip through `queue { transport = "pipe" }`? What if both
-- processes share one processor, `spawn({ cpu = 0 }, ...)`?
--
-- See it: sandbox --timeline scripts/pingpong.lua 100

local ROUNDS = math.tointeger(arg[1] or 20000)

local to_pong, to_ping = queue(), queue()

-- Take each ball from one queue and put it into the other, until the game is over.
local function player(name, input, output, loud)
  for ball in input:items() do
    if loud then print(("%s %d"):format(name, ball)) end
    output:put(ball)
  end
end

-- A slow game, to see the turns; the last one is always ping's.
local pong = spawn({ name = "pong", daemon = true }, player, "  pong", to_pong, to_ping, true)
for ball = 1, 4 do
  print(("ping %d"):format(ball))
  to_pong:put(ball)
  assert(to_ping:get() == ball)
end
pong:kill() -- it waits for a ball that never comes

-- A fast one, to measure.
spawn({ name = "pong", daemon = true }, player, "pong", to_pong, to_ping)
local start = sandbox.now()
for ball = 1, ROUNDS do
  to_pong:put(ball)
  to_ping:get()
end
local seconds = sandbox.now() - start
print(("%d round trips, %.1f microseconds each"):format(ROUNDS, seconds / ROUNDS * 1e6))
