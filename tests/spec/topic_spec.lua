-- Topics: each subscriber gets each message.
local raised = require "support.raised"
local rounds = require "support.rounds"
local script = require "support.script"
local T = 30

-- Subscribers that each return the list of the first n messages.
local function listeners(t, count, n, max)
  local ready = queue()
  local team = sandbox.team(count, function()
    local s <close> = t:subscribe(max)
    ready:put(true)
    local list = {}
    for i = 1, n do list[i] = s:get(T) end
    return list
  end)
  for _ = 1, count do ready:get(T) end
  return team
end

describe("a topic", function()
  it("t:publish(v)   local s <close> = t:subscribe([max])   s:get([t])   s:items([t])", function()
    local t = sandbox.topic()
    assert.is_true(t:publish("heard by nobody"))
    do
      local s <close> = t:subscribe()
      assert.are.same({ nil, "timeout" }, { s:get(0) })
      for i = 1, 3 do t:publish { i } end
      t:publish(false)
      assert.are.same({ { 1 }, { 2 } }, { s:get(), s:get(T) })
      local seen = {}
      for v in s:items() do
        if v == false then break end
        seen[#seen + 1] = v[1]
      end
      assert.are.same({ 3 }, seen)
      raised("items: timeout", function() for _ in s:items(0) do end end)
      s:close()
      assert.are.same({ nil, "closed" }, { s:get() })
    end
    assert.is_truthy(tostring(t):find("^topic: 0 subscribers, 4 messages so far$"))
  end)

  it("brings each message to each subscriber, once and in order", function()
    local t, n = sandbox.topic(), 100
    local team = listeners(t, 3, 2 * n)
    local publishers = sandbox.team(2, function(p) for i = 1, n do t:publish { p, i } end end)
    local lists = team:results(T)
    for _, list in ipairs(lists) do
      assert.are.same(lists[1], list)
      local last = { 0, 0 }
      for _, v in ipairs(list) do
        assert.are.equal(last[v[1]] + 1, v[2])
        last[v[1]] = v[2]
      end
      assert.are.same({ n, n }, last)
    end
    assert.is_true(publishers:join(T))
  end)

  it("with a limit, a publisher waits for the slowest, but not for one that has ended", function()
    local t = sandbox.topic()
    local s = t:subscribe(2)
    t:publish(1)
    t:publish(2)
    assert.are.same({ nil, "timeout" }, { t:publish(3, 0) })
    assert.are.same({ nil, "timeout" }, { t:publish(3, 0.01) })
    local p = spawn(function() return t:publish(3) end)
    assert.are.equal(1, s:get())
    assert.is_true(p:result(T))
    s:close()
    local ready = queue()
    local dead = spawn({ quiet = true }, function()
      t:subscribe(1)
      ready:put(true)
      sleep(1000)
    end)
    ready:get(T)
    t:publish(1)
    dead:kill()
    assert.is_true(t:publish(2, T))
  end)

  it("with a limit, lets a publisher go on when a subscriber closes, or fails, which still counts as a failure", function()
    local r = require("support.script").run [[
      local t, ready = sandbox.topic(), queue()
      local function publish_to(listen)
        spawn(function()
          local s = t:subscribe(1)
          ready:put(true)
          sleep(0.05) -- mostly the publisher waits by then
          listen(s)
        end)
        ready:get()
        t:publish(1)
        assert(t:publish(2))
      end
      publish_to(function(s) s:close() end)
      publish_to(function() error "oops" end)
      print "done"
    ]]
    assert.are.equal("done\n", r.out, r.err)
    assert.is_truthy(r.err:find("oops", 1, true))
    assert.are.equal(3, r.status)
  end)

  it("of whose publishers one is killed in the middle brings each message to all or to none", function()
    for round in rounds(20) do
      local t = sandbox.topic()
      local team = listeners(t, 3, 40)
      local victim = spawn({ quiet = true }, function() for i = 1, 1000 do t:publish { "victim", i } end end)
      sleep(round % 5 / 1000)
      victim:kill()
      for i = 1, 40 do t:publish { "main", i } end
      local lists = team:results(T)
      assert.are.same(lists[1], lists[2])
      assert.are.same(lists[1], lists[3])
      local last = { victim = 0, main = 0 }
      for _, v in ipairs(lists[1]) do
        assert.are.equal(last[v[1]] + 1, v[2])
        last[v[1]] = v[2]
      end
    end
  end)

  it("keeps nothing that all have taken", function()
    local t = sandbox.topic()
    local s = t:subscribe()
    for i = 1, 200 do
      t:publish(i)
      assert.are.equal(i, s:get())
    end
    local log = rawget(t, "log")
    assert.is_true(#log < 40)
    s:close()
    assert.is_true(#log < 8)
  end)

  it("is in the report of a deadlock, by its name", function()
    local r = script.run([[
      local t = sandbox.topic { name = "news" }
      local s <close> = t:subscribe(1)
      local p = spawn({ name = "publisher" }, function() t:publish(1) t:publish(2) end)
      spawn({ name = "late" }, function() sleep(0.2) t:subscribe() end)
      p:join()]])
    assert.are.equal(4, r.status, r.err)
    assert.is_truthy(r.err:find("publisher#2 waits in publish at .*:3 for topic news#%d+ or main, and"), r.err)
    assert.is_truthy(r.err:find("late#3 waits in acquire at .*:4 for topic news#%d+, which only publisher#2 can release"), r.err)
    assert.is_truthy(r.err:find("\n  topic news#%d+: taken by publisher#2 at"), r.err)
    r = script.run("sandbox.topic():subscribe():get()")
    assert.is_truthy(r.err:find("main waits in get at .*:1 for topic#%d+, which nobody else can change"), r.err)
  end)

  it("says what is wrong", function()
    raised("name must be a string", sandbox.topic, { name = 5 })
    raised("unknown option 'max'; there are name", sandbox.topic, { max = 5 })
    local t = sandbox.topic()
    local s = t:subscribe()
    raised("nil is no message", t.publish, t)
    raised("a coroutine cannot be sent", t.publish, t, { coroutine.create(print) })
    raised("max must be a whole number, 1 or more", t.subscribe, t, 0)
    raised("topic expected, got number", t.subscribe, 3)
    raised("a timeout cannot be negative", s.get, s, -1)
    raised("subscribe here, too", function() spawn({ quiet = true }, function() s:get() end):result(T) end)
    s:close()
  end)
end)
