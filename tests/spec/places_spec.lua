-- A place that is named is a line of the script, whatever runs: never one of the library's own Lua, and never "?".
local script = require "support.script"

-- Each stands on line 2 of a script, and waits until it is interrupted. "workers" has idle ones; what stands there is not named.
local WAITS = {
  ["a function of the library, spawned"] = "spawn(sleep, 1000)",
  ["the same in a coroutine"] = "spawn(coroutine.wrap(sleep), 1000)",
  ["a coroutine that is a function of the library"] = "spawn(function() coroutine.wrap(sleep)(1000) end)",
  ["a method, spawned"] = "local q = queue() spawn(q.get, q)",
  ["a function of the library's Lua, spawned"] = "spawn(sandbox.join_all, { spawn(sleep, 1000) })",
  ["join_all"] = "local p = spawn(sleep, 1000) spawn(function() sandbox.join_all { p } end)",
  ["as_completed"] = "local p = spawn(sleep, 1000) spawn(function() for _ in sandbox.as_completed { p } do end end)",
  ["select"] = "local q = queue() spawn(function() sandbox.select { q, sandbox.after(1000) } end)",
  ["a scope that closes"] = "spawn(function() local g <close> = sandbox.scope() g:spawn(sleep, 1000) end)",
  ["a map"] = "spawn(function() sandbox.pool(2):map(sleep, { 1000, 1000 }) end)",
  ["an imap"] = "spawn(function() for _ in sandbox.pool(2):imap(sleep, { 1000 }) do end end)",
  ["a task that is waited for"] = "spawn(function() sandbox.pool(2):submit(sleep, 1000):result() end)",
  ["idle workers"] = "sandbox.pool(2):map(tostring, { 1, 2 })",
  ["pcall of a method"] = "spawn(function() pcall(sandbox.event().wait, sandbox.event()) end)",
  ["a wait_for"] = "spawn(function() local c = sandbox.condition() c:acquire() c:wait_for(function() end) end)",
  ["a finalizer"] = "spawn(function() setmetatable({}, { __gc = function() sleep(1000) end }) collectgarbage() end)",
  ["table.sort"] = "spawn(function() table.sort({ 1, 2, 3 }, function() sleep(1000) end) end)",
}

local function check(err)
  assert.is_nil(err:find("[sandbox ", 1, true), err)
  assert.is_nil(err:find("%f[%w]at %?"), err)
  assert.is_nil(err:find("%? *%("), err)
end

describe("the places in the summary of an interrupted run:", function()
  local running = {}
  setup(function()
    for name, text in pairs(WAITS) do
      running[name] = spawn(function()
        local r = script.signalled_until("--\n" .. text .. "\nprint('go') io.stdout:flush() sleep(1000)", "go",
          "sleep 1; kill -INT $super", function(r) return r.err:find "interrupted: main in sleep at " end)
        return { err = r.err, name = r.name, out = r.out }
      end)
    end
  end)
  for name in pairs(WAITS) do
    it(name, function()
      local r = running[name]:result()
      assert.are.equal("go\n", r.out, r.err)
      assert.is_truthy(r.err:find("interrupted: main in sleep at " .. r.name .. ":3", 1, true), r.err)
      check(r.err)
      for place in r.err:gmatch(" in [%w_]+[^\n;]- at ([^;\n]+)") do
        assert.is_truthy(place:find("^" .. r.name:gsub("%W", "%%%0") .. ":[23]"), place .. " in " .. r.err)
      end
    end)
  end
end)

describe("the place of an error of misuse:", function()
  local MISUSES = {
    "sandbox.pool(-1)", "sandbox.pool { worker = 1 }", "sandbox.pool(1):map()", "sandbox.pool(1):map(print, 1)",
    "sandbox.pool(1):imap()", "sandbox.pool(1):submit()", "sandbox.pool(1):starmap(print)", "sandbox.scope(1)",
    "sandbox.scope { on_error = 1 }", "sandbox.join_all()", "sandbox.join_all { 1 }", "sandbox.as_completed()",
    "sandbox.select()", "sandbox.select { 1 }", "sandbox.process()", "spawn()", "queue(-1)", "sandbox.lock(1)",
    "sandbox.lock():release()", "sandbox.condition():wait()", "sandbox.value(print):get(1, 2, coroutine.create(print))",
    "sandbox.value(1):update()", "sandbox.semaphore(1):release(-1)", "sandbox.barrier(0)", "sleep('x')",
  }
  for _, call in ipairs(MISUSES) do
    it(call, function()
      local text = ([[
        local function try(f) local ok, e = pcall(f) if not ok then print(e) end end
        local function call()
          CALL
        end
        try(call)
        try(coroutine.wrap(call))
        print(spawn({ quiet = true }, call):join())
      ]]):gsub("CALL", (call:gsub("%%", "%%%%")))
      local r = script.run(text)
      assert.are.equal(0, r.status, r.err)
      for line in r.out:gmatch "[^\n]+" do
        check(line)
        if not line:find "^true" then assert.is_truthy(line:find(r.name .. ":3: ", 1, true), line) end
      end
    end)
  end
end)

describe("a traceback", function()
  -- What fails, on line 2 or in what is called there.
  local FAILS = {
    "sandbox.join_all { 1 }", "sandbox.pool(0)", "sandbox.pool(1):join()", "sandbox.scope { on_error = 1 }", "sandbox.scope():spawn(1)",
    "for _ in sandbox.as_completed({ spawn({ daemon = true }, sleep, 1000) }, 0) do end", "sandbox.pool(1):map(print, { coroutine.create(print) })",
    "for _ in sandbox.pool(1):imap(print, function() error('none') end) do end", "for _ in sandbox.pool(1):imap(sleep, { 0.3 }, 1, 0) do end",
    "sandbox.pool(1):submit(print, coroutine.create(print))", "sandbox.pool(1):submit(error, 'task'):result()", "sleep {}", "spawn(1)", "queue('x')",
    "queue_put(1)", "queue_get(1)", "join(1)",
  }
  local CALLERS = {
    main = "f()", ["a process"] = "spawn(f)", ["a coroutine"] = "coroutine.wrap(f)()", ["a task"] = "sandbox.pool(1):submit(f)",
    ["an item"] = "sandbox.pool(1):map(f, { 1 })",
  }
  for caller, call in pairs(CALLERS) do
    it("shows no call of the library's own, and each function by one name: " .. caller, function()
      for _, fails in ipairs(FAILS) do
        local r = script.run("local function f()\n" .. fails .. "\nend\n" .. call)
        assert.is_truthy(r.err:find("\nstack traceback:\n", 1, true), fails .. r.err)
        assert.is_nil(r.err:find("[sandbox ", 1, true), fails .. r.err)
        assert.is_nil(r.err:find("field 'raise'", 1, true), fails .. r.err)
        for _, name in ipairs { "spawn", "join", "queue", "queue_put", "queue_get", "sleep" } do
          assert.is_nil(r.err:find("'sandbox." .. name .. "'", 1, true), fails .. r.err)
        end
      end
    end)
  end
end)

it("a pool's owner that lacks descriptors fails at the script's line", function()
  for _, limit in ipairs { 28, 46 } do
    local r = script.run([[
      local pool <close> = sandbox.pool(2)
      local ok, e = pcall(pool.map, pool, function() return queue() end, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
      if not ok then io.stderr:write(tostring(e), "\n") end
    ]], { shell = "( ulimit -n " .. limit .. "; %s )" })
    assert.is_truthy(r.err:find("too many open files", 1, true), limit .. r.err)
    check(r.err)
  end
end)
