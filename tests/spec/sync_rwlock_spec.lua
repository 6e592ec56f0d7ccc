-- Locks for readers and writers.
local rounds = require "support.rounds"
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

describe("an rwlock", function()
  it("lets many read, or one write", function()
    local w, x, ps = sandbox.rwlock(), sandbox.value { 0, 0 }, {}
    for i = 1, 6 do
      ps[i] = spawn(function()
        for k = 1, 50 do
          if (i + k) % 3 == 0 then
            local _ <close> = w:write()
            local v = x:get()
            x:set { v[1] + 1, v[2] } -- halves that belong together
            x:set { v[1] + 1, v[2] + 1 }
          else
            local _ <close> = w:read()
            local v = x:get()
            assert(v[1] == v[2], "torn")
          end
        end
      end)
    end
    assert.is_true(sandbox.join_all(ps, sync.limit))
    assert.are.same({ 100, 100 }, x:get())
    assert.is_truthy(tostring(w):match("^rwlock: rwlock#%d+ %(free%)$"))
  end)

  it("lets readers in together, and nobody before a writer that waits", function()
    local w, in_line = sandbox.rwlock { name = "book" }, queue()
    local ours = w:read()
    local a = spawn(function() local _ <close> = w:read() return true end)
    assert.is_true(results(a))
    local writer = spawn(function() local _ <close> = w:write() in_line:put("writer") end)
    sync.await_waiting(w, 1)
    local reader = spawn(function() local _ <close> = w:read() in_line:put("reader") end)
    sync.await_waiting(w, 2)
    assert.is_truthy(tostring(w):match("^rwlock: book#%d+ %(1 reading, 2 waiting%)$"))
    do local _ <close> = w:read() end -- again: it would wait for itself
    assert.are.same({ nil, "timeout" }, { spawn(function() return w:read(0) end):result(sync.limit) })
    ours:release()
    assert.are.equal("writer", in_line:get(sync.limit))
    assert.are.equal("reader", in_line:get(sync.limit))
    results(writer)
    results(reader)
  end)

  it("starves no writer while readers come and go, and no reader while writers do", function()
    local w, stop = sandbox.rwlock(), sandbox.value(false)
    for _, kinds in ipairs { { "read", "write" }, { "write", "read" } } do
      local many, one = table.unpack(kinds)
      local ps = {}
      stop:set(false)
      for i = 1, 4 do
        ps[i] = spawn(function()
          repeat
            local _ <close> = w[many](w)
          until stop:get()
        end)
      end
      for _ in rounds(50) do
        local hold = assert(w[one](w, sync.limit))
        hold:release()
      end
      stop:set(true)
      assert.is_true(sandbox.join_all(ps, sync.limit))
    end
  end)

  it("is abandoned by a writer that dies, until another writer has had it; a reader that dies has changed nothing", function()
    local w, ready = sandbox.rwlock(), queue()
    local reader = spawn({ quiet = true }, function() local _ <close> = w:read() ready:put(1) sleep(1000) end)
    ready:get()
    local waiter = spawn(function()
      local _ <close>, why = w:write()
      return why == nil
    end)
    sync.await_waiting(w, 1)
    sync.kill(reader)
    assert.is_true(results(waiter))
    local writer = spawn({ quiet = true }, function() local _ <close> = w:write() ready:put(1) sleep(1000) end)
    ready:get()
    local ps = {}
    for i = 1, 3 do ps[i] = spawn(function() local _ <close>, why = w:read() return why end) end
    sync.await_waiting(w, 3)
    sync.kill(writer)
    for i = 1, 3 do assert.are.equal("abandoned", (results(ps[i]))) end
    local hold, why = w:write()
    assert.are.equal("abandoned", why)
    hold:release()
    hold, why = w:read()
    assert.is_nil(why)
    hold:release()
  end)

  it("does not mind waiters being killed, or giving up", function()
    local w = sandbox.rwlock()
    local ours = w:read()
    local a = spawn({ quiet = true }, function() w:write() end)
    sync.await_waiting(w, 1)
    local b = spawn(function() local _ <close> = w:read() return true end)
    sync.await_waiting(w, 2)
    sync.kill(a)
    assert.is_true(results(b))
    a = spawn(function() return w:write(0.05) end)
    sync.await_waiting(w, 1)
    b = spawn(function() local _ <close> = w:read() return true end)
    assert.is_true(results(b))
    assert.are.same({ nil, "timeout" }, { results(a) })
    ours:release()
    local _ <close> = assert(w:write(0))
  end)

  it("lets a stopped waiter hold up nobody for long", function()
    local w = sandbox.rwlock()
    local ours = w:read()
    local a = spawn({ quiet = true }, function() w:write() end)
    sync.await_waiting(w, 1)
    a:pause()
    local b = spawn(function() local _ <close> = w:read() return true end)
    assert.is_true(results(b))
    ours:release()
    sync.kill(a)
  end)

  it("is the same in every process", function()
    local w, q = sandbox.rwlock(), queue()
    local p = spawn(function() local _ <close> = q:get():write() q:get() end)
    q:put(w)
    sync.await(function() return tostring(w):find("written by", 1, true) end, "a writer")
    assert.are.same({ nil, "timeout" }, { w:read(0) })
    q:put(1)
    results(p)
    local _ <close> = assert(w:read())
  end)

  it("refuses misuse, at the caller's line", function()
    local w = sandbox.rwlock()
    raises("timeout cannot be negative", function() w:read(-1) end)
    raises("unknown option 'n'; there are name", function() sandbox.rwlock { n = 1 } end)
    raises("rwlock expected, got no value; call methods with a colon", function() w.read() end)
    do
      local _ <close> = w:read()
      raises("would wait for itself", function() w:write() end)
      raises("would wait for itself", function() w:write(0) end)
    end
    do
      local _ <close> = w:write()
      raises("would wait for itself", function() w:read() end)
      raises("would wait for itself", function() w:write() end)
    end
  end)

  it("in a deadlock says who has it", function()
    local script = require "support.script"
    local r = script.run([[
      local w, ready, never = sandbox.rwlock { name = "book" }, queue(), queue()
      spawn({ name = "reader" }, function() local _ <close> = w:read() ready:put(1) never:get() end)
      ready:get()
      --
      w:write()
    ]])
    assert.are.equal(4, r.status, r.err)
    assert.is_truthy(r.err:find("main waits in write at [^ ]+:5 for rwlock book#%d+, which only reader#2 can release"), r.err)
  end)

  it("that a process ends with is told of", function()
    local script = require "support.script"
    local r = script.run("local w = sandbox.rwlock { name = 'book' }\nspawn(function() w:write() end):join()\n" ..
      "local h, why = w:read()\nprint(why)\nh:release()")
    assert.are.equal("abandoned\n", r.out)
    assert.is_truthy(r.err:find("ended and still held rwlock 'book', acquired at [^ ]+:2"), r.err)
  end)
end)
