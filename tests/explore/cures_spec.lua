-- What a report advises is checked: explored as if it had been done. The numbers are those of the twin, a script in which it was done.
local shell = require "support.shell"

local FOLDER = shell.source .. "/tests/explore/"

local function explore(script, ...)
  local words = { "timeout -k 1 120", shell.quote(shell.program), "--explore", shell.quote(script) }
  for _, word in ipairs { ... } do words[#words + 1] = shell.quote(word) end
  return shell.run(table.concat(words, " ") .. " 2>&1 </dev/null")
end

-- The paragraph of a report, in one line; nil: there is none.
local function checked(report)
  local text = report:match("\n  checked: (.-)\nsee it again")
  return text and text:gsub("%s+", " ")
end

local function ways(report) return report:match(": ([%d,]+) interleavings? of") end

local ORDER = "with the locks taken in the order in which they were made, all %s interleavings end well."

local function with_script(text, fn)
  local path = os.tmpname()
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
  f:close()
  local report, status = explore(path)
  os.remove(path)
  fn(report, status)
end

describe("a cure that --explore advises is checked", function()
  for count = 3, 4 do
    it(("with the numbers of %d philosophers who take the lower number first"):format(count), function()
      local text = [[
        local N = ]] .. count .. [[
        local forks = {}
        for i = 1, N do forks[i] = sandbox.lock() end
        local function philosopher(i)
          local a, b = forks[i], forks[i % N + 1]
          if i == N and ORDERED then forks[1]:acquire() forks[N]:acquire() else a:acquire() b:acquire() end
          b:release() a:release()
        end
        local list = {}
        for i = 1, N do list[i] = spawn(philosopher, i) end
        sandbox.join_all(list)]]
      local twin
      with_script(text:gsub("ORDERED", "true"), function(report, status)
        assert.equal(0, status)
        twin = ways(report)
      end)
      with_script(text:gsub("ORDERED", "false"), function(report)
        assert.equal(ORDER:format(twin), checked(report), report)
      end)
    end)
  end

  it("in the text, where the cure is another word", function()
    local text = [[
      local lock = sandbox.lock()
      local full, empty = sandbox.condition(lock), sandbox.condition(lock)
      local buffer = sandbox.value(0)
      local function producer()
        for _ = 1, 2 do
          lock:acquire()
          while buffer:get() == 1 do empty:wait() end
          buffer:add(1) full:notify()
          lock:release()
        end
      end
      local function consumer()
        lock:acquire()
        if buffer:get() == 0 then full:wait() end
        if buffer:add(-1) < 0 then error("took from an empty buffer") end
        empty:notify()
        lock:release()
      end
      sandbox.join_all { spawn(producer), spawn(consumer), spawn(consumer) }]]
    local twin
    with_script(text:gsub("if (buffer:get%(%) == 0) then", "while %1 do"), function(report) twin = ways(report) end)
    with_script(text, function(report)
      assert.equal(("with `while`, all %s interleavings end well."):format(twin), checked(report), report)
    end)
    local one = text:gsub("if (buffer:get%(%) == 0) then", "while %1 do"):gsub("full", "c"):gsub("empty([,: ])", "c%1")
    one = one:gsub("local c, c = sandbox.condition%(lock%), ", "local c = ")
    with_script(one:gsub("c:notify%(%)", "c:notify_all()"), function(report) twin = ways(report) end)
    with_script(one, function(report)
      assert.truthy(checked(report), report)
      assert.truthy(checked(report):find("^with notify_all, all [%d,]+ interleavings end well%.$"), report)
    end)
  end)

  it("for lines that are to be one step", function()
    for name, said in pairs {
      lost_update = "with line 3 in one step, both interleavings that are left end well.",
      lost_wakeup = "with lines 4 to 5 in one step, all 5 interleavings that are left end well.", -- mock 3
      empty_then_get = "with line 4 in one step, both interleavings that are left end well.",
      test_then_set = "with lines 4 to 5 in one step, all 8 interleavings that are left end well.",
    } do
      assert.equal(said, checked(explore(FOLDER .. name .. ".lua")))
    end
  end)

  -- One step is as good as a method that is one: the numbers are those of count:add(1).
  it("with the numbers of a script in which they are one step", function()
    local text = [[
      local count, log = sandbox.value(0), sandbox.queue()
      local function work(i)
        log:put(i)
        ADD
        log:put(i)
      end
      sandbox.join_all { spawn(work, 1), spawn(work, 2), spawn(work, 3) }
      assert(count:get() == 3)]]
    local twin
    with_script(text:gsub("ADD", "count:add(1)"), function(report) twin = ways(report) end)
    with_script(text:gsub("ADD", "count:set(count:get() + 1)"), function(report)
      assert.equal(("with line 4 in one step, all %s interleavings that are left end well."):format(twin), checked(report), report)
    end)
  end)

  it("and found to be none where there is another mistake", function()
    with_script([[
      local count = sandbox.value(0)
      local function inc() count:set(count:get() + 1) end
      local function other()
        count:set(count:get() + 1)
      end
      sandbox.join_all { spawn(inc), spawn(other) }
      assert(count:get() == 2)]], function(report, status)
      assert.equal("with line 4 in one step, 1 of 3 interleavings still goes wrong, so that alone is no cure.",
        (checked(report):gsub("line 2", "line 4")), report)
      assert.equal(5, status)
    end)
  end)

  it("also in the middle of sleeps", function()
    with_script([[
      local a, b = sandbox.lock(), sandbox.lock()
      local function transfer(x, y) x:acquire() sleep(1) y:acquire() y:release() x:release() end
      sandbox.join_all { spawn(transfer, a, b), spawn(transfer, b, a) }]], function(report)
      assert.truthy(checked(report):find("^with the locks taken in the order in which they were made, .* end well%.$"), report)
    end)
  end)

  -- A step that must wait in its middle, for something that only time brings, cannot be taken as one.
  it("and nothing is said where that cannot be known", function()
    with_script([[
      local count, q = sandbox.value(0), sandbox.queue()
      local function inc()
        local n = count:get()
        if not q:get(1) then count:set(n + 1) end
      end
      sandbox.join_all { spawn(inc), spawn(inc) }
      assert(count:get() == 2)]], function(report)
      assert.truthy(report:find("cure to try", 1, true), report)
      assert.is_nil(checked(report), report)
    end)
  end)

  it("nor where the line is not what it would have to be", function()
    with_script([[
      local lock = sandbox.lock()
      local full, n = sandbox.condition(lock), sandbox.value(0)
      local function take()
        lock:acquire()
        local empty = n:get() == 0
        if empty then full:wait() end
        assert(n:add(-1) >= 0)
        lock:release()
      end
      local function give() lock:acquire() n:add(1) full:notify() lock:release() end
      sandbox.join_all { spawn(take), spawn(take), spawn(give), spawn(give) }]], function(report)
      assert.truthy(report:find("`while` instead of `if` in line 5", 1, true), report)
      assert.is_nil(checked(report), report)
    end)
  end)

  it("in a function, and in the page of a trace", function()
    local result = sandbox.explore(function()
      local count = sandbox.value(0)
      local function inc() count:set(count:get() + 1) end
      sandbox.join_all { spawn(inc), spawn(inc) }
      assert(count:get() == 2)
    end)
    assert.truthy(tostring(result):find("in one step, both interleavings that are left end well", 1, true), tostring(result))
    local page = os.tmpname() .. ".html"
    shell.run(("%s --explore --trace %s %slost_update.lua"):format(shell.quote(shell.program), page, shell.quote(FOLDER)))
    local f <close> = assert(io.open(page))
    assert.truthy(f:read("a"):find([["checked":"with line 3 in one step, both interleavings that are left end well"]], 1, true))
    os.remove(page)
  end)
end)
