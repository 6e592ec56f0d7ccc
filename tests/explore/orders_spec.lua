-- Whatever real processes print is among the outcomes of --explore: of what looks at several processes or objects, and may look late.
local rounds = require "support.rounds"
local shell = require "support.shell"

local TIMES = tonumber(os.getenv("SANDBOX_ORDERS")) or 20 -- runs of each program, and as many with pauses

local PROGRAMS = {
  ["a scope, of which one process fails"] = [[
    local v = sandbox.value(0)
    local ok, e = pcall(function()
      local s <close> = sandbox.scope()
      s:spawn({ quiet = true }, function() v:add(1) error("one", 0) end)
      s:spawn({ quiet = true }, function() v:add(10) v:add(100) end)
    end)
    print(ok, tostring(e):match("one"), v:get())]],
  ["a scope, of which both fail"] = [[
    local v = sandbox.value(0)
    local ok, e = pcall(function()
      local s <close> = sandbox.scope()
      s:spawn({ quiet = true }, function() v:add(1) error("one", 0) end)
      s:spawn({ quiet = true }, function() v:add(10) error("two", 0) end)
    end)
    print(ok, tostring(e):match("one"), tostring(e):match("two"), v:get())]],
  ["a scope whose block fails meanwhile"] = [[
    local v = sandbox.value(0)
    local ok = pcall(function()
      local s <close> = sandbox.scope()
      s:spawn(function() v:add(1) v:add(10) v:add(100) end)
      if v:get() > 0 then error("seen", 0) end
    end)
    print(ok, v:get())]],
  ["join_all, of which one fails"] = [[
    local v = sandbox.value(0)
    local a = spawn(function() v:add(1) end)
    local b = spawn({ quiet = true }, function() v:add(10) error("two", 0) end)
    local c = spawn(function() v:add(100) v:add(1000) end)
    local ok, e = sandbox.join_all { a, b, c }
    print(ok, e and e.process == b, v:get(), a:alive(), c:alive())]],
  ["join_all, of which both fail"] = [[
    local v = sandbox.value(0)
    local a = spawn({ quiet = true }, function() v:add(1) error("one", 0) end)
    local b = spawn({ quiet = true }, function() v:add(10) error("two", 0) end)
    local ok, e = sandbox.join_all { a, b }
    print(ok, e and tostring(e):match("one"), e and tostring(e):match("two"), v:get())
    pcall(a.join, a) pcall(b.join, b)]],
  ["select over queues and an event"] = [[
    local q, r, e = queue(), queue(), sandbox.event()
    spawn(function() q:put(1) end) spawn(function() r:put(2) end) spawn(function() e:set() end)
    for _ = 1, 2 do print(sandbox.select { q, r, e }) end
    print(#q, #r)]],
  ["select over a process and its queue"] = [[
    local q = queue()
    local p = spawn(function() q:put(1) end)
    local which = sandbox.select { p, q }
    print(which, q:try_get())]],
  ["select, which finds nothing yet"] = [[
    local q, r = queue(), queue()
    spawn(function() q:put(1) r:put(2) end)
    print(sandbox.select({ r, q }, 0))
    print(sandbox.select({ r, q }))]],
  ["join_all, of which both fail at once"] = [[
    local a, b = spawn({ quiet = true }, error, "one", 0), spawn({ quiet = true }, error, "two", 0)
    local ok, e = sandbox.join_all { a, b }
    print(ok, tostring(e):match("one"), tostring(e):match("two"))
    pcall(a.join, a) pcall(b.join, b)]],
  ["join_all, of which both fail, in the other order than they worked"] = [[
    local q = queue()
    local a = spawn({ quiet = true }, function() q:put("a") error("one", 0) end)
    local b = spawn({ quiet = true }, function() q:put("b") error("two", 0) end)
    local ok, e = sandbox.join_all { a, b }
    pcall(a.join, a) pcall(b.join, b)
    print(ok, tostring(e):match("one"), tostring(e):match("two"), q:get())]],
  ["a scope, of which both fail at once"] = [[
    local ok, e = pcall(function()
      local s <close> = sandbox.scope()
      s:spawn({ quiet = true }, error, "one", 0)
      s:spawn({ quiet = true }, error, "two", 0)
    end)
    print(ok, tostring(e):match("one"), tostring(e):match("two"))]],
  ["as_completed"] = [[
    local list = {}
    for i = 1, 3 do list[i] = spawn(function() end) end
    local names = {}
    for p in sandbox.as_completed(list) do
      for i = 1, 3 do if list[i] == p then names[#names + 1] = i end end
    end
    print(table.concat(names, " "))]],
}

describe("what real processes print is an outcome of --explore:", function()
  for name, text in pairs(PROGRAMS) do
    it(name, function()
      local file <close> = shell.file(text)
      local found = sandbox.explore(assert(loadfile(file.name)))
      local known, all = {}, {}
      assert.is_true(found.complete, tostring(found))
      for _, outcome in ipairs(found.outcomes) do
        known[outcome.text] = true
        all[#all + 1] = outcome.text
      end
      for seed = 1, rounds.count(TIMES) do
        for _, options in ipairs { "", "--shake=1 --seed " .. seed } do
          local printed = shell.run(("timeout -k 1 30 %s %s %s 2>/dev/null"):format(shell.quote(shell.program), options,
            shell.quote(file.name)))
          assert.is_true(known[printed], printed .. "is none of\n" .. table.concat(all))
        end
      end
    end)
  end
end)
