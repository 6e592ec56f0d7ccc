-- Coroutines and protected calls are the library's own (it must know who runs), and behave as Lua's.
local script = require "support.script"
local shell = require "support.shell"

-- What `text` prints under the program, and under the stock lua5.4: the same, or tell where they differ.
local function same(text)
  local ours = script.run(text)
  local theirs = script.run(text, { program = "lua5.4" })
  local function clean(r, what)
    local program = what == "lua5.4" and "lua5%.4: " or "sandbox: "
    return (r.err:gsub(r.name, "FILE"):gsub("0x%x+", "ADDRESS"):gsub("^" .. program, "")),
      (r.out:gsub(r.name, "FILE"):gsub("0x%x+", "ADDRESS"))
  end
  local err, out = clean(theirs, "lua5.4")
  local our_err, our_out = clean(ours, "sandbox")
  assert.are.equal(out, our_out)
  assert.are.equal(err, our_err)
  assert.are.equal(theirs.status, ours.status)
  return out
end

describe("as in lua5.4:", function()
  if select(2, shell.run("command -v lua5.4")) ~= 0 then return pending("there is no lua5.4 here") end

  it("resume, yield and what they pass on", function()
    same [[
      local co = coroutine.create(function(...)
        print("in", select("#", ...), ...)
        print("back", coroutine.yield())
        print("back", coroutine.yield(nil, nil))
        return nil, 1, nil
      end)
      print(coroutine.resume(co, nil, 2, nil))
      print(coroutine.status(co), coroutine.resume(co, 1, nil))
      print(select("#", coroutine.resume(co)))
      print(coroutine.status(co), coroutine.resume(co))
      local wrapped = coroutine.wrap(function(a) while true do a = coroutine.yield(a, a + 1) end end)
      print(wrapped(1)) print(wrapped(5))
      for k, v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i, i * i) end end) do print(k, v) end
    ]]
  end)

  it("errors of resume and wrap: values, positions, dead and busy coroutines", function()
    same [[
      local function try(...) print(pcall(...)) end
      local e = setmetatable({}, { __tostring = function() return "an object" end })
      for _, value in ipairs { "text", 5, e, true } do
        local co = coroutine.create(function() error(value) end)
        local ok, got = coroutine.resume(co)
        print(ok, rawequal(got, value), tostring(got), coroutine.status(co))
        print(coroutine.resume(co))
        local wrapped = coroutine.wrap(function() error(value) end)
        local ok, got = pcall(wrapped)
        print(ok, rawequal(got, value), tostring(got))
        try(wrapped)
      end
      local nested = coroutine.wrap(function() coroutine.wrap(function() error "deep" end)() end)
      try(nested)
      local co co = coroutine.create(function()
        print(coroutine.resume(co))
        print(coroutine.running() == co, coroutine.isyieldable())
        print(coroutine.resume(coroutine.create(function() return coroutine.status(co), coroutine.resume(co) end)))
        print(pcall(coroutine.close, co))
        print(coroutine.resume(coroutine.create(function() print(pcall(coroutine.close, co)) end)))
      end)
      coroutine.resume(co)
      local wrapped wrapped = coroutine.wrap(function() wrapped() end)
      try(wrapped)
      try(coroutine.resume) try(coroutine.resume, 1) try(coroutine.wrap) try(coroutine.wrap, {}) try(coroutine.close, 5)
      try(coroutine.close)
      print(coroutine.resume(coroutine.create(table.unpack), {}, 1, 1e7))
      print(coroutine.running())
    ]]
  end)

  it("close, with __close that run, raise and replace the error", function()
    same [[
      local function closer(name, fails)
        return setmetatable({}, { __close = function(_, e)
          print("close", name, e, coroutine.running() ~= nil, coroutine.isyieldable())
          if fails then error(name .. " failed", 0) end
        end })
      end
      for _, fails in ipairs { false, true } do
        local co = coroutine.create(function()
          local a <close> = closer("a", fails)
          local b <close> = closer("b", fails)
          coroutine.yield(1)
        end)
        print(coroutine.resume(co))
        print(coroutine.close(co))
        print(coroutine.status(co), coroutine.close(co))
        local failing = coroutine.create(function()
          local a <close> = closer("a", fails)
          error("body", 0)
        end)
        print(coroutine.resume(failing))
        print(coroutine.status(failing), coroutine.close(failing))
        print(coroutine.close(failing))
        print(pcall(coroutine.wrap(function()
          local a <close> = closer("a", fails)
          error("body", 0)
        end)))
        do
          local next = coroutine.wrap(function() local a <close> = closer("a", false) coroutine.yield(1) end)
          next()
        end
      end
    ]]
  end)

  it("pcall and xpcall: results, handlers, yields across them, errors in handlers", function()
    same [[
      print(pcall(function(...) return ... end, 1, nil, nil))
      print(select("#", pcall(function() end)))
      print(pcall(error)) print(pcall(error, nil)) print(pcall(error, "x", 0)) print(pcall(nil)) print(pcall({}))
      print(select("#", pcall(error)))
      print(xpcall(function(...) return ... end, print, 1, nil))
      print(xpcall(error, function(e) return "handled " .. tostring(e), "more" end, "e", 0))
      print(xpcall(error, function() error "again" end, "e") == false)
      print((select(2, xpcall(function() local x = nil + 1 end, debug.traceback))))
      print(pcall(xpcall)) print(pcall(xpcall, print)) print(pcall(pcall)) print(pcall(xpcall, print, 5))
      local co = coroutine.wrap(function()
        print("pcall", pcall(function(a) print(coroutine.yield(a)) return "done", nil end, 1))
        print("pcall", pcall(function() coroutine.yield(2) error("late", 0) end))
        print("xpcall", xpcall(function(a) coroutine.yield(a) error("later", 0) end, function(e) return e .. "!" end, 3))
        print("nested", pcall(pcall, function() coroutine.yield(4) error({}) end) )
        local x <close> = setmetatable({}, { __close = function() coroutine.yield("closing") print "closed" end })
        return "end"
      end)
      for i = 1, 6 do print(i, co("back" .. i)) end
      print(pcall(co))
      local function deep(n) return n == 0 and error("bottom", 0) or (pcall(deep, n - 1) and deep(n - 1)) end
      print(pcall(deep, 10))
      local function overflow() return 1 + overflow() end
      local ok, e = pcall(overflow) print(ok, e:match("stack overflow"))
      local function nest() return pcall(nest) end
      print((nest()))
      local function conest() return coroutine.wrap(conest)() end
      local ok, e = pcall(conest) print(ok, (e:match("C stack overflow")))
    ]]
  end)

  it("tracebacks, of an error that nobody catches too", function()
    same [[
      local function inner() print(debug.traceback("here")) coroutine.yield() end
      local co = coroutine.create(function() pcall(inner) end)
      coroutine.resume(co)
      print(debug.traceback(co)) print(debug.traceback(co, nil, 1))
      coroutine.wrap(function() xpcall(inner, print) end)()
      local function fail() error "at last" end
      print(xpcall(function() coroutine.wrap(function() fail() end)() end, debug.traceback))
      pcall(coroutine.resume, coroutine.create(function() print(debug.traceback()) end))
      local function main() coroutine.wrap(fail)() end
      main()
    ]]
  end)

  it("debug hooks, for each coroutine its own", function()
    same [[
      local n = 0
      debug.sethook(function() n = n + 1 end, "", 1000)
      for _ = 1, 1e5 do end
      print(n > 100, debug.gethook() ~= nil, select(2, debug.gethook()), select(3, debug.gethook()))
      local co = coroutine.create(function()
        print(debug.gethook())
        local lines = {}
        debug.sethook(function(event, line) lines[#lines + 1] = event .. line end, "l")
        local x = 1
        coroutine.yield()
        debug.sethook()
        print(#lines, debug.gethook())
      end)
      coroutine.resume(co)
      print(select(2, debug.gethook(co)), (select(2, debug.gethook())))
      coroutine.resume(co)
      debug.sethook(co, print, "c")
      print(debug.gethook(co))
      debug.sethook()
      print(debug.gethook())
      print(pcall(debug.sethook, 1, 2)) print(pcall(debug.sethook, print))
      local events = {}
      debug.sethook(function(event) events[#events + 1] = event end, "cr")
      math.abs(1)
      debug.sethook()
      print(table.concat(events, " "))
    ]]
  end)

  it("functions have their names in messages and travel by them", function()
    local r = script.run [[
      local q = queue()
      q:put { pcall, xpcall, coroutine.resume, coroutine.wrap, coroutine.close, debug.sethook }
      local list = q:get()
      for i, f in ipairs { pcall, xpcall, coroutine.resume, coroutine.wrap, coroutine.close, debug.sethook } do
        assert(rawequal(list[i], f))
      end
      print "ok"
    ]]
    assert.are.same({ "ok\n", "", 0 }, { r.out, r.err, r.status })
  end)
end)
