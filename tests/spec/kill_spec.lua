-- Random SIGKILL of producers and consumers, and an account of every item.
--
-- A producer writes down, in a file of its own and unbuffered, what put has accepted; a consumer what get has given
-- it. A kill may fall between the two steps, so of each victim one item may be in doubt, and no more than that.
local rounds = require "support.rounds"
local T = 30
local SIZES = { 0, 0, 0, 10, 300, 480, 3000, 20000 } -- bytes; beyond a record of 512 it goes to the log

local function payload(id, i) return string.char(65 + (id + i) % 26):rep(SIZES[(id * 7 + i) % #SIZES + 1]) end

local function journal()
  local name = os.tmpname()
  local file = assert(io.open(name, "w+"))
  os.remove(name)
  file:setvbuf("no")
  return file
end

-- The numbers in a journal, line by line; a line cut off by the kill does not count.
local function entries(file)
  local list = {}
  file:seek("set")
  for line in file:read("a"):gmatch("([^\n]*)\n") do
    local id, i = line:match("^(%d+) (%d+)$")
    list[#list + 1] = { id = tonumber(id), i = tonumber(i) }
  end
  file:close()
  return list
end

local function producer(q, id, count, file)
  return spawn({ name = "producer" .. id, quiet = true }, function()
    for i = 1, count do
      q:put { id = id, i = i, data = payload(id, i) }
      file:write(id .. " " .. i .. "\n")
    end
  end)
end

local function check_item(v, say)
  assert(v.data == payload(v.id, v.i), say("a torn item"))
end

local function consumer(q, file)
  return spawn({ name = "consumer", quiet = true }, function()
    for v in q:items() do
      check_item(v, tostring)
      file:write(v.id .. " " .. v.i .. "\n")
    end
  end)
end

local function join(p, say)
  local ok, e = p:join(T)
  assert(ok ~= nil or e ~= "timeout", say(p.name .. " hangs"))
  return ok, e
end

-- One round. `victims` of each kind are killed at random moments; one producer and one consumer live to the end.
local function round(seed, transport)
  math.randomseed(seed)
  local function say(text) return ("%s (transport %s, seed %d)"):format(text, transport, seed) end
  local max = ({ false, 1, 2, 20 })[math.random(4)] or nil
  local q = queue { transport = transport, max = max }
  local producers, consumers, given, taken = {}, {}, {}, {}
  for id = 1, 3 do
    given[id], taken[id] = journal(), journal()
    consumers[id] = consumer(q, taken[id])
    producers[id] = producer(q, id, 120, given[id])
  end
  local kill = {}
  for _, p in ipairs { producers[2], producers[3], consumers[2], consumers[3] } do
    if math.random(4) > 1 then table.insert(kill, math.random(#kill + 1), p) end
  end
  local consumers_killed = 0
  for _, p in ipairs(kill) do
    sleep(math.random() * 0.004)
    p:kill()
  end
  for _, p in ipairs(producers) do join(p, say) end
  q:close()
  for _, p in ipairs(consumers) do
    local ok, e = join(p, say)
    if not ok then
      assert(e.signal == 9, say("a consumer failed: " .. tostring(e)))
      consumers_killed = consumers_killed + 1
    end
  end

  -- Everybody is gone: the count must be what is there.
  local left, drained = #q, 0
  local seen = {}
  local function see(v)
    local key = v.id * 1000 + v.i
    assert(not seen[key], say(("item %d of producer %d came twice"):format(v.i, v.id)))
    seen[key] = true
  end
  for v in function() return (q:try_get()) end do
    check_item(v, say)
    see(v)
    drained = drained + 1
  end
  assert(left == drained, say(("#q was %d, and %d items came"):format(left, drained)))
  assert(not max or left <= max, say("more than max"))

  for c = 1, 3 do
    local last = {}
    for _, v in ipairs(entries(taken[c])) do
      see(v)
      assert(v.i > (last[v.id] or 0), say("out of order"))
      last[v.id] = v.i
    end
  end

  -- Accepted items are there, but for one in the hands of each killed consumer; of a killed producer one more may be.
  local missing = 0
  for id = 1, 3 do
    local accepted = #entries(given[id])
    local more = 0
    for i = 1, 120 do
      if i <= accepted and not seen[id * 1000 + i] then missing = missing + 1 end
      if i > accepted and seen[id * 1000 + i] then
        more = more + 1
        assert(i == accepted + 1, say("an item from nowhere"))
      end
    end
    if id == 1 then assert(accepted == 120, say("the producer that lives was cut short: " .. accepted)) end
    -- An item that was put and not written down may itself be the one in a victim's hands: it is in no account.
    assert(more <= 1, say("more than one item in a producer's hands"))
  end
  assert(missing <= consumers_killed, say(("%d items lost, %d consumers killed"):format(missing, consumers_killed)))
  return #kill
end

describe("random kills of producers and consumers (promise 3; faults 1, 2, 4, 5):", function()
  for _, transport in ipairs { "auto", "pipe", "shm" } do
    it("35 rounds, every item accounted for (" .. transport .. ")", function()
      local first = tonumber(os.getenv("SANDBOX_SEED")) or os.time() * 1000
      local kills, times = 0, rounds.count(35)
      for n = 1, times do kills = kills + round(first + n, transport) end
      -- a few rounds of a repetition may be unlucky; all 35 are not
      assert.is_true(kills > (times < 35 and 0 or times), "the rounds killed too few")
    end)
  end
end)

describe("max = 1 with eight putters, some killed (fault 10):", function()
  for _, transport in ipairs { "auto", "pipe", "shm" } do
    it("never 2 items, no stall (" .. transport .. ")", function()
      local q = queue { max = 1, transport = transport }
      for _ = 1, 4 do
        local putters, victims = {}, {}
        for id = 1, 8 do
          putters[id] = spawn({ quiet = true }, function()
            for i = 1, 30 do q:put(id * 100 + i) end
          end)
          if id % 3 == 0 then victims[#victims + 1] = putters[id] end
        end
        local last, got = {}, 0
        local function busy()
          for _, p in ipairs(putters) do if p:alive() then return true end end
          return not q:empty()
        end
        while busy() do
          assert.is_true(#q <= 1)
          local v = q:get(0.01)
          if v then
            got = got + 1
            local id, i = v // 100, v % 100
            assert.is_true(i > (last[id] or 0))
            last[id] = i
            if got % 20 == 0 and #victims > 0 then table.remove(victims):kill() end
          end
        end
        for id = 1, 8 do
          local ok, e = putters[id]:join(T)
          assert.is_true(ok or e.signal == 9)
          if ok then assert.are.equal(30, last[id]) end
        end
        assert.are.equal(0, #q)
      end
    end)
  end
end)

describe("a killed process that others wait for:", function()
  it("every joiner learns of it, 50 times", function()
    for _ in rounds(50) do
      local ready = queue()
      local victim = spawn({ quiet = true }, function() sleep(100) end)
      local joiners = {}
      for i = 1, 2 do
        joiners[i] = spawn(function()
          ready:put(1)
          return select(2, victim:join(T)).signal
        end)
      end
      ready:get(T)
      victim:kill()
      for i = 1, 2 do assert.are.equal(9, joiners[i]:result(T)) end
      assert.are.equal(9, select(2, victim:join(T)).signal)
    end
  end)

  it("a killed joiner disturbs nobody, and a failure is still told to the next", function()
    local go = queue()
    local p = spawn({ quiet = true }, function() go:get(T) error("told", 0) end)
    for _ in rounds(10) do
      local joiner = spawn({ quiet = true }, function() p:join() end)
      joiner:kill()
      joiner:join(T)
    end
    go:put(1)
    assert.are.equal("told", select(2, p:join(T)).message)
  end)

  it("processes killed while they spawn leave no process and no record behind: 40 rounds", function()
    local script = require "support.script"
    local r = script.run([[
      for i = 1, 40 do
        local p = spawn({ quiet = true }, function()
          while true do pcall(spawn, { quiet = true, daemon = i % 2 == 0 }, function() end) end -- 40 may be alive at once
        end)
        sleep(math.random() * 0.01)
        p:kill()
        assert(select(2, p:join(20)).signal == 9)
      end
      collectgarbage()
      -- All places are free again: the limit can be reached, exactly.
      local list, hold, stop = {}, queue(), sandbox.now() + 10
      while #list < 39 do
        local ok, p = pcall(spawn, function() hold:get() end)
        if ok then list[#list + 1] = p elseif sandbox.now() > stop then break else sleep(0.01) end
      end
      print(#list)
      hold:close()
      for _, p in ipairs(list) do p:join() end
      os.exit(0)
    ]], { args = "--max-procs 40", seconds = 60 })
    assert.are.equal("39\n", r.out, r.err)
  end)
end)

describe("a kill at a point (the faults are compiled into developer builds):", function()
  local script = require "support.script"
  local faults = script.has_faults()

  local function at(point, n, action, text)
    return script.run(text, { env = ("SANDBOX_FAULT=%s@2:%d:%s"):format(point, n, action) })
  end

  -- Process 2 puts, and dies or stops in the middle of one; small items and large ones by turns.
  local putting = [[
    local q = queue { transport = %q }
    local p = spawn({ quiet = true }, function()
      for i = 1, 20 do q:put { i, ("x"):rep(i %% 4 == 0 and 5000 or 5) } end
    end)
    %s
    local n = #q
    q:put { "after" }
    local last = 0
    for k = 1, n do
      local v = assert(q:get(5))
      assert(v[1] == k and #v[2] == (k %% 4 == 0 and 5000 or 5))
    end
    assert(q:get(5)[1] == "after" and q:empty())
    print(n)
  ]]

  -- Process 2 gets; main puts before and after.
  local getting = [[
    local q, seen = queue { transport = %q }, queue()
    for i = 1, 20 do q:put { i, ("x"):rep(i %% 4 == 0 and 5000 or 5) } end
    local p = spawn({ quiet = true }, function() for i = 1, 20 do seen:put(q:get()[1]) end end)
    local _, e = p:join(5)
    assert(e.signal == 9)
    local last = #seen
    for i = 1, last do assert(seen:get(0) == i) end
    local n = #q
    assert(n == 20 - last or n == 19 - last, "more than one item lost")
    for k = 21 - n, 20 do assert(q:get(5)[1] == k) end
    q:put(1)
    assert(q:get(0) == 1 and q:empty())
    print(20 - last - n)
  ]]

  if not faults then
    pending(script.NO_FAULTS)
    return
  end

  for _, transport in ipairs { "auto", "pipe", "shm" } do
    it("of a producer: the item is whole or absent (faults 1, 3, 4; " .. transport .. ")", function()
      local died = 0
      for _, point in ipairs { "queue.put.before-commit", "queue.put.after-commit", "queue.bell.rung" } do
        for _, n in ipairs { 1, 4, 9 } do
          local r = at(point, n, "kill", putting:format(transport,
            "local _, e = p:join(5) if e then assert(e.signal == 9) io.stderr:write('died\\n') end"))
          assert.are.equal(0, r.status == 3 and 0 or r.status, r.err)
          assert.is_truthy(tonumber(r.out), point .. ": " .. r.err)
          died = died + script.count(r.err, "died")
          if point ~= "queue.bell.rung" then
            local expected = point:find("before", 1, true) and n - 1 or n
            assert.are.equal(expected, tonumber(r.out), point .. " " .. n)
          end
        end
      end
      assert.is_true(died >= 6, died)
    end)

    it("of a consumer: at most its own item is lost (fault 2; " .. transport .. ")", function()
      local lost = {}
      for _, point in ipairs { "queue.get.before-commit", "queue.get.after-commit" } do
        lost[point] = 0
        for _, n in ipairs { 1, 4, 9 } do
          local r = at(point, n, "kill", getting:format(transport))
          assert.are.equal("", r.err)
          lost[point] = lost[point] + tonumber(r.out)
        end
      end
      assert.are.equal(0, lost["queue.get.before-commit"])
      assert.is_true(lost["queue.get.after-commit"] > 0) -- the victim had it, else the point tells nothing
    end)

    it("SIGSTOP of the holder of a lock: timed ops time out, its kill frees the others (fault 6; " .. transport .. ")",
      function()
        local r = at("queue.put.before-commit", 5, "stop", putting:format(transport, [[
          while p:status() ~= "stopped" do sleep(0.001) end
          assert(select(2, p:join(0.1)) == "timeout")
          local from = sandbox.now()
          local ok, why = q:put("x", 0.2)
          assert(ok == nil and why == "timeout" and sandbox.now() - from >= 0.2)
          p:kill()
          assert(select(2, p:join(5)).signal == 9)
        ]]))
        assert.are.equal("4\n", r.out, r.err)
      end)

    it("Ctrl-C works while the holder of a lock is stopped (fault 6; " .. transport .. ")", function()
      local r = at("queue.put.before-commit", 5, "stop", putting:format(transport, [[
        while p:status() ~= "stopped" do sleep(0.001) end
        local super = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)")
        io.popen("sleep 0.2; kill -INT " .. super) -- not closed: it must not be waited for
        q:put("x")
      ]]))
      assert.are.equal(130, r.status, r.err)
      assert.is_truthy(r.err:find("^sandbox: interrupted: main "), r.err)
    end)
  end
end)

describe("as an ordinary user", function()
  local shell = require "support.shell"
  it("more pipes than the system gives to one: queues work all the same (fault 15)", function()
    if shell.run("id -u"):match("%d+") ~= "0" then return pending("needs root, to become nobody") end
    local text = [[
      local list = {}
      for i = 1, 1400 do list[i] = queue() end
      for i = 1, 1400 do for k = 1, 20 do list[i]:put(k) end end
      assert(spawn(function()
        for i = 1, 1400 do for k = 1, 20 do assert(list[i]:get(0) == k) end end
      end):join())
      for i = 1, 1400 do assert(list[i]:empty()) end
      print "ok"
    ]]
    local program = shell.quote(shell.program)
    local setpriv = "setpriv --reuid=65534 --regid=65534 --clear-groups "
    if select(2, shell.run(setpriv .. program .. " -e '' 2>&1")) ~= 0 then
      return pending("nobody may not run the program here")
    end
    local out = shell.run(("ulimit -n 65536 2>/dev/null; timeout 60 %s %s -e %s 2>&1"):format(setpriv, program,
      shell.quote(text)))
    if out:find("too many open files", 1, true) then return pending("the hard limit of descriptors is low") end
    assert.are.equal("ok\n", out)
  end)
end)
