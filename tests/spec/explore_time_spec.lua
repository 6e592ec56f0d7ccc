-- What a program sees of the time without sandbox.now: timers, and deadlines that outlast a wait. An exploration must
-- see the same as a run does, and so the same as an exploration of the program that asks for the time.
local script = require "support.script"

local explore = sandbox.explore

local ticks = {
  ["a timer that was made before a sleep"] = [[
    local t = sandbox.every(1)
    sleep(2.5)
    print(select(2, sandbox.select { t }))]],
  ["a timer that was made before a sleep, and a timeout"] = [[
    local a = sandbox.after(3)
    sleep(2.5)
    print((sandbox.select({ a, queue() }, 1)))]],
  ["a timer that ticks until another process is there"] = [[
    local q, n, t = queue(), 0, sandbox.every(1)
    spawn(function() sleep(2.5) q:put(1) end)
    while sandbox.select { t, q } == 1 do n = n + 1 end
    print(n)]],
  ["a timer that a child has from its parent"] = [[
    local t = sandbox.every(1)
    sleep(1.5)
    spawn(function() print(select(2, sandbox.select { t }), select(2, sandbox.select({ t }, 0.6))) end)
    sleep(3)
    assert(select(2, sandbox.select { t }) == 4)]],
  ["wait_for of a condition, that is woken up in between"] = [[
    local c, n = sandbox.condition(), 0
    spawn(function() sleep(2) c:acquire() c:notify() c:release() sleep(2) c:acquire() c:notify() c:release() end)
    c:acquire()
    print(c:wait_for(function() n = n + 1 return n == 4 end, 3), n)
    c:release()]],
  ["a condition whose timeout comes while another process holds the lock"] = [[
    local c = sandbox.condition()
    spawn(function() sleep(0.1) c:acquire() sleep(0.2) c:notify_all() c:release() end)
    c:acquire()
    print(c:wait(0.2))
    c:release()]],
  ["a notification for one of two, of which one has timed out under the lock of another"] = [[
    local c, n = sandbox.condition(), sandbox.value(0)
    local a = spawn(function() c:acquire() if c:wait(0.2) then n:add(1) end c:release() end)
    local b = spawn(function() sleep(0.05) c:acquire() if c:wait(1) then n:add(10) end c:release() end)
    local d = spawn(function() sleep(0.1) c:acquire() sleep(0.2) c:notify() c:release() end)
    sandbox.join_all { a, b, d }
    print(n:get())]],
  ["two conditions of one lock"] = [[
    local l = sandbox.lock()
    local c, d = sandbox.condition(l), sandbox.condition(l)
    spawn(function() sleep(0.1) l:acquire() sleep(0.3) c:notify() d:notify() l:release() end)
    local a = spawn(function() l:acquire() local r = c:wait(0.2) l:release() return r end)
    local b = spawn(function() l:acquire() local r = d:wait(0.5) l:release() return r end)
    print(a:result(), b:result())]],
  ["a process that is stopped, and a condition that times out under the lock of another"] = [[
    local c = sandbox.condition()
    local p = spawn(function() c:acquire() print(c:wait(1)) c:release() end)
    sleep(0.1)
    c:acquire()
    p:pause()
    sleep(2)
    c:notify()
    p:resume()
    c:release()]],
  ["wait_for of a value, that changes in between"] = [[
    local v = sandbox.value(0)
    spawn(function() for _ = 1, 2 do sleep(2) v:add(1) end end)
    print(v:wait_for(function(x) return x == 2 end, 3))]],
  ["put_all into a queue without room"] = [[
    local q = queue(0)
    for s = 1, 3 do spawn(function() sleep(1.2 * s) q:get(5) end) end
    print(q:put_all({ 1, 2, 3 }, 3))]],
  ["a timeout of a process that is stopped meanwhile"] = [[
    local q = queue()
    local p = spawn(function() print(q:get(3)) end)
    sleep(1)
    p:pause()
    sleep(2.5)
    p:resume()
    sleep(1)
    q:put(1)]],
}

-- What an exploration says that a program prints, sorted.
local function outcomes(code)
  local r = explore(load(code))
  assert.is_true(r.ok and r.complete, r.report)
  local texts = {}
  for i, o in ipairs(r.outcomes) do texts[i] = o.text end
  table.sort(texts)
  return texts
end

describe("explore, of the time", function()
  for what, code in pairs(ticks) do
    it("sees " .. what .. " as a run does", function()
      local run = script.run(code, { args = "--sim" })
      assert.are.equal(0, run.status, run.err)
      local seen = outcomes(code)
      assert.are.same({ run.out }, seen)
      assert.are.same(seen, outcomes("sandbox.now() " .. code))
    end)
  end

  it("comes back to where it was in a loop with a timer that is made where it is waited for", function()
    local r = explore(function()
      local v = sandbox.value(false)
      spawn(function() while not v:get() do sandbox.select { queue(), sandbox.after(1) } end end)
      spawn(function() while not v:get() do sleep(1.5) end end)
      sleep(60)
      v:set(true)
    end, { limit = 5000 })
    assert.is_true(r.ok and r.complete, r.report)
  end)

  it("finds what is wrong with a count of ticks", function()
    local r = explore(function()
      local t = sandbox.every(1)
      sleep(2.5)
      assert(select(2, sandbox.select { t }) == 1, "two ticks")
    end)
    assert.are.equal("two ticks", r.failures[1].message)
  end)
end)
