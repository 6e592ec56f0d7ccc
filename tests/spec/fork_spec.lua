-- What a child has of its parent, and what it must not do with it.
local script = require "support.script"
local T = 20

local function result(fn, ...) return spawn(fn, ...):result(T) end

describe("output", function()
  it("that was printed before the spawn is printed once (fault 19)", function()
    local r = script.run([[
      io.write("before ") io.stdout:write("half a line, ")
      for i = 1, 5 do spawn(function() end):join() end
      io.write("after\n")
    ]])
    assert.are.same({ "before half a line, after\n", 0 }, { r.out, r.status })
  end)

  it("is printed once with a full buffer, into a file and into a pipe (fault 19)", function()
    for _, shell in ipairs { "%s", "%s | cat" } do
      local r = script.run([[
        io.stdout:setvbuf("full")
        print "parent"
        spawn(function() print "child" end):join()
        spawn(function() os.exit(0) end):join()
        print "end"
      ]], { shell = shell })
      assert.are.same({ "parent\nchild\nend\n", "" }, { r.out, r.err })
    end
  end)

  it("to a file that was open is written once", function()
    local name = os.tmpname()
    local r = script.run(([[
      local f = assert(io.open(%q, "w"))
      f:setvbuf("full")
      f:write("parent ")
      spawn(function() f:write("child ") end):join()
      spawn(function() end):join()
      f:write("end")
      f:close()
    ]]):format(name))
    local f <close> = assert(io.open(name))
    os.remove(name)
    assert.are.same({ "", "parent child end" }, { r.err, f:read("a") })
  end)

  it("of a child appears before its join returns, without a newline too", function()
    local r = script.run([[
      for i = 1, 20 do
        spawn(function() io.write(i, " ") end):join()
        io.write(". ")
      end
    ]])
    local expected = {}
    for i = 1, 20 do expected[i] = i .. " . " end
    assert.are.equal(table.concat(expected), r.out)
  end)
end)

describe("random numbers", function()
  local text = [[
    local function draw() return math.random(1 << 30), math.random(1 << 30) end
    local list = { { draw() } }
    for i = 1, 4 do
      list[#list + 1] = { spawn(draw):result() }
      list[#list + 1] = { spawn(function() return spawn(draw):result() end):result() }
    end
    list[#list + 1] = { draw() }
    for _, two in ipairs(list) do print(two[1], two[2]) end
  ]]

  it("differ between processes", function()
    local seen = {}
    for number in script.run(text).out:gmatch("%d+") do
      assert.is_nil(seen[number], number)
      seen[number] = true
    end
    assert.is_truthy(next(seen))
  end)

  it("repeat with --seed, and differ without", function()
    local a = script.run(text, { args = "--seed 42" }).out
    assert.is_truthy(a:find("^%d+\t%d+\n"))
    assert.are.equal(a, script.run(text, { args = "--seed 42" }).out)
    assert.are_not.equal(a, script.run(text, { args = "--seed 43" }).out)
    assert.are_not.equal(script.run(text).out, script.run(text).out)
  end)

  it("are the child's own even if the parent has set a seed just before", function()
    math.randomseed(7)
    local a, b = result(math.random, 1 << 30), result(math.random, 1 << 30)
    assert.are_not.equal(a, b)
    math.randomseed(os.time())
  end)
end)

describe("finalizers of the parent's objects", function()
  -- Every finalizer here writes a line with the process it ran in; the parent's objects must die in the parent only.
  local function lines(text) return script.run(([[
    local main = sandbox.getpid()
    function Log(what) io.write(what, sandbox.getpid() == main and " in main\n" or " in child\n") end
    local function collect() collectgarbage() collectgarbage() end
    local function child(fn) assert(spawn(fn):join()) end
    %s
  ]]):format(text)) end

  it("of tables do not run in a child, by a collection, at its end or in os.exit", function()
    local r = lines [[
      local t = setmetatable({}, { __gc = function() Log "t" end })
      local late = setmetatable({}, { __gc = true })
      getmetatable(late).__gc = function() Log "late" end
      child(function() t, late = nil, nil collect() end)
      child(function() t, late = nil, nil os.exit(0) end)
      child(function() t, late = nil, nil os.exit(true, true) end)
      child(function() child(function() t, late = nil, nil collect() end) collect() end)
      print "children over"
      t = nil late = nil collect()
      print "end"
    ]]
    assert.is_truthy(r.out == "children over\nlate in main\nt in main\nend\n" or
      r.out == "children over\nt in main\nlate in main\nend\n", r.out .. r.err)
  end)

  it("of garbage that was not collected yet do not run in a child either", function()
    local r = lines [[
      collectgarbage("stop")
      for i = 1, 50 do setmetatable({}, { __gc = function() Log "g" end }) end
      child(function() collectgarbage("restart") collect() end)
      print "children over"
      collectgarbage("restart") collect()
    ]]
    assert.are.equal("children over\n" .. ("g in main\n"):rep(50), r.out, r.err)
  end)

  -- The collector looks for what is to be finalized first, and calls the finalizers a few at a time.
  for _, mode in ipairs { "incremental", "generational" } do
    it("of garbage that the collector is just finalizing do not run either, " .. mode, function()
      local r = lines(([[
        collectgarbage(%q)
        local count = { [" in main"] = 0, [" in child"] = 0 }
        local function ran() local at = sandbox.getpid() == main and " in main" or " in child" count[at] = count[at] + 1 end
        local class = { __gc = ran }
        collectgarbage("stop")
        for i = 1, 2000 do
          setmetatable({}, class)
          setmetatable({}, { __gc = function() ran() end })
          local file = io.open("/dev/null")
          file:close()
          debug.setmetatable(file, class)
        end
        collectgarbage("restart")
        repeat collectgarbage("step", 1) until count[" in main"] > 0
        local inherited = setmetatable({}, class)
        child(function()
          setmetatable({}, class)
          collect()
          assert(count[" in child"] == 1, count[" in child"])
          getmetatable(inherited).__gc(inherited) -- called, not collected
          child(collect)
          assert(count[" in child"] == 2, count[" in child"])
        end)
        collect()
        print(count[" in main"], count[" in child"])
      ]]):format(mode))
      assert.are.equal("6000\t0\n", r.out, r.err)
    end)
  end

  it("do not keep a child from sending objects of the same class", function()
    local class = { __gc = function(t) t.ended = true end }
    local inherited = setmetatable({}, class)
    local got, finalizer = result(function() return setmetatable({ "own" }, class), class.__gc end)
    assert.are.equal("own", got[1])
    finalizer(inherited)
    assert.is_true(inherited.ended)
    assert.are.equal("function", type(getmetatable(got).__gc))
  end)

  it("that debug.setmetatable gave to userdata do not run", function()
    local r = lines [[
      local file = debug.setmetatable(io.tmpfile(), { __gc = function() Log "file" end })
      child(function() file = nil collect() end)
      child(function() debug.setmetatable(io.tmpfile(), { __gc = function() Log "own" end }) end)
      print "children over"
      file = nil collect()
    ]]
    assert.are.equal("own in child\nchildren over\nfile in main\n", r.out, r.err)
  end)

  it("do not run when a child gives their metatable another one", function()
    for _, mode in ipairs { "incremental", "generational" } do
      local r = lines(([[
        collectgarbage(%q)
        local class = { __gc = function() Log "first" end }
        local other = { __gc = true }
        local t, u = setmetatable({}, class), setmetatable({}, other)
        local function drop(what)
          class.__gc, other.__gc = function() Log(what) end, function() Log "other" end
          t, u = nil, nil
          for _ = 1, 3 do collectgarbage "step" end
          collect()
          setmetatable({}, class)
          collect()
        end
        child(function()
          drop "second"
          t, u = setmetatable({}, class), setmetatable({}, other)
          child(function() drop "third" end)
          setmetatable(t, nil) setmetatable(u, nil) -- or they would be finalized at the end
        end)
        child(function() drop "fourth" end)
        print "children over"
        class.__gc = nil
      ]]):format(mode))
      assert.are.equal("second in child\nthird in child\nfourth in child\nchildren over\n", r.out, r.err)
    end
  end)

  it("do not run when the metatable was changed, or away for a while, and has one by then", function()
    local r = lines [[
      local function gone() Log "gone" end
      local second, third, fourth = {}, {}, {}
      local t = setmetatable(setmetatable({}, { __gc = gone }), second)
      local u = setmetatable(setmetatable(setmetatable({}, { __gc = gone }), nil), third)
      local file = debug.setmetatable(io.tmpfile(), fourth)
      for name, class in pairs { second = second, third = third, fourth = fourth } do
        class.__gc = function() Log(name) end
      end
      child(function() t, u, file = nil, nil, nil collect() child(collect) end)
      print "children over"
      file = nil collect() u = nil collect() t = nil collect()
    ]]
    assert.are.equal("children over\nfourth in main\nthird in main\nsecond in main\n", r.out, r.err)
  end)

  it("do not run when a child gives the object another metatable", function()
    local r = lines [[
      local class, other = { __gc = function() Log "class" end }, { __gc = function() Log "other" end }
      local t, u, v = setmetatable({}, class), setmetatable({}, class), setmetatable({}, class)
      child(function()
        local own = { __gc = function() Log "own" end }
        setmetatable(t, own) setmetatable(u, nil) setmetatable(u, own) setmetatable(v, {})
        getmetatable(v).__gc = own.__gc
        t, u, v = nil, nil, nil
        collect()
        child(collect)
      end)
      print "children over"
      setmetatable(t, other) t = nil collect()
      u = nil collect() v = nil collect()
    ]]
    assert.are.equal("children over\nother in main\nclass in main\nclass in main\n", r.out, r.err)
  end)

  it("are never the parent's, also where a finalizer of the child's changes the metatable in the middle of a round", function()
    local r = lines [[
      local class = { __gc = function() Log "the parent's" end }
      local t = setmetatable({}, class)
      child(function()
        local own = setmetatable({}, { __gc = function() class.__gc = function() Log "the child's" end end })
        collect() -- from now on the child looks at metatables before it finalizes `own`, and `t` comes after that
        own, t = nil, nil
        collect()
      end)
      print "children over"
      t = nil collect()
    ]]
    assert.is_nil(r.out:find("the parent's in child", 1, true), r.out)
    assert.matches("children over\nthe parent's in main\n$", r.out)
  end)

  it("that are tables which can be called do not run, and can be sent", function()
    local r = lines [[
      local class = { __gc = setmetatable({}, { __call = function() Log "called" end }) }
      local t = setmetatable({}, class)
      child(function() t = nil collect() end)
      local got = spawn(function() return setmetatable({ "sent" }, class) end):result()
      print(got[1], type(getmetatable(got).__gc))
    ]]
    assert.are.equal("called in child\nsent\ttable\ncalled in main\ncalled in main\n", r.out, r.err)
  end)

  it("of several classes in turn do not run, those of the child's own do", function()
    local r = lines [[
      local classes, kept = {}, {}
      for i = 1, 3 do classes[i] = { __gc = function() Log(i) end } end
      for round = 1, 4 do
        for i = 1, 3 do kept[#kept + 1] = setmetatable({}, classes[i]) end
      end
      child(function()
        kept = nil collect()
        own = { setmetatable({}, classes[3]), setmetatable({}, classes[1]) }
      end)
      print "child over"
    ]]
    assert.are.equal("1 in child\n3 in child\nchild over\n" .. ("3 in main\n2 in main\n1 in main\n"):rep(4), r.out, r.err)
  end)

  it("do not keep what it inherited from its collector", function()
    local class, weak = { __gc = function() end }, setmetatable({}, { __mode = "v" })
    local kept = {}
    for i = 1, 1000 do
      kept[i] = setmetatable({}, class)
      weak[i] = kept[i]
    end
    assert.is_nil(result(function()
      kept = nil
      collectgarbage() collectgarbage()
      return next(weak)
    end))
    assert.are.equal(1000, #kept)
  end)

  it("of variables to be closed do not run in a child", function()
    local r = lines [[
      do
        local guard <close> = setmetatable({}, { __close = function() Log "close" end })
        child(function() end)
        child(function() os.exit(0) end)
        spawn({ quiet = true }, function() error("x") end):join()
        print "children over"
      end
    ]]
    assert.are.equal("children over\nclose in main\n", r.out, r.err)
  end)

  it("of files do not run: a file the parent has open stays usable, a position stays", function()
    local name = os.tmpname()
    local r = lines(([[
      local f = assert(io.open(%q, "w+"))
      f:write("one\n") f:flush()
      child(function() f = nil collect() end)
      f:write("two\n") f:seek("set")
      io.write(f:read("a"))
      f:close()
    ]]):format(name))
    os.remove(name)
    assert.are.equal("one\ntwo\n", r.out, r.err)
  end)

  it("of io.popen do not run: a child does not wait for the parent's command, the parent gets its status", function()
    local r = lines [[
      local p = io.popen("read x; exit 7", "w")
      child(function() p = nil collect() end)
      p:write("go\n")
      print(p:close())
    ]]
    assert.are.equal("nil\texit\t7\n", r.out, r.err)
  end)

  it("of C modules' userdata do not run, those of the child's own do", function()
    local r = lines [[
      local lfs = require "lfs"
      local mt = debug.getregistry()["directory metatable"]
      local gc = mt.__gc
      mt.__gc = function(d) Log "dir" return gc(d) end
      local _, parents = lfs.dir("/")
      child(function()
        parents = nil collect()
        do local _, own = lfs.dir("/") end
        collect()
      end)
      print "child over"
      parents = nil collect()
    ]]
    assert.are.equal("dir in child\nchild over\ndir in main\n", r.out, r.err)
  end)

  it("of the child's own objects do run in the child", function()
    local r = lines [[
      local parents = setmetatable({}, { __gc = function() Log "parent's" end })
      child(function()
        local own = setmetatable({}, { __gc = function() Log "own" end })
        own = nil collect()
        local f = assert(io.open("/dev/null"))
        for i = 1, 2000 do io.open("/dev/null") end -- not closed: the collector must
        collect()
        child(function() own = setmetatable({}, { __gc = function() Log "grandchild's" end }) own = nil collect() end)
        do local c <close> = setmetatable({}, { __close = function() Log "close" end }) end
      end)
      print "child over"
    ]]
    assert.are.equal("own in child\ngrandchild's in child\nclose in child\nchild over\nparent's in main\n",
      r.out, r.err)
  end)

  it("run at the end of the child that made them, the youngest first, however many have come and gone", function()
    local r = lines [[
      local class = { __gc = function(t) io.write(t[1], " ") end }
      child(function()
        local kept = {}
        for i = 1, 3000 do
          local object = setmetatable({ i }, class)
          if i % 500 == 0 then kept[#kept + 1] = object end
          if i % 500 ~= 0 then object[1] = "" end -- the collector takes it at some time, or the end
        end
      end)
    ]]
    local order = {}
    for i in r.out:gmatch("%d+") do order[#order + 1] = i end
    assert.are.equal("3000 2500 2000 1500 1000 500", table.concat(order, " "), r.err)
    assert.are.equal(3000, select(2, r.out:gsub(" ", "")))
  end)

  it("__close runs in a child whose function fails", function()
    local r = lines [[
      spawn({ quiet = true }, function()
        local c <close> = setmetatable({}, { __close = function(_, e) Log("close " .. e) end })
        error("boom", 0)
      end):join()
    ]]
    assert.are.equal("close boom in child\n", r.out, r.err)
  end)

  it("a garbage-heavy parent and child do not disturb each other", function()
    local r = lines [[
      local n = 0
      local mt = { __gc = function() n = n + 1 end }
      for round = 1, 20 do
        for i = 1, 200 do setmetatable({}, mt) end
        local mine = spawn(function()
          n = 0
          for i = 1, 300 do setmetatable({}, mt) end
          collect()
          return n
        end):result()
        assert(mine == 300, mine)
      end
      collect()
      print(n)
    ]]
    assert.are.equal("4000\n", r.out, r.err)
  end)
end)

describe("variables", function()
  it("are copies: globals, upvalues, tables, metatables, package.loaded", function()
    local up, list, meta = 1, { "a" }, setmetatable({}, { __index = { k = 1 } })
    _G.global_of_fork_spec = 1 -- busted gives a file globals of its own; these are the real ones
    local got = { result(function()
      up, _G.global_of_fork_spec = up + 1, _G.global_of_fork_spec + 1
      list[2] = "b"
      getmetatable(meta).__index.k = 2
      package.loaded.nothing = true
      string.added = true
      return up, _G.global_of_fork_spec, #list, meta.k, package.loaded.nothing
    end) }
    assert.are.same({ 2, 2, 2, 2, true }, got)
    assert.are.same({ 1, 1, 1, 1, nil, nil },
      { up, _G.global_of_fork_spec, #list, meta.k, package.loaded.nothing, string.added })
    _G.global_of_fork_spec = nil
  end)

  it("that the parent changes later do not reach the child", function()
    local go, up = queue(), "before"
    local p = spawn(function() go:get(T) return up end)
    up = "after"
    go:put(1)
    assert.are.equal("before", p:result(T))
  end)

  it("such as the working directory of C libraries stay the process's own", function()
    local lfs = require "lfs"
    local here = lfs.currentdir()
    assert.are.equal("/", result(function() lfs.chdir("/") return lfs.currentdir() end))
    assert.are.equal(here, lfs.currentdir())
  end)
end)

describe("os.exit in a child", function()
  it("ends that child alone, and flushes what it wrote", function()
    local r = script.run([[
      local name = os.tmpname()
      local p = spawn({ quiet = true }, function()
        local f = io.open(name, "w") f:write("kept")
        io.write("child ")
        os.exit(9, true)
      end)
      local _, e = p:join()
      io.write(tostring(e.exitcode), " ", io.open(name):read("a"), "\n")
      os.remove(name)
    ]])
    assert.are.same({ "child 9 kept\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("in a coroutine, in pcall, in a metamethod", function()
    for _, leave in ipairs {
      function() coroutine.wrap(function() os.exit(5) end)() end,
      function() pcall(function() os.exit(5) end) end,
      function() return setmetatable({}, { __index = function() os.exit(5) end }).x end,
      function() table.sort({ 2, 1, 3 }, function() os.exit(5) end) end,
    } do
      assert.are.equal(5, select(2, spawn({ quiet = true }, leave):join(T)).exitcode)
    end
  end)
end)

describe("spawn works anywhere:", function()
  it("in coroutines", function()
    local co = coroutine.wrap(function()
      for i = 1, 3 do coroutine.yield(result(function() return i end)) end
    end)
    assert.are.same({ 1, 2, 3 }, { co(), co(), co() })
  end)

  it("in pcall, xpcall, and a message handler", function()
    assert.are.same({ true, 1 }, { pcall(result, function() return 1 end) })
    assert.are.same({ false, "handled x" }, { xpcall(error, function(e)
      return result(function() return "handled " .. e end)
    end, "x") })
  end)

  it("in metamethods", function()
    local mt = {
      __add = function(a, b) return result(function() return a.n + b.n end) end,
      __index = function(_, k) return result(function() return k .. "!" end) end,
      __lt = function(a, b) return result(function() return a.n < b.n end) end,
      __close = function(t) t.closed = result(function() return true end) end,
    }
    local one, two = setmetatable({ n = 1 }, mt), setmetatable({ n = 2 }, mt)
    assert.are.same({ 3, "key!", true }, { one + two, one.key, one < two })
    do local c <close> = one end
    assert.is_true(rawget(one, "closed"))
  end)

  it("in table.sort and string.gsub", function()
    local t = { 3, 1, 2 }
    table.sort(t, function(a, b) return result(function() return a < b end) end)
    assert.are.same({ 1, 2, 3 }, t)
    assert.are.equal("A-B", (("a-b"):gsub("%a", function(c) return result(string.upper, c) end)))
  end)

  it("in a hook", function()
    local got
    debug.sethook(function()
      debug.sethook()
      got = result(function() return "from a hook" end)
    end, "l")
    local _ = 1
    debug.sethook()
    assert.are.equal("from a hook", got)
  end)

  it("in require", function()
    package.preload["fork_spec.module"] = function() return result(function() return "loaded" end) end
    assert.are.equal("loaded", require "fork_spec.module")
  end)

  it("at any depth of C calls: it works or it is an error of the caller, nothing else", function()
    local function deep(n)
      local r
      if n == 0 then return result(function() return "deep" end) end
      string.gsub("x", "x", function() r = deep(n - 1) end)
      return r
    end
    assert.are.equal("deep", deep(50))
    local seen = {}
    for n = 150, 210 do
      local ok, e = pcall(deep, n)
      seen[ok] = true
      assert.is_true(ok and e == "deep" or not ok and tostring(e):find("C stack overflow", 1, true) ~= nil, tostring(e))
    end
    assert.is_true(seen[false])
  end)

  it("50 deep, and each level sees the levels above", function()
    local function nest(n)
      if n == 0 then return 0 end
      return 1 + result(nest, n - 1)
    end
    assert.are.equal(50, nest(50))
  end)
end)

describe("spawn in a finalizer", function()
  it("is an error: the child would never leave it, and nothing would be collected there", function()
    local ok, message
    setmetatable({}, { __gc = function() ok, message = pcall(function() return (spawn(print)) end) end })
    collectgarbage() collectgarbage()
    if ok then return pending("this Lua does not tell that a finalizer runs (before 5.4.4)") end
    assert.is_truthy(message:find("fork_spec.lua:%d+: spawn cannot be called in a finalizer"), message)
  end)
end)

describe("a child that yields", function()
  it("fails, as main would", function()
    for _, where in ipairs { "main", "coroutine" } do
      local p
      local function start() p = spawn({ quiet = true }, function() coroutine.yield(1) end) end
      if where == "main" then start() else coroutine.wrap(start)() end
      local ok, e = p:join(T)
      assert.is_nil(ok)
      assert.are.equal("attempt to yield from outside a coroutine", e.message)
    end
  end)

  it("may use coroutines of its own, and those of its parent", function()
    local gen = coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end end)
    gen()
    assert.are.equal(2, result(function() return gen() end))
    assert.are.equal(2, result(gen))
    assert.are.equal(2, gen())
  end)
end)

describe("a child that fails", function()
  it("does not go on with the parent's script", function()
    local r = script.run([[
      local ok = pcall(function()
        spawn({ quiet = true }, function() error("x") end)
        spawn({ quiet = true }, function() os.exit(1) end)
        spawn(function() return end)
      end)
      print("once", ok, #sandbox.children() <= 3)
    ]])
    assert.are.equal("once\ttrue\ttrue\n", r.out, r.err)
    assert.are.equal(3, r.status)
  end)

  it("with a stack overflow, or for want of memory, is a failure as any other", function()
    local function over() return 1 + over() end
    local _, e = spawn({ quiet = true }, over):join(T)
    assert.is_truthy(e.message:find("stack overflow", 1, true), e.message)
    _, e = spawn({ quiet = true }, function() return ("x"):rep(1 << 40) end):join(T)
    assert.is_truthy(e.message:find("not enough memory", 1, true) or e.message:find("too large", 1, true), e.message)
  end)
end)
