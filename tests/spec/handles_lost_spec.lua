-- Handles that are sent and never received: every way to lose one, again and again, with few descriptors for each process. One
-- that can still be received is never given up: the last test of each kind says so.
local script = require "support.script"

local rounds = 80

-- Each way is the text of a function; what must outlive a round stands in `kept`.
local ways = {
  { "in a result that is joined", [[spawn(function() return queue() end):join()]] },
  { "in a result that nobody joins", [[
    local p = spawn(function() return queue() end)
    while p:status() ~= "done" do sleep(0.0005) end]] },
  { "in an error value", [[spawn({ quiet = true }, function() error { queue() } end):join()]] },
  { "in a queue that is dropped", [[queue():put(queue())]] },
  { "in a queue that is closed and dropped", [[local q = queue() q:put(queue()) q:close()]] },
  { "in a queue of a process that ends", [[
    assert(spawn(function() local q = queue() q:put { queue() } end):join(20))]] },
  { "in itself", [[local q = queue() q:put(q)]] },
  { "in a circle", [[local a, b = queue(), queue() a:put(b) b:put { a }]] },
  { "in a pipe that is dropped", [[local a, b = sandbox.pipe() a:send(queue()) b:send { queue() }]] },
  { "in a pipe whose reader is dropped", [[
    local a, b = sandbox.pipe()
    a:send(queue())
    kept.a, b = a, nil]] },
  { "as an end of a pipe, in a queue", [[
    local q, a, b = queue(), sandbox.pipe()
    q:put(a)
    q:put { b }]] },
  { "as an end of a pipe, in itself", [[local a, b = sandbox.pipe() a:send(a) a:send(b) b:send(a)]] },
  { "in a value that is set again", [[kept.v = kept.v or sandbox.value(0) kept.v:set(queue())]] },
  { "in a value that is dropped", [[sandbox.value(queue()) sandbox.value { queue() }]] },
  { "in a value that is updated", [[kept.v = kept.v or sandbox.value(0) kept.v:update(function() return queue() end)]] },
  { "in a value that is compared and set", [[
    local v = sandbox.value(1)
    assert(v:cas(1, { queue() }))
    assert(not v:cas(1, queue()))]] },
  { "in a dict whose key is set again, or removed", [[
    kept.d = kept.d or sandbox.dict()
    kept.d.x = queue()
    kept.d[1] = { queue() }
    kept.d.y = queue()
    kept.d.y = nil
    kept.d:update("z", function() return queue() end)]] },
  { "in a dict that is dropped", [[sandbox.dict { queue(), a = { queue() } }]] },
  { "in a dict whose pairs are not gone through", [[
    kept.d = kept.d or sandbox.dict()
    kept.d.x, kept.d.y = queue(), queue()
    for _ in pairs(kept.d) do break end]] },
  { "in a put that times out", [[
    if not kept.full then kept.full = queue(1) kept.full:put(1) end
    assert(not kept.full:put(queue(), 0) and not kept.full:put({ queue() }, 0.001))]] },
  { "in a put that is interrupted", [[
    if not kept.full then kept.full = queue(1) kept.full:put(1) end
    local p = spawn({ quiet = true }, function() kept.full:put(queue()) end)
    sleep(0.001) -- it is interrupted somewhere
    p:interrupt()
    p:join()]] },
  { "in a put on a closed queue", [[
    if not kept.shut then kept.shut = queue() kept.shut:close() end
    assert(not pcall(kept.shut.put, kept.shut, queue()))]] },
  { "in a select that puts something else", [[
    if not kept.full then kept.full = queue(1) kept.full:put(1) end
    local q = queue()
    assert(sandbox.select { kept.full:putting(queue()), q:putting { queue() } } == 2)]] },
  { "taken by a select", [[
    local q = queue()
    q:put(queue())
    local _, got = sandbox.select { q }
    assert(got:empty())]] },
  { "looked at, and dropped", [[
    local q = queue()
    q:put(queue())
    q:put { queue() }
    assert(q:peek():empty() and #q:peek(2) == 2)]] },
  { "received, and dropped", [[kept.box = kept.box or queue() kept.box:put { queue() } kept.box:get()]] },
  { "by a reader that is killed", [[
    local q, got = queue(), sandbox.event()
    q:put { queue(), queue() }
    local p = spawn({ quiet = true }, function() local t = q:get() got:set() sleep(100) return t end)
    assert(got:wait(20))
    p:kill()
    p:join()]] },
  { "by readers and writers that are killed at any moment", [[
    kept.box, kept.v, kept.d = kept.box or queue(), kept.v or sandbox.value(0), kept.d or sandbox.dict()
    local p = spawn({ quiet = true }, function()
      while true do
        kept.box:put(queue())
        kept.box:get()
        kept.v:set { queue() }
        kept.v:get()
        kept.d.x = queue()
      end
    end)
    sleep(math.random() * 0.004) -- whatever it does then
    p:kill()
    p:join()]] },
  { "in an item that cannot be decoded", [[
    local q = queue()
    assert(spawn(function() q:put { queue(), sandbox.null } end):join(20))
    local null = sandbox.null
    q:put { queue(), null }
    q = nil]] },
  { "in results of a pool, and its items", [[
    kept.pool = kept.pool or sandbox.pool(2)
    kept.pool:map(function() return queue() end, { 1, 2 })
    kept.pool:submit(function(q) return q end, queue()):result()
    kept.pool:submit(function() return queue() end)]] },
  { "through a mailbox that is older than it", [[
    if not kept.orders then
      kept.orders, kept.answers = queue(), queue()
      spawn({ daemon = true }, function() for q in kept.orders:items() do kept.answers:put { q, queue() } end end)
    end
    kept.orders:put(queue())
    assert(kept.answers:get(20))]] },
}

describe("a handle that is lost", function()
  for _, way in ipairs(ways) do
    it(way[1], function()
      local r = script.run(([[
        local kept = {}
        local function lose()
          %s
        end
        for i = 1, %d do lose() end
        kept = {}
        collectgarbage() collectgarbage()
        local a, b = queue(), queue()
        a:put(b)
        b:put("still works")
        b = nil
        collectgarbage()
        print(a:get(20):get(20))
        os.exit(0)
      ]]):format(way[2], rounds), { shell = "( ulimit -n 96; %s )", seconds = 60 })
      assert.are.same({ "still works\n", "", 0 }, { r.out, r.err, r.status })
    end)
  end

  it("leaves no descriptor in the supervisor: there are as many as before", function()
    local r = script.run([[
      local supervisor = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)")
      local function descriptors()
        local n = 0
        for _ in require("lfs").dir("/proc/" .. supervisor .. "/fd") do n = n + 1 end
        return n
      end
      local before = descriptors()
      for _ = 1, 20 do
        local q, a, b = queue(), sandbox.pipe()
        q:put { queue(), q, a }
        b:send { queue(), b }
        assert(spawn(function() q:put { q, queue() } end):join())
        sandbox.value { q, sandbox.dict { q } }
      end
      collectgarbage() collectgarbage()
      local stop = os.time() + 20
      while descriptors() > before and os.time() < stop do sleep(0.02) end
      print(descriptors() <= before)
      os.exit(0)
    ]])
    assert.are.same({ "true\n", "" }, { r.out, r.err })
  end)
end)

describe("a handle that can still be received", function()
  it("is there, wherever it waits, whatever else is lost meanwhile", function()
    local r = script.run([[
      local box, v, d = queue(), sandbox.value(0), sandbox.dict()
      local a, b = sandbox.pipe()
      local function full(text) local q = queue() q:put(text) return q end
      local nested = queue()
      nested:put { full("nested") }
      box:put(full("item"))
      box:put { nested, full("second") }
      box:close()
      v:set { full("value") }
      d.x, d[1] = full("dict"), { full("entry") }
      a:send(full("pipe"))
      local p = spawn(function() return full("result") end)
      local f = spawn({ quiet = true }, function() error { full("error") } end)
      p:join() f:join()
      nested = nil
      collectgarbage() collectgarbage()
      for i = 1, 300 do
        local q = queue()
        q:put { q, queue() }
        if i % 20 == 0 then collectgarbage() sleep(0.01) end
      end
      local function text(q) return (assert(q:get(20))) end
      local item, second = box:get(20), box:get(20)
      print(text(item), text(second[2]), text(second[1]:get(20)[1]))
      print(text(v:get()[1]), text(d.x), text(d[1][1]), text(b:recv(20)))
      print(text(p:result()), text(select(2, f:join()).value[1]))
    ]], { shell = "( ulimit -n 128; %s )" })
    assert.are.same({ "item\tsecond\tnested\nvalue\tdict\tentry\tpipe\nresult\terror\n", "" }, { r.out, r.err })
  end)

  it("is in a result, though the process has inherited as much garbage as it may have descriptors", function()
    local r = script.run([[
      for i = 1, 300 do assert(spawn(function() return queue() end):join()) end
    ]], { shell = "( ulimit -n 256; %s )" })
    assert.are.same({ "", 0 }, { r.err, r.status })
  end)

  it("fails the process whose result has no room, and says so to the one that joins it", function()
    local r = script.run([[
      local p = spawn(function()
        local q = queue()
        files = {}
        for i = 1, 100 do files[i] = io.open "/dev/null" end
        return q
      end)
      print(p:join())
      print(p:join())
    ]], { shell = "( ulimit -n 64; %s )" })
    local line = "nil\tthe result cannot be stored: too many open files: .- %(process process#2, pid %d+%)\n"
    assert.is_truthy(r.out:find("^" .. line .. line .. "$"), r.out)
    assert.are.same({ "", 0 }, { r.err, r.status })
  end)

  it("goes from process to process, and is never lost on the way", function()
    local r = script.run([[
      local stops = { queue(), queue { transport = "shm" }, queue { transport = "pipe" } }
      for i = 1, 4 do
        local q = queue()
        q:put(i)
        stops[1]:put(q)
      end
      collectgarbage()
      local moves = sandbox.value(0)
      local team = {}
      for k = 1, 3 do
        team[k] = spawn(function()
          while moves:add(1) < 3000 do
            local q = stops[math.random(3)]:get(0.001)
            if q then
              q:put(assert(q:get(0)))
              stops[math.random(3)]:put(q)
              q = nil
              if math.random(20) == 1 then collectgarbage() queue():put(queue()) end
            end
          end
        end)
      end
      local ok, e = sandbox.join_all(team)
      assert(ok, tostring(e))
      local sum = 0
      for _, s in ipairs(stops) do
        for q in function() return (s:get(0)) end do sum = sum + q:get(0) end
      end
      print(sum)
    ]], { seconds = 60 })
    assert.are.same({ "10\n", "" }, { r.out, r.err })
  end)
end)
