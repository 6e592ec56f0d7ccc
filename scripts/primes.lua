#!/usr/bin/env sandbox
-- How many primes are there below a limit? The numbers are cut into segments, and each is sieved on its own. The
-- workers of a pool need not wait for or talk to each other, so twice the processors should take half the time.
-- The table shows how much of that comes true.
--
--   sandbox scripts/primes.lua [limit]
--   sandbox --hosts anna,bert scripts/primes.lua [limit]     on their processors, not on this computer's
--
-- The speed-up is the time of one worker divided by the time of several. It is less than their number, since a
-- part of the work is left to one process (cut, collect, add up), and since processors share memory and a clock.
-- Do not use --speed: it would make the run's clock go faster, but not the processors.
--
-- Guess first, then try: do more workers than processors help? What do segments of 1000 numbers cost?
--
-- See it: sandbox --timeline scripts/primes.lua

local LIMIT, SEGMENT = math.tointeger(arg[1] or 2000000), 50000

-- The primes up to `limit`, by the sieve of Eratosthenes.
local function small_primes(limit)
  local composite, primes = {}, {}
  for n = 2, limit do
    if not composite[n] then
      primes[#primes + 1] = n
      for multiple = n * n, limit, n do composite[multiple] = true end
    end
  end
  return primes
end

local divisors = small_primes(math.ceil(LIMIT ^ 0.5)) -- sent to the workers with the function that uses it

-- How many primes there are from `first` to `last`.
local function count(first, last)
  local composite, primes = {}, 0
  for _, p in ipairs(divisors) do
    if p * p > last then break end
    local start = math.max(p * p, (first + p - 1) // p * p)
    for multiple = start, last, p do composite[multiple - first] = true end
  end
  for n = math.max(first, 2), last do
    if not composite[n - first] then primes = primes + 1 end
  end
  return primes
end

local segments = {}
for first = 1, LIMIT, SEGMENT do
  segments[#segments + 1] = { first, math.min(first + SEGMENT - 1, LIMIT) }
end

-- How many can work at the same time: the slots of the other hosts, if there are any.
local places, others = 0, #sandbox.hosts() > 1
for _, host in ipairs(sandbox.hosts()) do
  if host.here ~= others then places = places + host.slots end
end

local alone
local workers = 1
repeat
  local start, sum = sandbox.now(), 0
  do
    local pool <close> = sandbox.pool { workers = workers, hosts = "all" }
    for _, n in ipairs(pool:starmap(count, segments)) do sum = sum + n end
  end
  local seconds = sandbox.now() - start
  alone = alone or seconds
  print(("%d worker%s %7d primes  %6.2f s  speed-up %.2f"):format(workers, workers == 1 and " " or "s", sum, seconds,
    alone / seconds))
  workers = workers * 2
until workers > math.max(2, places)
