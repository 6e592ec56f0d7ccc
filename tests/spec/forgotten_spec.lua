-- A process that ends with a lock in its hands says so, whatever the end; nobody else does.
local script = require "support.script"

-- What a script says on stderr, with "x.lua" for its name; it must end with `status`.
local function said(text, status)
  local r = script.run(text)
  assert.are.equal(status or 0, r.status, r.err)
  return (r.err:gsub(r.name:gsub("%W", "%%%0"), "x.lua"))
end

describe("a lock that is not released is told when its process ends:", function()
  local HELD = {
    ["a process that returns"] = {
      "writer#2 ended and still held lock 'ledger', acquired at x.lua:2", [[
      local l = sandbox.lock { name = "ledger" } spawn({ name = "writer" }, function()
        l:acquire()
      end):join()
    ]] },
    ["a lock without a name, taken twice"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:2", [[
      local l = sandbox.rlock() spawn({ name = "p" }, function()
        l:acquire()
        l:acquire()
        l:acquire() l:release()
      end):join()
    ]] },
    ["main"] = {
      "main ended and still held lock#1, acquired at x.lua:2", "local l = sandbox.lock()\nl:acquire()" },
    ["main, which leaves by os.exit"] = {
      "main ended and still held lock#1, acquired at x.lua:2", "local l = sandbox.lock()\nl:acquire() os.exit(true, true)" },
    ["main, whose handle is collected before"] = {
      "main ended and still held lock#1, acquired at x.lua:2", [[
      do
        local l = sandbox.lock() l:acquire()
        spawn({ name = "p" }, function() l:acquire() l:release() end)
      end
      collectgarbage()
      collectgarbage()
    ]] },
    ["a process that leaves by os.exit"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:1",
      "local l = sandbox.lock() spawn({ name = 'p' }, function() l:acquire() os.exit(0) end):join()" },
    ["a condition's lock"] = {
      "p#2 ended and still held lock 'c', acquired at x.lua:1",
      "local c = sandbox.condition { name = 'c' } spawn({ name = 'p' }, function() c:acquire() end):join()" },
    ["a condition's lock, after a wait"] = {
      "p#2 ended and still held lock 'c', acquired at x.lua:4", [[
      local c, waits = sandbox.condition { name = "c" }, sandbox.event()
      local p = spawn({ name = "p" }, function()
        c:acquire() waits:set()
        c:wait()
      end)
      waits:wait() c:acquire() c:notify() c:release() p:join()
    ]] },
    ["a hold that nothing closes"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:1",
      "local l = sandbox.lock() spawn({ name = 'p' }, function() local _ = l:hold() end):join()" },
    ["a call through pcall"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:1",
      "local l = sandbox.lock() spawn({ name = 'p' }, function() pcall(l.acquire, l) end):join()" },
    ["a call in a coroutine"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:2", [[
      local l = sandbox.lock() spawn({ name = "p" }, coroutine.wrap(function()
        l:acquire()
      end)):join()
    ]] },
    ["a tail call"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:2", [[
      local l = sandbox.lock() local function take()
        return l:acquire()
      end
      spawn({ name = "p" }, function() take() end):join()
    ]] },
    ["a function that C calls"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:2", [[
      local l = sandbox.lock() spawn({ name = "p" }, function() return (("x"):gsub(".", function()
        l:acquire()
      end)) end):join()
    ]] },
    ["a metamethod"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:2", [[
      local l = sandbox.lock() spawn({ name = "p" }, function()
        local _ = setmetatable({}, { __index = function() l:acquire() end }).x
      end):join()
    ]] },
    ["a lock that was waited for"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:2", [[
      local l, p = sandbox.lock() l:acquire() p = spawn({ name = "p" }, function()
        l:acquire()
      end)
      repeat until tostring(l):find "waiting"
      l:release() p:join()
    ]] },
    ["a lock that select took, later than acquire did"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:3", [[
      local l = sandbox.lock() spawn({ name = "p" }, function()
        l:acquire() l:release()
        sandbox.select { queue(), l }
      end):join()
    ]] },
    ["a lock that select waited for, with a task of a pool"] = {
      "p#2 ended and still held lock#1, acquired at x.lua:3", [[
      local l, p = sandbox.lock() l:acquire() p = spawn({ name = "p" }, function()
        local pool <close> = sandbox.pool(1) local task = pool:submit(sleep, 1000)
        sandbox.select { task, l }
        pool:terminate()
      end)
      repeat until tostring(l):find "waiting"
      l:release() p:join()
    ]] },
    ["an update of a value"] = {
      "p#2 ended inside an update of value 'v', begun at x.lua:1", "local v = sandbox.value(0, { name = 'v' }) " ..
      "spawn({ name = 'p' }, function() v:update(function() os.exit(0) end) end):join()" },
    ["an update of a dict"] = {
      "p#2 ended inside an update of dict#1, begun at x.lua:1", "local d = sandbox.dict() " ..
      "spawn({ name = 'p' }, function() d:update('k', function() os.exit(0) end) end):join()" },
  }
  for name, case in pairs(HELD) do
    it(name, function() assert.are.equal("sandbox: warning: " .. case[1] .. "\n", said(case[2])) end)
  end

  it("several locks, each", function()
    local err = said "local a, b = sandbox.lock { name = 'a' }, sandbox.lock { name = 'b' } a:acquire() b:acquire()"
    assert.are.equal("sandbox: warning: main ended and still held lock 'a', acquired at x.lua:1\n" ..
      "sandbox: warning: main ended and still held lock 'b', acquired at x.lua:1\n", err)
  end)

  it("that of a process that failed", function()
    local err = said [[
      local l = sandbox.lock()
      local _, failure = spawn({ name = "p" }, function() l:acquire() error "oops" end):join()
      assert(failure.message:find "oops")
    ]]
    assert.is_truthy(err:find("sandbox: warning: p#2 ended and still held lock#1, acquired at x.lua:2\n", 1, true), err)
  end)

  it("a process that a signal ended, beside the signal", function()
    local err = said([[
      local l = sandbox.lock { name = "ledger" }
      spawn({ name = "p" }, function() l:acquire() os.execute("kill -9 " .. sandbox.getpid()) sleep(10) end)
      local stop = sandbox.now() + 10
      repeat local f <close> = io.open("/proc/self/fd/2") until f:read("a") ~= "" or sandbox.now() > stop
      l:acquire() l:release()
    ]], 3)
    assert.is_truthy(err:find("was killed by signal 9 (Killed); spawned at x.lua:2; it still held lock 'ledger', acquired at " ..
      "x.lua:2\n", 1, true), err)
  end)
end)

describe("nothing is told of", function()
  local QUIET = {
    ["a lock that was released"] = "local l = sandbox.lock() l:acquire() l:release()",
    ["a hold that is closed"] = "local l = sandbox.lock() spawn(function() local _ <close> = l:hold() end):join()",
    ["a hold that an error closes"] =
      "local l = sandbox.lock() spawn(function() pcall(function() local _ <close> = l:hold() error 'x' end) end):join()",
    ["a hold, and os.exit"] = "local l = sandbox.lock() spawn(function() local _ <close> = l:hold() os.exit(0) end):join()",
    ["a hold of main, and os.exit"] = "local l = sandbox.lock() local _ <close> = l:hold() os.exit(0)",
    ["a lock of the parent"] = "local l = sandbox.lock() l:acquire() spawn(function() end):join() l:release()",
    ["a semaphore, which nobody owns"] = "local s = sandbox.semaphore(1) spawn(function() s:acquire() end):join()",
    ["a quiet process"] = "local l = sandbox.lock() spawn({ quiet = true }, function() l:acquire() end):join()",
    ["a process that the script killed"] = [[
      local l, held = sandbox.lock(), sandbox.event()
      local p = spawn(function() l:acquire() held:set() sleep(100) end)
      held:wait() p:kill() p:join()
    ]],
  }
  for name, text in pairs(QUIET) do
    it(name, function() assert.are.equal("", said(text)) end)
  end

  it("a process that the script interrupted", function()
    local err = said [[
      local l, held = sandbox.lock(), sandbox.event()
      local p = spawn(function() l:acquire() held:set() sleep(100) end)
      held:wait() p:interrupt() p:join()
    ]]
    assert.is_nil(err:find("ended and still held", 1, true), err)
  end)

  it("a run that a deadlock ends", function()
    local err = said("local l = sandbox.lock() l:acquire() queue():get()", 4)
    assert.is_nil(err:find("ended and still held", 1, true), err)
  end)
end)
