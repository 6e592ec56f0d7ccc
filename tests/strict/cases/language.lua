-- strict/cases/language.lua - ways to get at what the language has and a script must not; see strict/hold.lua.
-- The language layer holds them alone. What the kernel still holds when that has fallen are the other kinds.
local function gets(name, program, more)
  local case = { program, name = name, alone = { "L" }, escaped = "told" }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

local function not_allowed(name) return name:gsub("%p", "%%%0") .. " is not allowed in strict mode\n" end

local TOUCH <const> = "'touch ' .. OUT .. '/made'"

-- Two small tables that are made one after the other lie close together; other numbers do not.
local function are_addresses(o)
  local a, b = o.out:match("0x(%x+)%s+0x(%x+)")
  return a ~= nil and math.abs(tonumber(a, 16) - tonumber(b, 16)) < 1 << 16
end

return {
  gets("bytecode, by load", "print(load(@bytecode@)) load(@bytecode@)()"),
  gets("bytecode, by loadfile", "loadfile('data/x')()",
    { setup = "mkdir data; $SANDBOX -e \"io.open('data/x', 'wb'):write(string.dump(load('print [[ESCAPED]]')))\"", allow = "--allow-read=data" }),
  gets("load without an environment", "load('return os.execute')()(" .. TOUCH .. ")", { escaped = "made" }),
  gets("require 'io'", "require('io').popen(" .. TOUCH .. ")", { escaped = "made" }),
  gets("package.loaded", "package.loaded._G.os.execute(" .. TOUCH .. ")", { escaped = "made" }),
  gets("package.preload", "package.loaded.io = nil io = nil package.preload.io = nil require('io').popen(" .. TOUCH .. "):close()", { escaped = "made",
    plain = "there is no second io" }),
  gets("package.searchers", [[package.path, package.cpath = OUT .. "/?.lua", OUT .. "/?.so"
for i, search in ipairs(package.searchers) do
  local loader, where = search "secret"
  if type(loader) == "function" then print(i, loader("secret", where)) end
end]], { escaped = "secret" }),
  gets("debug.getregistry", [[for _, value in pairs(debug.getregistry()) do
  if type(value) == "table" and rawget(value, "popen") then value.popen("touch " .. OUT .. "/made"):close() end
end
debug.getregistry()._LOADED.os.execute("touch " .. OUT .. "/made")]], { escaped = "made", says = not_allowed "debug.getregistry" }),
  gets("debug.setupvalue", "local x = 1 debug.setupvalue(function() return x end, 1, 2) if x == 2 then print 'ESCAPED' end",
    { says = not_allowed "debug.setupvalue" }),
  gets("debug.upvaluejoin", "local x, y = 1, 2 debug.upvaluejoin(function() return x end, 1, function() return y end, 1) print 'ESCAPED'",
    { says = not_allowed "debug.upvaluejoin" }),
  gets("debug.sethook", "debug.sethook(function() debug.sethook() print 'ESCAPED' end, 'l') local x = 1\nx = 2",
    { says = not_allowed "debug.sethook" }),
  gets("debug.setmetatable", "debug.setmetatable(1, { __index = function() return 'ESCAPED' end }) print((1).x)",
    { says = not_allowed "debug.setmetatable" }),
  gets("debug.getlocal, of the library that calls", [[sandbox.pool(1):map(function(x) return x end, setmetatable({ 1 }, { __len = function()
  for level = 2, 5 do if debug.getlocal(level, 1) then print "ESCAPED" break end end
  return 1
end }))]], { says = "debug.getlocal is not allowed in strict mode" }),
  gets("the metatable of strings", "getmetatable('').__index = function() return function() print 'ESCAPED' end end (''):x()"),
  gets("the metatable of handles", "getmetatable(queue()).__index.put = function() print 'ESCAPED' end queue():put(1)"),
  gets("string.dump", "local code = string.dump(function() end) if code then print 'ESCAPED' end", { says = not_allowed "string.dump" }),
  gets("__gc", "setmetatable({}, { __gc = function() os.execute(" .. TOUCH .. ") end }) collectgarbage()", { escaped = "made" }),
  gets("__close", "do local x <close> = setmetatable({}, { __close = function() os.execute(" .. TOUCH .. ") end }) end", { escaped = "made" }),
  gets("__tostring in a report", "error(setmetatable({}, { __tostring = function() os.execute(" .. TOUCH .. ") return 'x' end }))", { escaped = "made" }),
  gets("addresses, by %p", "print(string.format('%p %p', {}, {}))", { escaped = are_addresses }),
  gets("os.setlocale", "if os.setlocale('C.UTF-8') then print 'ESCAPED' end", { says = not_allowed "os.setlocale" }),
  gets("collectgarbage 'stop'", "collectgarbage 'stop' if not collectgarbage 'isrunning' then print 'ESCAPED' end",
    { says = not_allowed "collectgarbage('stop')" }),

  -- Found by trying.
  gets("a script of bytecode", "", { setup = "$SANDBOX -e \"io.open('main.lua', 'wb'):write(string.dump(load('print [[ESCAPED]]')))\"" }),
  gets("bytecode, by require", "package.path = './?.lua' require 'x'",
    { setup = "$SANDBOX -e \"io.open('x.lua', 'wb'):write(string.dump(load('print [[ESCAPED]]')))\"" }),
  gets("bytecode, by dofile", "dofile('data/x')",
    { setup = "mkdir data; $SANDBOX -e \"io.open('data/x', 'wb'):write(string.dump(load('print [[ESCAPED]]')))\"", allow = "--allow-read=data" }),
  gets("bytecode, by load with a mode", "load(@bytecode@, 'x', 'b')()"),
  gets("bytecode, by load in pieces", "local t = { @bytecode@ } load(function() return table.remove(t) end, 'x', 'bt')()"),
  gets("addresses, by tostring", "print((tostring {}:gsub('table: ', '')), (tostring {}:gsub('table: ', '')))", { escaped = are_addresses }),
  gets("addresses, by print", "print({}, {})", { escaped = function(o) return are_addresses { out = o.out:gsub("table: ", "") } end }),
  gets("addresses, by %s", "print(string.format('%s %s', {}, {}):gsub('table: ', ''))", { escaped = are_addresses }),
  gets("addresses, of functions", "print((tostring(function() return OUT end):gsub('.*: ', '')), (tostring(function() return OUT end):gsub('.*: ', '')))",
    { escaped = are_addresses }),
  gets("addresses, of coroutines", "print((tostring(coroutine.create(print)):gsub('.*: ', '')), (tostring(coroutine.create(print)):gsub('.*: ', '')))",
    { escaped = are_addresses }),
  gets("addresses, of strings", "print(string.format('%p %p', ('x'):rep(60), ('y'):rep(60)))", { escaped = are_addresses }),
  gets("addresses, of files", "print((tostring(io.stdout):gsub('.*%(', '')), (tostring(io.stderr):gsub('.*%(', '')))",
    { escaped = function(o) return are_addresses { out = o.out:gsub("%)", "") } end }),
  gets("addresses, by the seed of math.random", "local _, at = math.randomseed() print(('0x%x 0x%x'):format(at, tonumber(tostring(coroutine.running()):match '0x%x+')))",
    { escaped = are_addresses }),
  gets("addresses, by __name", "print((tostring(setmetatable({}, { __name = 'x' })):gsub('.*: ', '')), (tostring(setmetatable({}, { __name = 'x' })):gsub('.*: ', '')))",
    { escaped = are_addresses }),
  gets("the metatable of files", "getmetatable(io.stdout).__index.write = function() print 'ESCAPED' end io.stdout:write 'y'"),
  gets("the classes of the library", [[getmetatable(sandbox.deadline(1)).__index = function() print "ESCAPED" end
local _ = sandbox.deadline(1).x]]),
  gets("collectgarbage with a pace", "if collectgarbage('setpause', 1000) then print 'ESCAPED' end"),
  gets("collectgarbage with a negative step", [[collectgarbage("step", -(1 << 30))
local before = collectgarbage "count"
for i = 1, 300000 do local t = { i } end
if collectgarbage "count" - before > 15000 then print "ESCAPED" end]], { says = "collectgarbage%('step', a negative number%) is not allowed" }),
  gets("collectgarbage with a step that becomes negative", [[collectgarbage("step", 0xC0000000)
local before = collectgarbage "count"
for i = 1, 300000 do local t = { i } end
if collectgarbage "count" - before > 15000 then print "ESCAPED" end]], { says = "collectgarbage%('step', a negative number%) is not allowed" }),
  gets("debug.setuservalue", "debug.setuservalue(io.stdout, 1) print 'ESCAPED'", { says = not_allowed "debug.setuservalue" }),
  gets("debug.debug", "debug.debug() print 'ESCAPED'", { says = not_allowed "debug.debug" }),
}
