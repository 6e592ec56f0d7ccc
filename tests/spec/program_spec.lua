-- Other programs: os.execute and io.popen in processes that are interrupted, forked and ended.
local script = require "support.script"
local T = 20

-- Locals: a global is looked up by busted's own code, and an interrupt may come there.
local os, io, sleep, spawn, pcall, coroutine = os, io, sleep, spawn, pcall, coroutine

local function path_of_new_file()
  local name = os.tmpname()
  return setmetatable({ name = name }, { __close = function() os.remove(name) end })
end

local function text_of(file)
  local handle <close> = assert(io.open(file.name))
  return handle:read("a")
end

-- Calls fn(file) in a process and waits until it, or what it starts, has written a line into the file.
local function start(fn)
  local file = path_of_new_file()
  local p = spawn({ quiet = true }, fn, file.name)
  local stop = sandbox.now() + T
  while text_of(file) == "" do
    assert(sandbox.now() < stop, "it does not begin")
    sleep(0.005)
  end
  return p, file
end

describe("os.execute and io.popen", function()
  it("return what they do in lua", function()
    local function returns(...) return table.pack(...) end
    assert.are.same(returns(true, "exit", 0), returns(os.execute("true")))
    assert.are.same(returns(nil, "exit", 3), returns(os.execute("exit 3")))
    assert.are.same(returns(nil, "signal", 9), returns(os.execute("kill -9 $$")))
    assert.are.same(returns(true), returns(os.execute()))
    assert.are.same(returns(nil, "exit", 127), returns(os.execute("no-such-program 2>/dev/null")))
    local f = io.popen("echo out; exit 2", "r")
    assert.are.equal("file", io.type(f))
    assert.are.equal("out\n", f:read("a"))
    assert.are.same(returns(nil, "exit", 2), returns(f:close()))
    assert.are.equal("closed file", io.type(f))
    assert.is_false(pcall(f.close, f))
    local list = {}
    for line in io.popen("printf '1\\n2\\n'"):lines() do list[#list + 1] = line end
    assert.are.same({ "1", "2" }, list)
    for _, call in ipairs {
      { io.popen }, { io.popen, "true", "rw" }, { io.popen, "true", "" }, { os.execute, {} }, { io.popen, {} },
    } do
      assert.is_false(pcall(table.unpack(call)))
    end
    do
      local file <close> = path_of_new_file()
      local w <close> = assert(io.popen("cat > " .. file.name, "w"))
      w:write("written")
      w:close()
      assert.are.equal("written", text_of(file))
    end
  end)

  it("give a program the three streams and nothing else", function()
    local own <close> = assert(io.open("/dev/null"))
    local q, a = queue(), sandbox.pipe()
    local w <close> = io.popen("cat", "w")
    local function open()
      local r <close> = io.popen("exec ls /proc/self/fd")
      return r:read("a")
    end
    local file <close> = path_of_new_file()
    os.execute("exec ls /proc/self/fd > " .. file.name)
    local three = "0\n1\n2\n3\n" -- and that of the folder
    assert.are.same({ three, three, three }, { open(), text_of(file), spawn(open):result(T) })
    assert.is_truthy(own and q and a and w)
  end)
end)

describe("an interrupt", function()
  local ways = {
    ["os.execute"] = function(name) os.execute("echo x > " .. name .. "; sleep 1000") sleep(1000) end,
    ["os.execute of a single program"] = function(name)
      io.open(name, "w"):write("x"):close()
      os.execute("exec sleep 1000")
      sleep(1000)
    end,
    ["os.execute of a program that does not care"] = function(name)
      os.execute("trap '' INT; echo x > " .. name .. "; sleep 1000")
      sleep(1000)
    end,
    ["close of a file of io.popen"] = function(name)
      io.popen("echo x > " .. name .. "; sleep 1000"):close()
      sleep(1000)
    end,
    ["read of a file of io.popen"] = function(name)
      local f = io.popen("echo x > " .. name .. "; sleep 1000")
      f:read("a")
      sleep(1000)
    end,
    ["a sleep, with a file of io.popen open"] = function(name)
      local f = io.popen("echo x > " .. name .. "; sleep 1000")
      sleep(1000)
      f:close()
    end,
    ["a loop of os.execute in pcall"] = function(name)
      while true do pcall(os.execute, "echo x > " .. name) end
    end,
    ["a process that waits for a program in a coroutine"] = function(name)
      local function run() while true do coroutine.wrap(os.execute)("echo x > " .. name .. "; sleep 1000") end end
      coroutine.wrap(run)()
    end,
  }
  for name, fn in pairs(ways) do
    it("ends " .. name, function()
      local p, file <close> = start(fn)
      p:interrupt()
      local ok, failure = p:join(T)
      p:kill()
      assert.is_nil(ok)
      assert.is_table(failure, tostring(failure))
      assert.are.equal(130, failure.exitcode)
      assert.is_truthy(failure.message:find("^interrupted at %S+program_spec%.lua:%d+$"), failure.message)
      assert.is_truthy(file)
    end)
  end

  it("ends a program and those that it started", function()
    local p, file <close> = start(function(name)
      os.execute("sh -c 'sh -c \"echo \\$\\$ > " .. name .. "; exec sleep 1000\"; true'; true")
    end)
    local pid = tonumber(text_of(file):match("%d+"))
    p:interrupt()
    p:join(T)
    assert.is_true(script.gone({ pid }, T))
  end)

  it("of the run ends a main that waits for a program", function()
    for _, text in ipairs {
      "os.execute('kill -INT '.. ... ..'; sleep 1000')",
      "io.popen('kill -INT '.. ... ..'; sleep 1000'):close()",
      "io.popen('kill -INT '.. ... ..'; sleep 1000'):read()",
    } do
      local r = script.run([[
        local stat <close> = io.open("/proc/self/stat")
        local supervisor = stat:read("a"):match("^%d+ %b() %a (%d+)")
        ;(function(...) ]] .. text .. [[ end)(supervisor)
        print "not here"
      ]])
      assert.are.same({ 130, "" }, { r.status, r.out }, text .. r.err)
      assert.is_truthy(r.err:find("sandbox: interrupted", 1, true), r.err)
    end
  end)
end)

describe("a file of io.popen", function()
  it("is not held by processes made later: closing it does not wait for them", function()
    local go = queue()
    for mode, command in pairs { w = "cat >/dev/null", r = "cat /dev/zero" } do
      local f = io.popen(command, mode)
      local p = spawn(go.get, go, T)
      local q = spawn(function() spawn(go.get, go, T):join() end)
      f:close() -- else both would wait for each other, until T is over
      assert.is_true(p:alive() and q:alive())
      go:put(1)
      go:put(1)
      assert.is_true(sandbox.join_all({ p, q }, T))
    end
  end)

  it("is closed in a child, and stays what it is in its parent", function()
    local f <close> = io.popen("echo 1; echo 2")
    local got = table.pack(spawn(function()
      local ok, message = pcall(f.read, f)
      return io.type(f), ok, message, tostring(f)
    end):result(T))
    assert.are.same({ "closed file", false, "attempt to use a closed file", "file (closed)", n = 4 }, got)
    assert.are.equal("1\n2\n", f:read("a"))
    assert.is_true(f:close())
  end)

  it("that a process opened for writing is closed at its end: no data is lost, the program has ended", function()
    local ends = {
      ["return"] = function() end, error = function() error "x" end, ["os.exit"] = function() os.exit(3) end,
      ["os.exit with true"] = function() os.exit(true, true) end,
    }
    for name, fn in pairs(ends) do
      for _, where in ipairs { "process", "grandchild", "coroutine" } do
        local file <close> = path_of_new_file()
        local function body()
          local kept = io.popen("sleep 0.05; cat > " .. file.name, "w")
          kept:write("all of ", "it")
          fn()
        end
        local run = body
        if where == "grandchild" then run = function() spawn({ quiet = true }, body):join(T) end end
        if where == "coroutine" then run = function() coroutine.wrap(body)() end end
        spawn({ quiet = true }, run):join(T)
        assert.are.equal("all of it", text_of(file), name .. " " .. where)
      end
    end
  end)

  it("of main is closed at os.exit, too", function()
    local file <close> = path_of_new_file()
    script.run(([[
      local f = io.popen("sleep 0.05; cat > %s", "w")
      f:write("main's")
      os.exit(0)
    ]]):format(file.name))
    assert.are.equal("main's", text_of(file))
  end)
end)

describe("a paused process", function()
  for name, ended in pairs {
    terminate = function(f) return f.signal == 15 end, kill = function(f) return f.signal == 9 end,
    interrupt = function(f) return f.exitcode == 130 end, stop = function(f) return f.exitcode == 130 end,
  } do
    it("need not be resumed for p:" .. name .. "()", function()
      for round = 1, 10 do
        local ready = queue()
        local p = spawn({ quiet = true }, function() ready:put(1) sleep(1000) end)
        if round > 1 then ready:get(T) end -- at first, before its first step
        p:pause()
        p[name](p)
        local ok, failure = p:join(T)
        p:kill()
        assert.is_nil(ok)
        assert.is_true(type(failure) == "table" and ended(failure), tostring(failure))
      end
    end)
  end

  it("with children of its own is terminated, and they are with it", function()
    local pids = queue()
    local p = spawn({ quiet = true }, function()
      for _ = 1, 3 do
        spawn({ daemon = true }, function() pids:put(sandbox.getpid()) sleep(1000) end):pause()
      end
      pids:put(sandbox.getpid())
      sleep(1000)
    end)
    pids:get(T)
    p:pause()
    p:terminate()
    assert.are.equal(15, select(2, p:join(T)).signal)
  end)
end)
