-- The library works whatever a script does to its globals, and to the tables of libraries: each name in turn is something
-- else in a process that then uses all of the library that is written in Lua.
local script = require "support.script"

local WORKOUT = [==[
local assert, error, ipairs, next, pcall, select, tostring, type = assert, error, ipairs, next, pcall, select, tostring, type
local getmetatable, _G = getmetatable, _G
local pool, scope, join_all, as_completed = sandbox.pool, sandbox.scope, sandbox.join_all, sandbox.as_completed
local spawn, queue, sandbox_select, dict, value = sandbox.spawn, sandbox.queue, sandbox.select, sandbox.dict, sandbox.value
local find, debug_setmetatable, coroutine_create = string.find, debug.setmetatable, coroutine.create
local sleep, print = sandbox.sleep, print

local function fails(text, f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  assert(find(tostring(e), text, 1, true), tostring(e))
  return e
end

-- Only methods of handles, and what is local here.
local function workout()
  local function square(x) return x * x end
  local list = { 1, 2, 3, 4, 5 }
  do
    local p <close> = pool { workers = 1, name = "crew", max_tasks = 1000, init = function() end }
    local squares = p:map(square, list)
    for i = 1, 5 do assert(squares[i] == i * i) end
    assert(p:map(function(x) return { x } end, list, 2)[5][1] == 5)
    assert(p:starmap(function(a, b) return a + b end, { { 1, 2 } })[1] == 3)
    local long = {}
    for i = 1, 300 do long[i] = i end
    assert(p:map(square, long, 150)[300] == 90000)
    local n = 0
    for i, v in p:imap(square, list) do n = n + 1 assert(v == i * i) end
    local k = 0
    for i, v in p:imap_unordered(square, function() k = k + 1 return k <= 30 and k or nil end) do n = n + 1 assert(v == i * i) end
    assert(n == 35)
    assert(fails("on a nil value", p.map, p, function(x) if x == 3 then x = nil end return x + 1 end, list).index == 3)
    assert(fails("on a nil value", p.map, p, function(x) if x == 200 then x = nil end return -x end, long, 300).index == 200)
    fails("cannot be sent", p.map, p, square, { coroutine_create(error) })
    local f, g = p:submit(square, 7), p:submit(square, 8)
    assert(f:result() == 49)
    assert(find(tostring(g), "future: task", 1, true) and find(tostring(p), "pool: crew", 1, true))
    assert(join_all { f, g })
    local i, ok, v = sandbox_select { g }
    assert(i == 1 and ok and v == 64)
    local _, failure = p:submit(function(x) return x() end, nil):join()
    assert(find(failure.message, "attempt to call a nil value", 1, true))
    fails("a timeout cannot be negative", f.join, f, -1)
    fails("unknown option", pool, { worker = 1 })
    assert(p:close() and p:join())
  end
  local p = pool(1)
  local f = p:submit(sleep, 60)
  p:terminate()
  assert(select(2, f:join()).message == "the pool was terminated")
  do
    local g <close> = scope()
    local a, b = g:spawn(square, 2), g:spawn({ name = "b" }, square, 3)
    local sum = 0
    for _, ok, v in as_completed { a, b } do assert(ok) sum = sum + v end
    assert(sum == 13)
  end
  local e = fails("child", function()
    local g <close> = scope()
    g:spawn(sleep, 60)
    g:spawn(error, "child", 0)
  end)
  assert(e.message == "child")
  local q, d, x = queue(), dict(), value(1)
  q:put { 1 }
  d.k = 5
  assert(q:get()[1] == 1 and d.k == 5 and x:update(function(old) return old + 1 end))
  assert(q:get(0) == nil)
  for key, v in next, { a = 1 } do assert(key == "a" and v == 1) end
  assert(join_all({ spawn(function() return 1 end) }, 20))
end

local failed = 0
local function try(name, change)
  local p = spawn({ quiet = true, name = "w" }, function()
    change()
    workout()
  end)
  local ok, failure = p:join(30)
  if not ok then
    failed = failed + 1
    print(name, failure)
    if failure == "timeout" then p:kill() end
  end
  return ok
end

local function replaced() error("the script's own", 0) end
local names = {}
for name, what in next, _G do names[#names + 1] = { name, what } end
for _, entry in ipairs(names) do
  local name, what = entry[1], entry[2]
  if name ~= "_G" then
    try(name .. " = {\"x\"}", function() _G[name] = { "x" } end)
    if type(what) == "function" then try(name .. " raises", function() _G[name] = replaced end) end
    if type(what) == "table" and name ~= "package" then
      local fields = {}
      for field, v in next, what do fields[#fields + 1] = type(v) == "function" and field or nil end
      if not try("all of " .. name, function() for _, field in ipairs(fields) do what[field] = replaced end end) then
        for _, field in ipairs(fields) do try(name .. "." .. field, function() what[field] = replaced end) end
      end
    end
  end
end
try("all of them", function()
  for _, entry in ipairs(names) do
    if entry[1] ~= "_G" then _G[entry[1]] = nil end
  end
end)
try("the string metatable", function() getmetatable("").__index = replaced end)
try("no string metatable", function() debug_setmetatable("", nil) end)
try("metatables of basic types", function()
  local meta = { __index = replaced, __call = replaced, __len = replaced, __tostring = function() return "?" end, __name = 1 }
  debug_setmetatable(1, meta) debug_setmetatable(true, meta) debug_setmetatable(print, meta)
end)
try("select of another kind", function() _G.select = sandbox_select end)
print("failed", failed)
]==]

describe("a script's own globals", function()
  it("and its changes to libraries do not reach the library", function()
    local r = script.run(WORKOUT, { seconds = 200 })
    assert.are.same({ "failed\t0\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("an io of its own: what the old one printed is still tagged", function()
    local r = script.run([[
      local out = io.stdout
      io = nil
      spawn({ name = "w" }, function() out:write("from w\n") end):join()
    ]], { args = "--output tag" })
    assert.are.same({ "[w#2] from w\n", "", 0 }, { r.out, r.err, r.status })
  end)
end)

describe("the prompt", function()
  -- What a session says to some inputs after `change` was made to what chunks see.
  local function talk(change)
    local shell = require "support.shell"
    local assert, load, rawset = assert, load, rawset
    local texts, made, said = {}, {}, ""
    local of_library = {} -- modules that the prompt shares with the library
    for _, folder in ipairs { "src/lua/prelude/", "src/prompt/lua/" } do
      for name in shell.run("ls -1 " .. shell.quote(shell.source .. "/" .. folder)):gmatch("([%w_]+)%.lua") do
        texts[name] = shell.read(folder .. name .. ".lua")
        of_library[name] = folder == "src/lua/prelude/"
      end
    end
    local library, environment = sandbox, _ENV
    local function use(name)
      if made[name] == nil then
        made[name] = assert(load(texts[name], "=[sandbox " .. name .. "]", "t", of_library[name] and use "std" or environment))(library, use)
      end
      return made[name]
    end
    local function say(text) said = said .. text end
    local host = {
      color = false, meta = shell.read("src/lua/meta/sandbox.lua"), width = function() return 80 end, clock = function() return 0 end,
      say = function(text) said = said .. text .. "\n" end, run = function() end, request = function() return "" end,
      list = function() return {} end,
    }
    local std = use "std"
    rawset(std, "put_out", say)
    rawset(std, "put_err", say)
    local S = use "session".new(host)
    local inputs = {
      "1 + 1", "{ 1, 2, x = { 'deep', true } }", "local x <const> = 5 return x, nil, 'text'", "nil + 1", "(function() nope() end)()",
      "help('queue.put')", "help(1)", "for", "'unfinished", "help()",
    }
    if change then change() end
    for i = 1, #inputs do S:eval(inputs[i]) end
    S:command(":help q")
    S:command(":nonsense")
    S:complete("que", 3)
    S:complete("string.fo", 9)
    return said
  end

  it("says the same whatever chunks have done to their globals", function()
    local function result(change)
      local ok, what = spawn({ quiet = true }, talk, change):join(60)
      return ok and what:gsub("0x%x+", "0x"):gsub("queue#%d+", "queue"):gsub("repl:%d+", "repl") or tostring(what)
    end
    local before = result()
    assert.is_truthy(before:find("put", 1, true), before)
    local function replaced() error("the script's own", 0) end
    for name, what in next, _G do
      if name ~= "_G" and name ~= "help" and name ~= "queue" and name ~= "nope" then
        assert.are.equal(before, result(function() rawset(_G, name, { "x" }) end), name)
        if type(what) == "table" and name ~= "package" and name ~= "arg" and not name:find("^assert") then
          local fields = {}
          for field, v in next, what do fields[#fields + 1] = type(v) == "function" and field or nil end
          assert.are.equal(before, result(function() for _, field in ipairs(fields) do what[field] = replaced end end), name)
        end
      end
    end
    assert.are.equal(before, result(function() getmetatable("").__index = replaced end))
  end)
end)
