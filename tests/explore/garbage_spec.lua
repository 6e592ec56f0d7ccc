-- Loops that make something in each round come back to where they were, so --explore finds their circles; and what is
-- kept is told apart.
local rounds = require "support.rounds"
local shell = require "support.shell"
local brute = require "explore.brute"

local FOLDER = shell.source .. "/tests/explore/"

-- The text of a program of this folder, in which each operation on an object makes tables, a closure, a string first.
local WASTE = "local function waste(x) local t = { x, {} } " ..
  "t[3] = function() return t end t.s = ('s'):rep(3) .. #t return x end "
local function wasteful(name)
  local text = shell.read("tests/explore/" .. name .. ".lua")
  local times
  text, times = text:gsub("%f[%w_%.%]:]([%a_][%w_]*):(%l+)%(", "waste(%1):%2(")
  assert(times > 0, name)
  return WASTE .. text
end

-- The head of a report: how many interleavings, and how many states; then all of it.
local function explored(file, ...)
  local words = { "timeout -k 1 60", shell.quote(shell.program), "--explore=5000", shell.quote(file) }
  for _, word in ipairs { ... } do words[#words + 1] = shell.quote(word) end
  local report = shell.run(table.concat(words, " ") .. " 2>&1 </dev/null")
  local ways, states = report:match("([%d,]+) interleavings? of [^\n]*all tried %(([%d,]+) states?%)")
  states = states or report:match("interleavings without end; all ([%d,]+) states tried")
  assert(states, report)
  return ways, tonumber((states:gsub(",", ""))), report
end

-- What is done in each round besides; `v` is a value of the processes.
local GARBAGE = {
  ["a table"] = function() local t = {} return t end,
  ["tables in a table"] = function() local t = {} for i = 1, 10 do t[i] = { tostring(i) } end return t end,
  ["a closure"] = function(v) return function() return v end end,
  ["a string"] = function(v) return "a string of some length, which is not short, " .. tostring(v) end,
  ["a large string"] = function() return ("x"):rep(100000) end,
  ["a coroutine"] = function() local resume = coroutine.wrap(function() coroutine.yield {} end) return resume() end,
  ["an error"] = function() return pcall(function() error { "no" } end) end,
  ["an entry of a weak table"] = (function()
    local cache = setmetatable({}, { __mode = "k" })
    return function() local k = {} cache[k] = { k } return k end
  end)(),
}

describe("--explore: a loop that makes", function()
  for name, make in pairs(GARBAGE) do
    it(name .. " in each round has a circle", function()
      local r = sandbox.explore(function()
        local done, seen = sandbox.value(false), sandbox.value(0)
        spawn(function()
          while not done:get() do
            local made = make(done)
            seen:set(made and 1)
          end
        end)
        done:set(true)
      end, { limit = 2000 })
      assert.is_true(r.ok and r.complete, r.report)
      assert.is_nil(r.interleavings, r.report)
      assert.is_true(r.states <= 40, r.report)
    end)
  end

  it("what it gets and puts has a circle: a server, and its clients", function()
    local r = sandbox.explore(function()
      local requests, answers = queue(1), queue(1)
      spawn({ daemon = true }, function()
        for item in requests:items() do answers:put { item = item, more = { item[1] } } end
      end)
      while true do
        requests:put { 1, name = "one" }
        assert(answers:get().item.name == "one")
      end
    end, { limit = 2000 })
    assert.is_true(r.complete, r.report)
    assert.are.equal("stuck", r.failures[1].kind)
    assert.is_true(r.states <= 40, r.report)
  end)

  it("what others keep for some rounds has a circle", function()
    local r = sandbox.explore(function()
      local q = queue(1)
      spawn({ daemon = true }, function()
        local last = {}
        for item in q:items() do
          table.insert(last, item)
          if #last > 3 then table.remove(last, 1) end
        end
      end)
      while true do q:put { {} } end
    end, { limit = 2000 })
    assert.is_true(r.complete, r.report)
    assert.is_true(r.states <= 60, r.report)
  end)

  it("messages with ever other keys has a circle, which is no longer than its rounds", function()
    local r = sandbox.explore(function()
      local q = queue(1)
      spawn({ daemon = true }, function() while true do q:get() end end)
      local i = 0
      while true do
        i = (i * 5 + 1) % 16 -- all of them
        q:put { ["key" .. i] = i }
      end
    end, { limit = 2000 })
    assert.is_true(r.complete, r.report)
    assert.is_true(r.states <= 40, r.report)
  end)

  it("a table before it sleeps is found to go on for ever", function()
    local r = sandbox.explore(function()
      local v = sandbox.value(0)
      spawn(function() v:get() end)
      while true do
        local t = { v }
        sandbox.sleep(1)
        assert(t[1] == v)
      end
    end, { limit = 2000 })
    assert.are.equal("stuck", r.failures[1].kind)
    assert.is_true(r.histories < 100, r.report)
  end)

  it("something, while another process has ended", function() -- whose Lua state took its leave
    local r = sandbox.explore(function()
      local v = sandbox.value(0)
      local other = spawn(function() v:set(1) end)
      other:join()
      while true do local t = { v:get() } v:set(t[1]) end
    end, { limit = 2000 })
    assert.is_true(r.complete, r.report)
    assert.is_true(r.states <= 20, r.report)
  end)
end)

describe("--explore finds, in a loop that makes something in each round,", function()
  for name, kind in pairs { polite = "livelock", starving_writer = "starves", endless = "stuck" } do
    it(("that of %s: %s"):format(name, kind), function()
      local file <close> = shell.file(wasteful(name))
      local r = sandbox.explore(assert(loadfile(file.name)), { limit = 5000 })
      assert.is_true(r.complete, r.report)
      local failure = r.failures[#r.failures]
      assert.are.equal(kind, failure.kind, r.report)
      assert.is_truthy(failure.loop)
      local _, _, report = explored(file.name)
      local token = assert(report:match("%-%-replay '(%S+@%d+%+%d+~%x+)'"), report)
      local text = shell.run(("timeout -k 1 60 %s --sim --replay %s %s 2>&1"):format(shell.quote(shell.program),
        shell.quote(token), shell.quote(file.name)))
      assert.is_truthy(text:find("from here on it never ends", 1, true), text)
    end)
  end

  local RIGHT = { { "spin_lock" }, { "polling" }, { "polite", "ordered" }, { "starving_writer", "turnstile" } }
  for _, row in ipairs(RIGHT) do
    it("nothing, where nothing is wrong: " .. table.concat(row, " "), function()
      local file <close> = shell.file(wasteful(row[1]))
      local _, _, report = explored(file.name, row[2])
      assert.is_truthy(report:find("no process fails, every assertion holds, nobody waits for ever", 1, true), report)
    end)
  end
end)

describe("--explore tells apart what differs", function()
  local function never_closes(f)
    local r = sandbox.explore(f, { limit = 2000 })
    assert.is_false(r.complete, r.report)
    assert.is_truthy(r.report:find("the limit of states", 1, true), r.report)
  end

  it("in a list that grows", function()
    never_closes(function()
      local v, list = sandbox.value(0), {}
      while v:get() do list[#list + 1] = {} end
      return list
    end)
  end)

  it("in a table that is made anew with another number", function()
    never_closes(function()
      local v, t = sandbox.value(0), { 0 }
      while true do v:get() t = { t[1] + 1 } end
    end)
  end)

  -- Processes that keep what they read in tables, closures, strings and weak tables: each order is run once more, by
  -- another program, with nothing merged.
  local KEEP = {
    "local kept = {} local function keep(x) kept = { x, #kept > 0 and kept or nil } end " ..
      "local function tell() local s = '' while kept do s = s .. tostring(kept[1]) kept = kept[2] end return s end",
    "local kept = '' local function keep(x) kept = kept .. x end local function tell() return kept end",
    "local kept = function() return '' end " ..
      "local function keep(x) local before = kept kept = function() return before() .. x end end " ..
      "local function tell() return kept() end",
    "local kept, last = setmetatable({}, { __mode = 'k' }), {} " ..
      "local function keep(x) last = { last, x } kept[last] = x end " ..
      "local function tell() local s = '' while last[1] do s = s .. kept[last] last = last[1] end return s end",
    "local kept = 0 local function keep(x) local t = { x } kept = t[1] end local function tell() return kept end",
  }
  local STEPS = { "keep(v:get())", "v:set(%d)", "v:add(%d)", "keep(v:add(%d))", "w:set(v:get())", "keep(w:get())",
    "q:put(%d)", "l:acquire() keep(v:get()) l:release()" }

  local function program(draw)
    local text = { "local v, w, q, l = sandbox.value(0), sandbox.value(5), queue(), sandbox.lock() " .. WASTE }
    for i = 1, 2 do
      text[#text + 1] = ("local p%d = spawn(function() %s"):format(i, KEEP[draw(#KEEP)])
      for _ = 1, 3 do text[#text + 1] = " waste(v) " .. STEPS[draw(#STEPS)]:gsub("%%d", tostring(draw(3))) end
      text[#text + 1] = " return tell() end)"
    end
    text[#text + 1] = " print(p1:result(), p2:result(), v:get())"
    return table.concat(text, "\n")
  end

  it("in programs drawn at random: each order has the outcome that it has alone", function()
    local seed = tonumber(os.getenv("SANDBOX_SEED")) or 1
    local function draw(n)
      seed = seed * 6364136223846793005 + 1442695040888963407
      return (seed >> 33) % n + 1
    end
    for _ = 1, rounds.count(20) do
      local text = program(draw)
      local file <close> = shell.file(text)
      local sum = brute.count(file.name, 100000)
      local r = sandbox.explore(assert(loadfile(file.name)))
      assert.are.equal(sum.ways, r.interleavings, text .. r.report)
      local found = {}
      for _, outcome in ipairs(r.outcomes) do
        local printed = outcome.text:gsub("\n$", "")
        found[printed] = (found[printed] or 0) + outcome.interleavings
      end
      assert.are.same(sum.printed, found, text .. r.report)
    end
  end)
end)

-- As without garbage, to the number; and with no more states than there are without it.
describe("--explore counts the interleavings, with garbage, of", function()
  local PROGRAMS = { { "dining" }, { "dining", "4" }, { "dining", "3", "ordered" }, { "two_locks" }, { "lost_update" },
    { "one_section" }, { "until_empty", "3" }, { "missing_sentinel", "right" }, { "one_condition", "all" },
    { "test_then_set" } }
  for _, row in ipairs(PROGRAMS) do
    it(table.concat(row, " "), function()
      local name = row[1]
      local ways, states = explored(FOLDER .. name .. ".lua", table.unpack(row, 2))
      local file <close> = shell.file(wasteful(name))
      local again, no_more, report = explored(file.name, table.unpack(row, 2))
      assert.are.equal(ways, again, report)
      assert.is_true(no_more <= states, report)
    end)
  end
end)

describe("the collector of a process that is explored", function()
  it("goes on after a put", function() -- which holds it off, while garbage is forgotten
    local r = sandbox.explore(function()
      collectgarbage "generational" -- as scripts begin
      local q = queue()
      q:put { {} }
      q:get()
      for _ = 1, 200000 do local _ = {} end
      assert(collectgarbage "count" < 2000, collectgarbage "count")
    end)
    assert.is_true(r.ok and r.complete, r.report)
  end)
end)
