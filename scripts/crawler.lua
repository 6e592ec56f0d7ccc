#!/usr/bin/env sandbox
-- A crawler. It fetches a page, finds the links in it, and fetches those that it has not seen, by several workers.
-- Two things make it polite and robust: it fetches at most so many pages a second, and a page that crashes its
-- worker (here: one page that kills its worker at the first try) costs nothing but another try, since the pool
-- replaces the worker.
--
-- The web is invented, so that the script runs without one.
--
-- Guess first, then try: what limits the time, the workers or the rate? Change WORKERS, then RATE.
--
-- See it: sandbox --speed 10 --timeline scripts/crawler.lua

local WORKERS, RATE = 3, 5 -- pages a second

local WEB = {
  ["/"] = { "/news", "/about", "/shop" }, ["/news"] = { "/news/1", "/news/2", "/" }, ["/about"] = { "/" },
  ["/shop"] = { "/shop/tea", "/shop/cake", "/news" }, ["/news/1"] = { "/news/2" }, ["/news/2"] = {},
  ["/shop/tea"] = { "/shop/cake" }, ["/shop/cake"] = { "/shop/bomb" }, ["/shop/bomb"] = { "/about" },
}

local tries = sandbox.dict()

local function fetch(url)
  local try = tries:add(url, 1)
  sleep(0.4) -- the network
  if url == "/shop/bomb" and try == 1 then sandbox.self():kill() end
  return url, WEB[url]
end

local pool <close> = sandbox.pool { workers = WORKERS, retries = 2 }
local tick = sandbox.every(1 / RATE)
local found, waiting, running, fetched = { ["/"] = true }, { "/" }, {}, {}
local start = sandbox.now()

while #waiting > 0 or #running > 0 do
  local events = { table.unpack(running) }
  if #waiting > 0 and #running < WORKERS then events[#events + 1] = tick end
  local i, ok, url, links = sandbox.select(events)
  if i > #running then
    running[#running + 1] = pool:submit(fetch, table.remove(waiting, 1))
  else
    table.remove(running, i)
    if ok then
      fetched[#fetched + 1] = url
      for _, link in ipairs(links) do
        if not found[link] then
          found[link] = true
          waiting[#waiting + 1] = link
        end
      end
    else
      print("given up: " .. tostring(url)) -- the failure
    end
  end
end

local seconds = sandbox.now() - start
table.sort(fetched)
print(("%d pages: %s"):format(#fetched, table.concat(fetched, " ")))
print(("the page that crashed was tried %d times"):format(tries["/shop/bomb"]))
print(("no more than %d a second: %s"):format(RATE, #fetched / seconds <= RATE * 1.1 and "yes" or "no"))
