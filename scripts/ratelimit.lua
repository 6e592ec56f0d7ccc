#!/usr/bin/env sandbox
-- A rate limiter: a site allows three requests at once, then one a second. A semaphore is a bucket of permits: a
-- client takes one for each request, and waits while there is none; a process puts one back each second, but never
-- more than three. Ten clients all want to ask at once, and none of them knows of the others.
--
-- Guess first, then try: how long do twenty requests take? What changes if the clients give their permit back
-- after each request, without a process that refills? (That limits how many ask at a time, not how often.)
--
-- See it: sandbox --speed 10 --timeline scripts/ratelimit.lua

local BURST, CLIENTS = 3, 10

local permits = sandbox.semaphore(BURST, BURST)
local asked = queue()
local start = sandbox.now()

local function refill()
  for second = 1, math.huge do
    sleep(math.max(0, start + second - sandbox.now())) -- by the clock, so that delays do not add up
    if permits:value() < BURST then permits:release() end -- no other process releases, so there is room
  end
end

local function client()
  permits:acquire()
  asked:put(sandbox.now() - start)
end

spawn({ daemon = true }, refill)
for _ = 1, CLIENTS do spawn(client) end

local per_second, last = {}, 0
for _ = 1, CLIENTS do
  local second = math.floor(asked:get())
  per_second[second] = (per_second[second] or 0) + 1
  last = math.max(last, second)
end
for second = 0, last do
  print(("second %d: %s"):format(second, ("*"):rep(per_second[second] or 0)))
end
