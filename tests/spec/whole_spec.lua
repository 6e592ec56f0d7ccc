-- A process is a whole Lua program: its function is the main thread, its end closes what it opened.
local script = require "support.script"
local T = 20

local function result(fn, ...) return spawn(fn, ...):result(T) end

-- The ways to come to run in a process: each calls fn in one and returns its results.
local ways = {
  spawn = result,
  ["spawn in a coroutine"] = function(fn) return coroutine.wrap(function() return result(fn) end)() end,
  ["spawn in a coroutine in a process"] = function(fn)
    return result(function() return coroutine.wrap(function() return coroutine.wrap(result)(fn) end)() end)
  end,
  ["spawn in a callback"] = function(fn)
    local out
    local function less(a, b)
      out = out or table.pack(result(fn))
      return a < b
    end
    string.gsub("x", "x", function() table.sort({ 1, 2 }, less) end)
    return table.unpack(out, 1, out.n)
  end,
  ["spawn in a metamethod"] = function(fn)
    return table.unpack((setmetatable({}, { __index = function() return { result(fn) } end })).x)
  end,
  ["spawn below a hook"] = function(fn)
    local out
    debug.sethook(function() debug.sethook() out = table.pack(result(fn)) end, "l")
    for _ = 1, 1 do end
    return table.unpack(out, 1, out.n)
  end,
  ["sandbox.process"] = function(fn) return sandbox.process { target = fn }:start():result(T) end,
  ["a scope"] = function(fn)
    local g <close> = sandbox.scope()
    return g:spawn(fn):result(T)
  end,
  ["a task of a pool"] = function(fn)
    local pool <close> = sandbox.pool(1)
    return pool:submit(fn):result(T)
  end,
  ["a map of a pool"] = function(fn)
    local pool <close> = sandbox.pool(1)
    return table.unpack(pool:map(function() return table.pack(fn()) end, { {} })[1])
  end,
}

local function each(fn, check)
  for name, way in pairs(ways) do check(table.pack(way(fn)), name) end
end

describe("the function of a process", function()
  it("is the main thread", function()
    each(function()
      local co, main = coroutine.running()
      local inside = coroutine.wrap(function()
        local own, first = coroutine.running()
        return own ~= co and not first and coroutine.isyieldable() and coroutine.status(co) == "normal"
          and not coroutine.isyieldable(co)
      end)
      return main, coroutine.isyieldable(), inside(), coroutine.status(co), debug.getregistry()[1] == co,
        co == coroutine.running()
    end, function(got, name) assert.are.same({ true, false, true, "running", true, true, n = 6 }, got, name) end)
  end)

  it("cannot yield, be resumed or closed, and goes on", function()
    each(function()
      local main = coroutine.running()
      local _, yield = pcall(coroutine.yield, 1)
      local _, close = pcall(coroutine.close, main)
      local _, resume = coroutine.resume(main)
      local from_inside = coroutine.wrap(function()
        local _, c = pcall(coroutine.close, main)
        local _, r = coroutine.resume(main)
        return c, r
      end)
      return yield, close, resume, from_inside()
    end, function(got, name)
      assert.are.same({ "attempt to yield from outside a coroutine", "cannot close a running coroutine",
        "cannot resume non-suspended coroutine", "cannot close a normal coroutine",
        "cannot resume non-suspended coroutine", n = 5 }, got, name)
    end)
  end)

  it("yields across its coroutines, and not across a C call in them", function()
    assert.are.same({ 1, 2, "attempt to yield across a C-call boundary" }, result(function()
      local wrapped = coroutine.wrap(function()
        coroutine.yield(pcall(coroutine.yield, 1) and 2)
        local _, why = pcall(table.sort, { 1, 2 }, coroutine.yield)
        return why
      end)
      return { wrapped(), wrapped(), wrapped() }
    end))
  end)

  it("can be hooked", function()
    each(function()
      local lines, calls = 0, 0
      debug.sethook(function(event) if event == "line" then lines = lines + 1 else calls = calls + 1 end end, "lc")
      local f, mask = debug.gethook()
      local function g() end
      g()
      debug.sethook()
      return lines >= 3, calls >= 1, type(f), #mask, debug.gethook()
    end, function(got, name) assert.are.same({ true, true, "function", 2 }, { table.unpack(got, 1, 4) }, name)
      assert.is_nil(got[5]) end)
  end)

  it("has the hook of the thread that spawned it", function()
    local n = 0
    local function hook() n = n + 1 end
    local function child()
      local before = n
      for _ = 1, 3 do before = before + 0 end
      local f, mask, count = debug.gethook()
      return n > before, f == hook, mask, count
    end
    debug.sethook(hook, "l")
    local main = table.pack(result(child))
    local grandchild = table.pack(result(result, child))
    local co = table.pack(coroutine.wrap(function() return result(child) end)())
    debug.sethook()
    assert.are.same({ true, true, "l", 0, n = 4 }, main)
    assert.are.same({ true, true, "l", 0, n = 4 }, grandchild)
    assert.are.same({ false, false, n = 4 }, { co[1], co[2], n = 4 }) -- Lua's coroutines inherit no function of a hook
    assert.are.same({ false, false, n = 4 }, table.pack(result(child)))
    debug.sethook(hook, "", 7)
    local counting = table.pack(result(function() return select(2, debug.gethook()) end))
    debug.sethook()
    assert.are.same({ "", 7, n = 2 }, counting)
  end)

  it("stands at the end of the stack: no traceback, no level shows its parent", function()
    each(function()
      local level = 1
      while debug.getinfo(level, "S") do level = level + 1 end
      local _, message = pcall(error, "x", 200)
      return not debug.traceback():find("busted", 1, true), message, level < 20
    end, function(got, name) assert.are.same({ true, "x", true, n = 3 }, got, name) end)
  end)

  it("has a stack of its own, however deep its parent's is", function()
    local function down(n, fn) if n == 0 then return fn() end return 1 + down(n - 1, fn) end
    assert.are.equal(150000, down(50000, function()
      return result(function() return down(100000, function() return 0 end) end)
    end))
  end)
end)

it("a process collects while it runs in a coroutine of its parent's, and can fail then", function()
  local function fail() collectgarbage() collectgarbage() error("as it should", 0) end
  local function within() return select(2, spawn({ quiet = true }, fail):join(T)).message end
  local function coroutines(fn) return coroutine.wrap(function() return coroutine.wrap(fn)() end)() end
  assert.are.equal("as it should", result(coroutines, function() return result(coroutines, within) end))
end)

describe("C calls", function()
  -- n nested calls of one kind, then fn
  local nest = {
    gsub = function(n, again) return (("x"):gsub("x", function() return again(n) end)) end,
    sort = function(n, again) table.sort({ 1, 2 }, function() again(n) return false end) end,
    metamethod = function(n, again) return setmetatable({}, { __index = function() return again(n) end }).x end,
    concat = function(n, again) return setmetatable({}, { __concat = function() return again(n) end }) .. "" end,
    close = function(n, again) local _ <close> = setmetatable({}, { __close = function() again(n) end }) end,
    pcall = function(n, again) assert(pcall(again, n)) end,
    coroutine = function(n, again) assert(coroutine.resume(coroutine.create(again), n)) end,
    wrap = function(n, again) return coroutine.wrap(again)(n) end,
    tostring = function(n, again)
      return tostring(setmetatable({}, { __tostring = function() again(n) return "" end }))
    end,
    load = function(n, again) return load(function() again(n) end) end,
    require = function(n, again)
      package.preload["nested" .. n] = function() package.loaded["nested" .. n] = nil again(n) end
      require("nested" .. n)
    end,
  }

  local function deep(kind, n, fn)
    local function again(k)
      if k == 0 then fn() else nest[kind](k - 1, again) end
    end
    again(n)
  end

  it("below nested spawns end in an error, and never in a crash", function()
    for kind in pairs(nest) do
      local n = kind == "close" and 90 or 150
      local function down(k)
        if k == 0 then return end
        local p = spawn({ quiet = true }, deep, kind, n, function() down(k - 1) end)
        local ok, failure = p:join(100)
        if not ok then error(failure.message, 0) end
      end
      local ok, message = pcall(down, 25)
      assert.is_true(ok or message:find("C stack overflow", 1, true) ~= nil, kind .. ": " .. tostring(message):sub(-60))
      if kind == "gsub" then assert.is_false(ok) end
    end
  end)

  it("nest in each process as deep as in any", function()
    local function depth()
      local n = 0
      local function again() n = n + 1 return (("x"):gsub("x", again)) end
      local _, message = pcall(again)
      return n, message
    end
    local here = depth()
    local there, message
    deep("gsub", 150, function() there, message = result(depth) end)
    assert.is_true(there >= here, here .. " and " .. there)
    assert.is_truthy(message:find("C stack overflow", 1, true))
  end)

  it("are no obstacle to a long chain of processes", function()
    local function chain(k) return k == 0 and 0 or 1 + spawn(chain, k - 1):result(100) end
    assert.are.equal(60, chain(60))
  end)
end)

-- Runs the text after a prefix; c(name, fn): a value to be closed, g(name): a table with a finalizer. Each tells when.
local function run(text)
  local r = script.run([[
    function c(name, fn)
      return setmetatable({}, { __close = function(_, e) print("close", name, e) if fn then fn() end end })
    end
    function g(name, fn) return setmetatable({}, { __gc = function() print("gc", name) if fn then fn() end end }) end
    local function quietly(fn, ...) return spawn({ quiet = true }, fn, ...):join(20) end
  ]] .. text)
  return r.out, r.err, r.status
end

describe("a name that is too long", function()
  it("is cut at a character, with an ellipsis, of whatever it is", function()
    local function own_name() return sandbox.self().name end
    local long, cut = ("ä"):rep(40), ("ä"):rep(22) .. "…"
    assert.are.equal(cut, spawn({ name = long }, own_name):result(T))
    assert.are.equal(cut, sandbox.process({ name = long, target = print }).name)
    for _, object in ipairs { queue { name = long }, sandbox.lock { name = long }, sandbox.dict({}, { name = long }) } do
      assert.is_truthy(tostring(object):find(": " .. cut .. "#", 1, true), tostring(object))
    end
    assert.are.equal(("x"):rep(47), spawn({ name = ("x"):rep(47) }, own_name):result(T))
  end)
end)

describe("os.exit", function()
  it("with a wrong argument says where, and what it is called", function()
    for _, call in ipairs { "os.exit({})", "os.exit('x')", "spawn({ quiet = true }, function() os.exit({}) end):result()" } do
      local r = script.run(call)
      assert.are.equal(1, r.status)
      assert.is_truthy(r.err:find("^sandbox: %S+:1: bad argument #1 to '[os.]*exit' %(number expected, got %a+%)"), r.err)
    end
  end)
end)

describe("__close", function()
  it("that raises replaces the error, as in pcall", function()
    local function fn(how)
      local function raiser(with)
        local function close(_, e) error(with .. (e and " after " .. tostring(e) or ""), 0) end
        return setmetatable({}, { __close = close })
      end
      local _ <close> = raiser "third"
      local _ <close> = raiser "second"
      if how == "error" then error("first", 0) end
      if how == "yield" then coroutine.yield() end
      if how == "os.exit" then os.exit({}) end
    end
    for _, how in ipairs { "error", "return", "yield", "os.exit" } do
      local _, expected = pcall(fn, how)
      if how == "yield" then expected = "third after second after attempt to yield from outside a coroutine" end
      local ok, failure = spawn({ quiet = true }, fn, how):join(T)
      assert.are.same({ nil, expected, expected }, { ok, failure.message, failure.value }, how)
      assert.is_truthy(failure.traceback:find("whole_spec", 1, true), how)
    end
  end)

  it("gets the value that was raised, and join tells another one", function()
    local value = setmetatable({ code = 1 }, { __tostring = function() return "one" end })
    local ok, failure = spawn({ quiet = true }, function()
      local _ <close> = setmetatable({}, { __close = function(_, e)
        assert(e == value)
        error({ code = e.code + 1 })
      end })
      error(value)
    end):join(T)
    assert.are.same({ nil, { code = 2 } }, { ok, failure.value })
  end)

  it("runs at os.exit(code, true), whatever called it", function()
    local out, err = run [[
      local function leave(how)
        local a <close> = c "a"
        local b <close> = c("b", function() error("to a", 0) end)
        local function exit() local d <close> = c "d" os.exit(5, true) end
        if how == "coroutine" then
          coroutine.wrap(function() local no <close> = c "of a coroutine: not closed, as in lua" exit() end)()
        elseif how == "pcall" then pcall(exit)
        elseif how == "gsub" then ("x"):gsub("x", exit)
        else exit() end
      end
      for _, how in ipairs { "plain", "coroutine", "pcall", "gsub" } do
        print(how, select(2, quietly(leave, how)).exitcode)
      end
      print(select(2, quietly(function() local a <close> = c "a" os.exit(6) end)).exitcode)
      print(quietly(function() local a <close> = c "a" os.exit(true, true) end))
      local mine <close> = c "the parent's"
      quietly(function() os.exit(0, true) end)
      print "end"
    ]]
    local all = "close\td\tnil\nclose\tb\tnil\nclose\ta\tto a\n"
    assert.are.equal(all .. "plain\t5\n" .. "close\tb\tnil\nclose\ta\tto a\n" .. "coroutine\t5\n" ..
      all .. "pcall\t5\n" .. all .. "gsub\t5\n" .. "6\nclose\ta\tnil\ntrue\nend\nclose\tthe parent's\tnil\n", out, err)
  end)

  it("runs at os.exit(code, true) in a coroutine that is collected meanwhile", function()
    local out, err = run [[
      print(quietly(function()
        collectgarbage("stop") -- but for those below
        local pool <close> = sandbox.pool(1)
        local _ <close> = c("x", function() for _ = 1, 3 do collectgarbage() end end)
        g("y", function() for _ = 1, 3 do collectgarbage() end end)
        coroutine.wrap(function() coroutine.wrap(os.exit)(true, true) end)()
      end))
    ]]
    assert.are.equal("close\tx\tnil\ngc\ty\ntrue\n", out, err)
  end)

  it("waits at os.exit(code, true), and ends its children", function()
    local out, err = run [[
      print(quietly(function()
        local q = queue()
        local w = spawn(function() for v in q:items() do print("got", v) end end)
        local _ <close> = c("q", function() q:put "last" q:close() end)
        os.exit(0, true)
      end))
    ]]
    assert.are.equal("close\tq\tnil\ngot\tlast\ntrue\n", out, err)
  end)
end)

describe("finalizers", function()
  it("of what a process made run at its end, the youngest first; those of its parent's never", function()
    local body = {
      ["return"] = "return 1", ["error"] = "error 'x'", ["os.exit(true, true)"] = "os.exit(true, true)",
      ["an interrupt"] = "sandbox.self():interrupt() sleep(20)",
      ["the end of a coroutine"] = "coroutine.wrap(function() one = nil end)()",
    }
    for name, text in pairs(body) do
      local out, err = run(([[
        local parents = g "parent's"
        parents_too = g "parent's, too"
        quietly(function()
          one = g "one"
          local two = g "two"
          setmetatable({}, { kept = g "three" })
          setmetatable(parents, getmetatable(parents))
          %s
        end)
        print "joined"
        os.exit(0)
      ]]):format(text))
      assert.are.equal("gc\tthree\ngc\ttwo\ngc\tone\njoined\n", out, name .. err)
    end
  end)

  it("run once, also of an object that got a metatable twice, and after a collection", function()
    local out, err = run [[
      quietly(function()
        local a = g "a"
        setmetatable(a, getmetatable(a)) setmetatable(a, nil) setmetatable(a, { __gc = function() print "a again" end })
        local late = setmetatable({}, {})
        getmetatable(late).__gc = function() print "late" end
        setmetatable(late, getmetatable(late))
        setmetatable(late, getmetatable(late))
        for i = 1, 3 do g("collected " .. i) end
        collectgarbage() collectgarbage()
        print "end"
      end)
    ]]
    assert.are.equal("gc\tcollected 3\ngc\tcollected 2\ngc\tcollected 1\nend\nlate\na again\n", out, err)
  end)

  it("are not run by os.exit without true, as in lua; grandchildren run their own", function()
    local out, err = run [[
      quietly(function() one = g "one" os.exit(0) end)
      quietly(function()
        one = g "one"
        quietly(function() two = g "two" end)
        print "grandchild joined"
      end)
      os.exit(0)
    ]]
    assert.are.equal("gc\ttwo\ngrandchild joined\ngc\tone\n", out, err)
  end)

  it("run once, too, when one of them ends the process", function()
    local out, err = run [[
      for _, close in ipairs { true, false } do
        print(select(2, quietly(function()
          one = g "one"
          two = g("two", function() os.exit(5, close) end)
          three = g("three", function() os.exit(6, close) end)
        end)).exitcode)
      end
    ]]
    assert.are.equal("gc\tthree\ngc\ttwo\ngc\tone\n5\ngc\tthree\n6\n", out, err)
  end)

  it("that fail are warnings, and keep neither others nor the result from it", function()
    local r = script.run([[
      print(spawn(function()
        local q = queue()
        a = setmetatable({}, { __gc = function()
          for _ = 1, 3 do collectgarbage() end
          q:put { "x" }
          print(q:get()[1], spawn(function() return 7 end):result())
        end })
        b = setmetatable({}, { __gc = function() error "broken" end })
        c = setmetatable({}, { __gc = true })
        local late = queue()
        late:put("the result")
        return { late, q }
      end):result()[1]:get())
    ]], { args = "-W" })
    assert.are.equal("x\t7\nthe result\n", r.out, r.err)
    assert.is_truthy(r.err:find("Lua warning: error in __gc %(%S+: broken%)\n"), r.err)
  end)

  it("of C modules' userdata complain about wrong arguments in a child as in main", function()
    local gc = getmetatable(io.stdout).__gc
    assert.are.equal(select(2, pcall(gc)), result(function() return select(2, pcall(gc)) end))
  end)
end)
