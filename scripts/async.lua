#!/usr/bin/env sandbox
-- Synchronous: ask, and wait until the answer is there. Asynchronous: ask several at once, go on with other
-- work, and take each answer when it is needed.
--
-- See it: sandbox --speed 10 --timeline scripts/async.lua

local function request(site, seconds)
  sleep(seconds) -- the site takes its time
  return ("answer of %s"):format(site)
end

local start = sandbox.now()
local function say(...) print(("%5.1f s  %s"):format(sandbox.now() - start, string.format(...))) end

-- Synchronous: a plain call.
say("ask slow.example, and wait")
say("got the %s", request("slow.example", 6))

-- Asynchronous: each request is a process. Three of them take as long as the slowest one.
local sites = { ["slow.example"] = 6, ["middle.example"] = 4, ["quick.example"] = 2 }
local pending = {}
for site, seconds in pairs(sites) do pending[site] = spawn(request, site, seconds) end
say("asked all three")

for page = 1, 3 do
  sleep(1)
  say("meanwhile, wrote page %d", page)
end

for _, site in ipairs { "quick.example", "middle.example", "slow.example" } do
  say("got the %s", pending[site]:result())
end
