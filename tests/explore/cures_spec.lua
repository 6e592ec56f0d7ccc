-- What a report advises is checked: explored as if it had been done. The numbers are those of the twin, a script in which it was done.
local shell = require "support.shell"

local FOLDER = shell.source .. "/tests/explore/"

local function explore(script)
  local words = { "timeout -k 1 120", shell.quote(shell.program), "--explore", shell.quote(script), "2>&1 </dev/null" }
  return shell.run(table.concat(words, " "))
end

-- The paragraph of a report, in one line; nil: there is none.
local function checked(report)
  local text = report:match("\n  checked: (.-)\nsee it again")
  return text and text:gsub("%s+", " ")
end

local function ways(report) return report:match(": ([%d,]+) interleavings? of") end

local ORDER = "with the locks taken in the order in which they were made, all %s interleavings end well."

local function with_script(text, fn)
  local file <close> = shell.file(text)
  fn(explore(file.name))
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
    local right = shell.read("tests/explore/if_for_while.lua"):gsub(" if not WHILE then break end", "")
    local twin
    with_script(right, function(report) twin = ways(report) end)
    local wrong = right:gsub("while (buffer:get%(%) == 0) do (full:wait%(%)) end", "if %1 then %2 end")
    with_script(wrong, function(report)
      assert.equal(("with `while`, all %s interleavings end well."):format(twin), checked(report), report)
    end)
    local one = right:gsub("full", "c"):gsub("empty([,:])", "c%1")
    one = one:gsub("local c, c = sandbox.condition%(lock%), ", "local c = ")
    with_script(one:gsub("(add%(%-1%)%s+)c:notify%(%)", "%1c:notify_all()"), function(report) twin = ways(report) end)
    with_script(one, function(report)
      assert.equal(("with notify_all, all %s interleavings end well."):format(twin), checked(report), report)
    end)
  end)

  it("for lines that are to be one step", function()
    for name, said in pairs {
      lost_update = "with line 3 in one step, both interleavings that are left end well.",
      lost_wakeup = "with lines 4 to 5 in one step, all 5 interleavings that are left end well.",
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
    local folder <close> = shell.folder()
    local page = folder.name .. "/x.html"
    shell.sandbox("--explore", "--trace", page, FOLDER .. "lost_update.lua")
    local f <close> = assert(io.open(page))
    local said = [["checked":"with line 3 in one step, both interleavings that are left end well"]]
    assert.truthy(f:read("a"):find(said, 1, true))
  end)

  -- The process that checks is stopped, so that only the interrupt can end this. If it was too quick to be seen: again.
  it("until an interrupt", function()
    local file <close> = shell.file [[
      local locks, v = {}, sandbox.value(0)
      for i = 1, 4 do locks[i] = sandbox.lock() end
      local function work(i)
        for _ = 1, 2 do
          v:add(1)
          locks[i]:acquire() locks[i % 4 + 1]:acquire() v:add(2)
          locks[i]:release() locks[i % 4 + 1]:release()
        end
      end
      sandbox.join_all { spawn(work, 1), spawn(work, 2), spawn(work, 3), spawn(work, 4) }]]
    local folder <close> = shell.folder()
    for _ = 1, 10 do
      local said = shell.run(([[cd %s
        children() { cat /proc/$1/task/$1/children 2>/dev/null; }
        timeout -s KILL 100 %s --explore=20000 %s >report 2>&1 </dev/null & p=$!
        while [ -e /proc/$p/exe ]; do
          for main in $(children $p); do for server in $(children $main); do for checks in $(children $server); do
            kill -STOP $checks || continue
            kill -INT $main
            wait $p
            echo "status $?"
            exit
          done; done; done
        done]]):format(folder.name, shell.quote(shell.program), shell.quote(file.name)))
      if said ~= "" then
        assert.equal("status 5\n", said)
        local f <close> = assert(io.open(folder.name .. "/report"))
        local report = f:read("a")
        assert.truthy(report:find("cure to try", 1, true), report)
        assert.is_nil(checked(report), report)
        return
      end
    end
    error("nobody was seen to check")
  end)
end)
