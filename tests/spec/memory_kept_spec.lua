-- Memory that messages and results took goes back to the system.
local script = require "support.script"

local rss = [[
  local function kib(what)
    for line in io.lines("/proc/self/status") do
      local n = line:match("^" .. what .. ":%s+(%d+)")
      if n then return tonumber(n) end
    end
  end
]]

describe("memory", function()
  local sanitized = os.getenv("SANDBOX_SANITIZED") or "" -- sanitizers keep what is freed, to find uses of it

  it("of 15 maps with results of 36 MB is not kept by the process that called them", function()
    if sanitized ~= "" then return pending("sanitizers keep memory") end
    local r = script.run(rss .. [[
      local pool <close> = sandbox.pool(2)
      for _ = 1, 15 do
        local list = pool:map(function(n)
          local t = {}
          for k = 1, 1000 do t[k] = ("%d"):format(n * 1000 + k):rep(200) end
          return t
        end, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
          30, 31, 32, 33, 34, 35, 36 })
        assert(#list == 36 and #list[36] == 1000)
        list = nil
        collectgarbage()
      end
      print(kib("VmRSS") <= 80 * 1024 and "ok" or kib("VmRSS"))
    ]], { seconds = 120 })
    assert.are.same({ "ok\n", "" }, { r.out, r.err })
  end)

  it("of large values, results and items is not kept", function()
    if sanitized ~= "" then return pending("sanitizers keep memory") end
    local r = script.run(rss .. [[
      local function large(n) local t = {} for i = 1, n do t[i] = ("%d"):format(i):rep(1 << 18) end return t end
      local q, x = queue(), sandbox.value(0)
      for n = 20, 40, 5 do
        q:put(large(n))
        assert(#q:get() == n)
        assert(#spawn(large, n):result() == n)
        x:set(large(n))
        assert(#x:get() == n)
        collectgarbage()
      end
      print(kib("RssAnon") <= 48 * 1024 and "ok" or kib("RssAnon"))
    ]], { seconds = 60 })
    assert.are.same({ "ok\n", "" }, { r.out, r.err })
  end)

  it("that is kept for the next message goes back when the process has slept for a second", function()
    if sanitized ~= "" then return pending("sanitizers keep memory") end
    local r = script.run(rss .. [[
      local q = queue()
      local parts = {}
      for i = 1, 40 do parts[i] = ("%d"):format(i):rep(40000) end
      q:put(parts) -- its buffer grows step by step
      parts = nil
      collectgarbage() collectgarbage()
      local before = kib("RssAnon")
      sleep(1.2)
      print(before - kib("RssAnon") >= 2048 and "ok" or before .. " " .. kib("RssAnon"))
    ]])
    assert.are.same({ "ok\n", "" }, { r.out, r.err })
  end)

  it("of a queue that was full of large items goes back when a process that holds it has slept for a second", function()
    local r = script.run([[
      local q = queue()
      for i = 1, 12 do q:put(("x"):rep(8 << 20)) end
      local pid = sandbox.getpid()
      local function mebibytes()
        local list = assert(io.popen(("for f in /proc/%d/fd/*; do case $(readlink $f) in *sandbox-queue*) stat -Lc %%b $f;; esac; done"):format(pid)))
        local blocks = 0
        for n in list:lines() do blocks = blocks + n end
        list:close()
        return blocks // 2048
      end
      assert(mebibytes() >= 96, mebibytes())
      for i = 1, 12 do assert(#q:get() == 8 << 20) end
      assert(mebibytes() >= 96, mebibytes()) -- more may come
      for _ = 1, 20 do
        if mebibytes() <= 34 then break end
        sleep(1.5)
      end
      print(mebibytes() <= 34 and "ok" or mebibytes())
      for i = 1, 12 do
        q:put(("y"):rep(8 << 20))
        assert(q:get() == ("y"):rep(8 << 20))
      end
    ]], { seconds = 60 })
    assert.are.same({ "ok\n", "" }, { r.out, r.err })
  end)

  it("of tables that were collected goes back when the process has slept for a second", function()
    if sanitized ~= "" then return pending("sanitizers keep memory") end
    local r = script.run(rss .. [[
      local keep = {}
      for i = 1, 5e5 do keep[i] = { i } end
      for i = 3e5, 5e5 do keep[i] = nil end
      collectgarbage() collectgarbage()
      local before = kib("RssAnon")
      sleep(1.2)
      print(before - kib("RssAnon") >= 8192 and "ok" or before .. " " .. kib("RssAnon"))
      for i = 1, 3e5 - 1 do assert(keep[i][1] == i) end
      for i = 3e5, 5e5 do keep[i] = { i } end
      for i = 1, 5e5 do assert(keep[i][1] == i) end
    ]])
    assert.are.same({ "ok\n", "" }, { r.out, r.err })
  end)
end)
