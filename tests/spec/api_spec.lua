-- The library, line by line: each test is named as the interface was agreed, and runs it as it is written there.
local raised = require "support.raised"
local T = 20

local function same(expected, ...)
  assert.are.same(expected, { ... })
end

local function add(a, b) return a + b end

-- A process that waits until it is told to end.
local function idle() return spawn({ quiet = true }, function() sleep(1000) end) end

after_each(function() -- what a test that failed may have left
  for _, p in ipairs(sandbox.children()) do p:kill() end
end)

describe("processes:", function()
  it("p = spawn(fn, ...)", function()
    local p = spawn(add, 1, 2)
    same({ true, 3 }, p:join())
  end)

  it("p = spawn({name=, daemon=, cpu=1, quiet=}, fn, ...)", function()
    local p = spawn({ name = "writer", daemon = false, cpu = 1, quiet = false }, add, 1, 2)
    same({ "writer", false }, p.name, p.daemon)
    same({ true, 3 }, p:join(T))
  end)

  it("true, ... = p:join([timeout]); nil, \"timeout\"; nil, failure; = join(p [, timeout]); again and again", function()
    local gate = queue()
    local p = spawn(function() return gate:get(), "second" end)
    same({ nil, "timeout" }, p:join(0))
    same({ nil, "timeout" }, join(p, 0.001))
    gate:put("first")
    same({ true, "first", "second" }, p:join(T))
    same({ true, "first", "second" }, join(p))
    same({ true, "first", "second" }, join(p, 0))
    local bad = spawn({ quiet = true, name = "bad" }, error, { code = 3 })
    local ok, failure = bad:join(T)
    assert.is_nil(ok)
    assert.are.equal("string", type(failure.message))
    assert.are.equal("string", type(failure.traceback))
    same({ 3, "bad", bad.pid, 1 }, failure.value.code, failure.name, failure.pid, failure.exitcode)
    assert.is_truthy(tostring(failure):find("process bad#", 1, true))
    local victim = idle()
    victim:kill()
    assert.are.equal(9, select(2, victim:join(T)).signal)
  end)

  it("... = p:result([timeout]) raises the failure", function()
    same({ 3 }, spawn(add, 1, 2):result())
    local p = spawn({ quiet = true }, error, "no", 0)
    local ok, failure = pcall(p.result, p, T)
    same({ false, "no" }, ok, failure.message)
  end)

  it("p.id p.pid p.name p.daemon p.exitcode p.signal   p:alive() p:status()", function()
    local p = idle()
    assert.is_true(math.type(p.id) == "integer" and math.type(p.pid) == "integer")
    same({ nil, nil, "process", false }, p.exitcode, p.signal, p.name, p.daemon)
    same({ true, "running" }, p:alive(), p:status())
    p:pause()
    assert.are.equal("stopped", p:status())
    p:kill()
    p:join(T)
    same({ false, "killed", 9 }, p:alive(), p:status(), p.signal)
    local done, failed = spawn(add, 1, 2), spawn({ quiet = true }, error)
    done:join(T)
    failed:join(T)
    same({ "done", 0, "failed", 1 }, done:status(), done.exitcode, failed:status(), failed.exitcode)
  end)

  it("p:terminate() p:kill() p:pause() p:resume() p:interrupt() p:stop([grace])", function()
    for how, signal in pairs { terminate = 15, kill = 9 } do
      local p = idle()
      p[how](p)
      p:join(T)
      assert.are.equal(signal, p.signal)
    end
    local p = idle()
    p:pause()
    assert.are.equal("stopped", p:status())
    p:resume()
    assert.are.equal("running", p:status())
    p:interrupt()
    p:join(T)
    assert.are.equal(130, p.exitcode)
    for _, grace in ipairs { 5, 0 } do
      p = idle()
      assert.is_true(p:stop(grace))
      assert.is_false(p:alive())
    end
    p = idle()
    assert.is_true(p:stop())
  end)

  it("p = sandbox.process{target=fn, args={...}, name=s, daemon=b}   p:start()", function()
    local p = sandbox.process { target = add, args = { 1, 2 }, name = "adder", daemon = true }
    same({ "new", "adder", true }, p:status(), p.name, p.daemon)
    p:start()
    same({ true, 3 }, p:join(T))
  end)

  it("sandbox.self() .parent() .children() .getpid() .cpus()", function()
    local me = sandbox.self()
    local p = spawn(function() return sandbox.self(), sandbox.parent(), #sandbox.children(), sandbox.getpid() end)
    same({ p, me, 0, p.pid }, p:result(T))
    local child = idle()
    local found = false
    for _, c in ipairs(sandbox.children()) do found = found or c == child end
    assert.is_true(found)
    child:stop(0)
    assert.are.equal(me.pid, sandbox.getpid())
    assert.is_true(sandbox.cpus() >= 1)
  end)

  it("true = sandbox.join_all(list [, timeout]); nil, failure, p; nil, \"timeout\"", function()
    assert.is_true(sandbox.join_all { spawn(add, 1, 2), spawn(add, 3, 4) })
    local bad, long = spawn({ quiet = true }, error, "no", 0), idle()
    local ok, failure, p = sandbox.join_all({ long, bad }, T)
    same({ nil, "no", bad }, ok, failure.message, p)
    same({ nil, "timeout" }, sandbox.join_all({ long }, 0.01))
    long:stop(0)
  end)

  it("for p, ok, ... in sandbox.as_completed(list [, timeout]) do end", function()
    local list, n = { spawn(add, 1, 2), spawn(add, 3, 4) }, 0
    for p, ok, sum in sandbox.as_completed(list, T) do
      same({ true, p == list[1] and 3 or 7 }, ok, sum)
      n = n + 1
    end
    assert.are.equal(2, n)
    for _ in sandbox.as_completed(list) do n = n - 1 end
    assert.are.equal(0, n)
  end)
end)

describe("queues:", function()
  it("q = queue()   queue(max)   queue{max=, name=, transport=}   = sandbox.queue", function()
    assert.are.equal(queue, sandbox.queue)
    same({ true, false }, queue():empty(), queue(1):full())
    for _, transport in ipairs { "auto", "pipe", "shm" } do
      local q = queue { max = 1, name = "jobs", transport = transport }
      q:put(1)
      assert.is_true(q:full())
      assert.is_truthy(tostring(q):find("jobs#%d+ %(1 of 1 item"), tostring(q))
    end
    assert.is_true(queue(0):full())
    raised("max", queue, -1)
  end)

  it("true = q:put(v [, timeout]); nil, \"timeout\" when full; = queue_put(q, v [, timeout])", function()
    local q = queue(2)
    assert.is_true(q:put("a"))
    assert.is_true(queue_put(q, "b", 1))
    same({ nil, "timeout" }, q:put("c", 0.001))
    same({ nil, "timeout" }, queue_put(q, "c", 0))
  end)

  it("v = q:get([timeout]); nil, \"timeout\"; nil, \"closed\"; = queue_get(q [, timeout])", function()
    local q = queue()
    for i = 1, 3 do q:put(i) end
    same({ 1, 2, 3 }, q:get(), q:get(1), (queue_get(q)))
    same({ nil, "timeout" }, q:get(0))
    same({ nil, "timeout" }, queue_get(q, 0.001))
    q:close()
    same({ nil, "closed" }, q:get())
    same({ nil, "closed" }, queue_get(q, 1))
  end)

  it("q:try_put(v)   q:try_get()", function()
    local q = queue(1)
    assert.is_true(q:try_put(false))
    same({ nil, "timeout" }, q:try_put(2))
    assert.is_false(q:try_get())
    same({ nil, "timeout" }, q:try_get())
  end)

  it("#q   q:len()   q:empty()   q:full()   q:peek()   q:close()   q:closed()", function()
    local q = queue(2)
    same({ 0, 0, true, false, false }, #q, q:len(), q:empty(), q:full(), q:closed())
    q:put("first")
    q:put("second")
    same({ 2, 2, false, true, "first" }, #q, q:len(), q:empty(), q:full(), (q:peek()))
    q:close()
    same({ true, 2, "first" }, q:closed(), #q, (q:get()))
  end)

  it("for v in q:items([timeout]) do end   ends when closed and drained; raises on timeout", function()
    local q, sum = queue(), 0
    for i = 1, 4 do q:put(i) end
    raised("timeout", function() for v in q:items(0.01) do sum = sum + v end end)
    q:put(5)
    q:close()
    for v in q:items() do sum = sum + v end
    assert.are.equal(15, sum)
  end)

  it("q:task_done()   q:join([timeout])   true; nil, \"timeout\"", function()
    local q = queue()
    q:put(1)
    q:get()
    same({ nil, "timeout" }, q:join(0.001))
    q:task_done()
    assert.is_true(q:join())
    raised("task_done", q.task_done, q)
  end)

  it("a, b = sandbox.pipe()   a:send(v)   a:recv([timeout])   a:poll([timeout])   a:close()", function()
    local a, b = sandbox.pipe()
    spawn(function()
      for v in function() return (b:recv()) end do b:send(v * 2) end
    end)
    assert.is_true(a:send(21))
    assert.is_true(a:poll(T))
    assert.are.equal(42, a:recv())
    assert.is_false(a:poll())
    assert.is_false(a:poll(0.001))
    same({ nil, "timeout" }, a:recv(0))
    a:close()
    local c, d = sandbox.pipe()
    c:send("last")
    c:close()
    same({ "last" }, d:recv(T))
    same({ nil, "closed" }, d:recv(T))
  end)
end)

describe("waiting for several things:", function()
  it("i, ... = sandbox.select({q, p, q2:putting(v), lock, sandbox.after(s), ...} [, timeout])", function()
    local q, p, q2, lock = queue(), idle(), queue(1), sandbox.lock()
    local s, e, l = sandbox.semaphore(0, 1), sandbox.event(), sandbox.lock()
    local holder = spawn(function() lock:acquire() l:acquire() q:put("held") sleep(1000) end)
    assert.are.equal("held", q:get(T))
    q2:put("full")
    local all = { q, p, q2:putting("more"), lock, s, e }
    same({ nil, "timeout" }, sandbox.select(all, 0))
    all[7] = sandbox.after(0.01)
    assert.are.equal(7, (sandbox.select(all)))
    all[7] = nil
    q:put("item")
    same({ 1, "item" }, sandbox.select(all, T))
    q2:get()
    same({ 3, true }, sandbox.select(all, T))
    assert.are.equal("more", q2:get())
    q2:put("full")
    s:release()
    same({ 5, true }, sandbox.select(all, T))
    e:set()
    same({ 6, true }, sandbox.select(all, T))
    e:clear()
    holder:kill()
    same({ 4, true, "abandoned" }, sandbox.select(all, T))
    lock:release()
    p:kill()
    local i, ok, failure = sandbox.select({ q, p }, T)
    same({ 2, nil, 9 }, i, ok, failure.signal)
    same({ 1, true, 3 }, sandbox.select { spawn(add, 1, 2) })
    q:close()
    same({ 1, nil, "closed" }, sandbox.select { q })
  end)

  it("fair among those ready; {..., ordered=true} takes the first", function()
    local a, b, seen = queue(), queue(), { 0, 0 }
    for i = 1, 100 do a:put(i) b:put(i) end
    for _ = 1, 50 do assert.are.equal(1, (sandbox.select { a, b, ordered = true })) end
    for _ = 1, 100 do
      a:put(0)
      local i = sandbox.select { a, b }
      seen[i] = seen[i] + 1
    end
    assert.is_true(seen[1] > 10 and seen[2] > 10, seen[1])
  end)
end)

describe("synchronisation:", function()
  it("lock()  rlock()   l:acquire([t])   l:release()   local _ <close> = l:hold([t])", function()
    for _, make in ipairs { sandbox.lock, sandbox.rlock } do
      local l, held = make(), queue()
      assert.is_true(l:acquire())
      l:release()
      assert.is_true(l:acquire(1))
      same({ nil, "timeout" }, spawn(function() return l:acquire(0) end):result(T))
      l:release()
      do
        local _ <close> = l:hold()
        same({ nil, "timeout" }, spawn(function() return l:acquire(0) end):result(T))
      end
      do
        local _ <close> = l:hold(T)
      end
      raised("release", l.release, l)
      local holder = spawn(function() l:acquire() held:put(1) sleep(1000) end)
      held:get(T)
      holder:kill()
      same({ true, "abandoned" }, l:acquire(T))
      l:release()
    end
    local r = sandbox.rlock()
    same({ true, true }, r:acquire(), r:acquire())
    r:release()
    r:release()
  end)

  it("semaphore(n [, max])   s:acquire([t])   s:release([n])   s:value()", function()
    local s = sandbox.semaphore(1, 3)
    same({ true, 0 }, s:acquire(), s:value())
    same({ nil, "timeout" }, s:acquire(0.001))
    s:release(2)
    s:release()
    assert.are.equal(3, s:value())
    raised("release", s.release, s)
    local unbounded = sandbox.semaphore(0)
    unbounded:release(5)
    assert.is_true(unbounded:acquire(1))
    assert.are.equal(4, unbounded:value())
  end)

  it("event()   e:set() e:clear() e:is_set() e:wait([t])", function()
    local e = sandbox.event()
    assert.is_false(e:is_set())
    same({ nil, "timeout" }, e:wait(0))
    local p = spawn(function() return e:wait() end)
    e:set()
    same({ true, true, true }, e:is_set(), e:wait(), p:result(T))
    e:clear()
    assert.is_false(e:is_set())
  end)

  it("condition([lock])   c:wait([t]) c:wait_for(fn [, t]) c:notify([n]) c:notify_all()   + acquire, release, hold",
    function()
      local lock, ready = sandbox.lock(), sandbox.value(false)
      for _, c in ipairs { sandbox.condition(), sandbox.condition(lock) } do
        ready:set(false)
        c:acquire()
        same({ nil, "timeout" }, c:wait(0.001))
        same({ nil, "timeout" }, c:wait_for(function() return false end, 0.001))
        local list = {}
        for i = 1, 3 do
          list[i] = spawn(function()
            local _ <close> = c:hold()
            return c:wait_for(function() return ready:get() end)
          end)
        end
        c:notify()
        c:notify(2)
        ready:set(true)
        c:notify_all()
        c:release()
        assert.is_true(sandbox.join_all(list, T))
        raised("notify", c.notify, c)
      end
    end)

  it("barrier(n)   i = b:wait([t])   b:abort() b:reset()   nil, \"timeout\"; nil, \"broken\"", function()
    local b = sandbox.barrier(2)
    local p = spawn(function() return b:wait() end)
    assert.are.equal(3, b:wait(T) + p:result(T)) -- 1 and 2
    same({ nil, "timeout" }, b:wait(0.001))
    same({ nil, "broken" }, b:wait())
    b:reset()
    b:abort()
    same({ nil, "broken" }, b:wait(1))
    b:reset()
    p = spawn(function() return b:wait() end)
    assert.are.equal(3, b:wait() + p:result(T))
  end)

  it("sandbox.barrier(n, action)   the last to arrive runs action before the others go on", function()
    local x = sandbox.value(0)
    local b = sandbox.barrier(2, function() x:add(1) end)
    local p = spawn(function() return b:wait(), x:get() end)
    local place = b:wait(T)
    local other, seen = p:result(T)
    same({ 3, 1, 1 }, place + other, seen, x:get())
  end)

  it("rwlock()   local _ <close> = w:read([t])   local _ <close> = w:write([t])   no writer starves; abandoned as locks are",
    function()
      local w = sandbox.rwlock()
      do
        local _ <close> = w:read()
        local _ <close> = w:read(1)
        assert.are.equal("2", spawn(function() local _ <close> = w:read() return tostring(w):match("(%d) reading") end):result(T))
        same({ nil, "timeout" }, spawn(function() return w:write(0.01) end):result(T))
      end
      do
        local _ <close> = w:write(1)
        same({ nil, "timeout" }, spawn(function() return w:read(0.01) end):result(T))
      end
      local ready = queue()
      local p = spawn({ quiet = true }, function() local _ <close> = w:write() ready:put(1) sleep(1000) end)
      ready:get()
      p:kill()
      local hold, why = w:read()
      assert.are.equal("abandoned", why)
      hold:release()
      hold, why = w:write()
      assert.are.equal("abandoned", why)
      hold:release()
      hold, why = w:write()
      assert.is_nil(why)
      hold:release()
    end)

  it('array(n | list [, "integer"|"number"])   a[i] a[i]=v #a a:add(i,n) a:cas(i,old,new) a:fill(v) a:copy(from,to) -> list',
    function()
      local a = sandbox.array(3)
      a[1] = 4
      same({ 3, 4, 0 }, #a, a[1], a[2])
      same({ 6 }, a:add(1, 2))
      same({ true }, a:cas(1, 6, 7))
      same({ false, 7 }, a:cas(1, 6, 8))
      assert.are.same({ 7, 0 }, a:copy(1, 2))
      same({ true }, a:fill(9))
      assert.are.same({ 9, 9, 9 }, a:copy())
      same({ 0.0, "float" }, sandbox.array(1, "number")[1], math.type(sandbox.array(1, "number")[1]))
      assert.are.same({ 1, 2 }, sandbox.array({ 1, 2 }):copy())
      same({ "float" }, math.type(sandbox.array({ 1, 2 }, "number")[1]))
      same({ "integer" }, math.type(sandbox.array({ 1, 2 }, "integer")[1]))
      spawn(function() a[2] = 1 end):result(T)
      same({ 1 }, a[2])
    end)

  it("latch(n)   l:down([k])   l:wait([t])   l:count()", function()
    local l = sandbox.latch(3)
    assert.are.equal(3, l:count())
    same({ nil, "timeout" }, l:wait(0.001))
    local p = spawn(function() return l:wait() end)
    same({ 2, 0 }, l:down(), l:down(2))
    same({ true, true, 0 }, l:wait(), p:result(T), l:count())
  end)

  it("value(v)   x:get() x:set(v) x:add(n) x:update(fn) x:cas(old, new)   true, or false, current", function()
    local x = sandbox.value(1)
    x:set(5)
    same({ 5, 7 }, x:get(), x:add(2))
    assert.are.equal(14, x:update(function(n) return n * 2 end))
    same({ true }, x:cas(14, 1))
    same({ false, 1 }, x:cas(14, 2))
    x:set { a = { 1, 2 } }
    assert.are.same({ a = { 1, 2 } }, x:get())
    assert.are.equal("text", sandbox.value("text"):get())
  end)

  it("dict([t])   d[k]=v   d[k]   pairs(d)   #d   d:update(k, fn)", function()
    local d = sandbox.dict { x = 1 }
    d.y = { 2 }
    d[3] = "three"
    same({ 1, { 2 }, "three", 3 }, d.x, d.y, d[3], #d)
    assert.are.equal(2, d:update("x", function(n) return n + 1 end))
    local seen = {}
    for k, v in pairs(d) do seen[k] = v end
    assert.are.same({ x = 2, y = { 2 }, [3] = "three" }, seen)
    d.y = nil
    same({ nil, 2, 0 }, d.y, #d, #sandbox.dict())
  end)

  it("x:wait_for(predicate [,timeout])   d:wait_for(key, predicate [,timeout])   returns what fitted", function()
    local x, d = sandbox.value(1), sandbox.dict()
    same({ nil, "timeout" }, x:wait_for(function(v) return v > 1 end, 0.001))
    same({ nil, "timeout" }, d:wait_for("k", function(v) return v end, 0.001))
    local p = spawn(function() return x:wait_for(function(v) return v > 1 end), d:wait_for("k", function(v) return v end) end)
    x:add(2)
    d.k = "there"
    same({ 3, "there" }, p:result(T))
  end)

  it("d:add(key, n)   d:cas(key, old, new)   as of values", function()
    local d = sandbox.dict { n = 1 }
    same({ 4, 4, 0.5 }, d:add("n", 3), d.n, d:add("new", 0.5))
    same({ true }, d:cas("n", 4, "text"))
    same({ false, "text" }, d:cas("n", 4, 5))
    raised("not a number", d.add, d, "n", 1)
  end)

  it("every one is shared by all processes", function()
    local list = { sandbox.lock(), sandbox.rlock(), sandbox.semaphore(1), sandbox.event(), sandbox.condition(),
      sandbox.barrier(1), sandbox.latch(1), sandbox.value(1), sandbox.dict(), queue(), (sandbox.pipe()), sandbox.self() }
    local q = queue()
    local p = spawn(function() q:put(q:get()) end)
    q:put(list)
    p:join(T)
    local back = q:get(T)
    for i = 1, #list do assert.is_true(list[i] == back[i], tostring(list[i])) end
  end)
end)

describe("pools and scopes:", function()
  it("pool = sandbox.pool([n | {workers=, init=, max_tasks=, retries=, name=}])   local pool <close> = ...", function()
    local options = { workers = 2, init = function() end, max_tasks = 5, retries = 1, name = "crew" }
    for _, pool in ipairs { sandbox.pool(), sandbox.pool(2), sandbox.pool(options) } do
      local p <close> = pool
      assert.are.same({ 1, 4 }, p:map(function(x) return x * x end, { 1, 2 }))
    end
    assert.are.equal(0, #sandbox.children())
  end)

  local function square(x)
    if x < 0 then error("negative", 0) end
    return x * x
  end

  it("list = pool:map(fn, list [, chunk])   pool:starmap(fn, list [, chunk])", function()
    local pool <close> = sandbox.pool(2)
    assert.are.same({ 1, 4, 9 }, pool:map(square, { 1, 2, 3 }))
    assert.are.same({ 1, 4, 9 }, pool:map(square, { 1, 2, 3 }, 2))
    assert.are.same({ 3, 7 }, pool:starmap(add, { { 1, 2 }, { 3, 4 } }))
    assert.are.same({ 3, 7 }, pool:starmap(add, { { 1, 2 }, { 3, 4 } }, 1))
    local ok, failure = pcall(pool.map, pool, square, { 1, 2, -3 })
    same({ false, "negative", 3 }, ok, failure.message, failure.index)
  end)

  it("for i, v in pool:imap(fn, list_or_iterator [, chunk]) do end   imap_unordered", function()
    local pool <close> = sandbox.pool(2)
    local function up_to(n)
      local i = 0
      return function()
        i = i + 1
        if i <= n then return i end
      end
    end
    for _, name in ipairs { "imap", "imap_unordered" } do
      local n = 0
      for i, v in pool[name](pool, square, { 1, 2, 3 }) do
        assert.are.equal(i * i, v)
        n = n + i
      end
      for i, v in pool[name](pool, square, up_to(3), 2) do
        assert.are.equal(i * i, v)
        n = n + i
      end
      assert.are.equal(12, n)
    end
  end)

  it("f = pool:submit(fn, ...)   f:join([t])   f:result([t])   f:done()   f:cancel()", function()
    local pool <close> = sandbox.pool(1)
    local f = pool:submit(add, 1, 2)
    same({ true, 3 }, f:join())
    same({ 3, 3, true, false }, f:result(), (f:result(1)), f:done(), f:cancel())
    local gate = queue()
    local first, second = pool:submit(queue_get, gate), pool:submit(add, 1, 2)
    local third = pool:submit(add, 3, 4)
    same({ nil, "timeout" }, first:join(0))
    same({ nil, "timeout" }, first:result(0.001))
    same({ false, true }, first:done(), third:cancel())
    gate:put("go")
    same({ true, "go" }, first:join(T))
    same({ true, 3 }, second:join(T))
  end)

  it("pool:close()   pool:join([t])   pool:terminate()", function()
    local pool, other = sandbox.pool(1), sandbox.pool(1)
    local f = pool:submit(sleep, 0.05)
    local g = other:submit(sleep, 1000)
    pool:close()
    same({ nil, "timeout" }, pool:join(0))
    assert.is_true(pool:join())
    assert.is_true(f:done())
    other:terminate()
    assert.is_nil((g:join()))
  end)

  it("local g <close> = sandbox.scope([{on_error=}])   g:spawn(fn, ...)", function()
    local p
    do
      local g <close> = sandbox.scope()
      p = g:spawn(add, 1, 2)
    end
    same({ "done", 3 }, p:status(), p:result())
    local long, ended
    raised("no", function()
      local g <close> = sandbox.scope { on_error = "stop" }
      long = g:spawn(sleep, 1000)
      g:spawn({ name = "bad" }, error, "no", 0)
    end)
    assert.is_false(long:alive())
    raised("no", function()
      local g <close> = sandbox.scope { on_error = "wait" }
      g:spawn(error, "no", 0)
      ended = g:spawn(sleep, 0.02)
    end)
    assert.are.equal("done", ended:status())
  end)
end)

describe("time:", function()
  it("sleep(s)   sandbox.now()   sandbox.time()", function()
    local now, time = sandbox.now(), sandbox.time()
    sleep(0.01)
    assert.is_true(sandbox.now() - now >= 0.01)
    assert.is_true(math.abs(time - os.time()) < 60)
  end)
end)

describe("many processes, and processes that talk:", function()
  it("t = sandbox.team(n, fn, ...)   t[i]   #t   t:join([timeout])   t:results([timeout])   t:kill()", function()
    local t = sandbox.team(3, add, 10)
    same({ 3, "sandbox.process" }, #t, getmetatable(t[2]).__name)
    same({ true, true }, t:join(), (t:join(T)))
    assert.are.same({ 11, 12, 13, n = 3 }, t:results())
    assert.are.same({ 11, 12, 13, n = 3 }, t:results(T))
    t = sandbox.team(2, function() sleep(1000) end)
    same({ nil, "timeout" }, t:join(0))
    assert.is_true(t:kill())
  end)

  it("g:team(n, fn, ...)", function()
    local t
    do
      local g <close> = sandbox.scope()
      t = g:team(2, add, 1)
    end
    assert.are.same({ 2, 3, n = 2 }, t:results(0))
  end)

  it("p:send(v)   v, from = sandbox.receive([timeout | predicate [,timeout]])", function()
    local me = sandbox.self()
    local p = spawn(function() me:send((sandbox.receive()) + 1) end)
    p:send(1)
    same({ 2, p }, sandbox.receive())
    for i = 1, 4 do me:send(i) end
    same({ 1, me }, sandbox.receive(T))
    same({ 3, me }, sandbox.receive(function(v) return v == 3 end))
    same({ 4, me }, sandbox.receive(function(v) return v > 2 end, T))
    same({ 2, me }, sandbox.receive(0))
    same({ nil, "timeout" }, sandbox.receive(0))
  end)

  it("sandbox.find(name [,timeout])", function()
    local p = spawn({ name = "wanted" }, function() return (sandbox.receive()) end)
    same({ p, p }, sandbox.find("wanted"), (sandbox.find("wanted", T)))
    p:send("done")
    same({ "done" }, p:result(T))
  end)

  it("answer... = q:call(request [,timeout])   for request, reply in q:calls([timeout]) do reply(answer...) end", function()
    local q = queue()
    local p = spawn(function() for request, reply in q:calls(T) do reply(request, "answer") end end)
    same({ 1, "answer" }, q:call(1))
    same({ 2, "answer" }, q:call(2, T))
    q:close()
    p:join(T)
  end)
end)

describe("more ways to wait:", function()
  it("m = sandbox.monitor({...})   ... = m:when(predicate, action [,timeout])", function()
    local m = sandbox.monitor({ n = 1 })
    local function ready(f) return f.n > 0 end
    same({ "took", 0 }, m:when(ready, function(f)
      f.n = f.n - 1
      return "took", f.n
    end))
    same({ nil, "timeout" }, m:when(ready, print, 0))
  end)

  it("topic()   t:publish(v)   local s <close> = t:subscribe([max])   s:get([t])   s:items([t])", function()
    local t = sandbox.topic()
    local s <close> = t:subscribe()
    local bounded <close> = t:subscribe(2)
    t:publish("a")
    t:publish("b")
    same({ "a", "b" }, s:get(), (s:get(T)))
    for v in bounded:items(T) do
      if v == "b" then break end
    end
  end)

  it("queue(0)   no room: put returns when a reader has the item", function()
    local q = queue(0)
    same({ nil, "timeout" }, q:put("nobody waits", 0.001))
    local p = spawn(function() return q:get() end)
    assert.is_true(q:put("taken"))
    same({ "taken", 0 }, p:result(T), #q)
  end)

  it("sandbox.every(s)   sandbox.deadline(s)", function()
    same({ 1 }, (sandbox.select { sandbox.every(0.001) }))
    same({ nil, "timeout" }, queue():get(sandbox.deadline(0.001)))
  end)

  it("k, ... = sandbox.select { news = q1, mail = q2 }; tasks of pools, too", function()
    local q1, q2 = queue(), queue()
    local pool <close> = sandbox.pool(1)
    q2:put("letter")
    same({ "mail", "letter" }, sandbox.select { news = q1, mail = q2 })
    same({ "sum", true, 3 }, sandbox.select { news = q1, sum = pool:submit(add, 1, 2) })
  end)

  it("pool:submit({timeout=}, f, ...)   sandbox.pool{task_timeout=}   t:kill()   sandbox.scope{deadline=}   g:stop()", function()
    local pool <close> = sandbox.pool { workers = 1, task_timeout = T }
    same({ 3 }, pool:submit({ timeout = T }, add, 1, 2):result())
    local t = pool:submit(sleep, 1000)
    assert.is_true(t:kill())
    local g <close> = sandbox.scope { deadline = T }
    local p = g:spawn(sleep, 1000)
    assert.is_true(g:stop())
    assert.is_false(p:alive())
  end)
end)
