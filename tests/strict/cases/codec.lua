-- strict/cases/codec.lua - values that are sent, and arrive with more power than they had; see strict/hold.lua.
local function sends(name, program, more)
  local case = { program, name = name, alone = { "L" }, escaped = "told" }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

local function crashed(o) return o.status ~= 0 end
local MEMORY <const> = "--memory 64M"
local HELD = { "R" }

return {
  sends("a C function, by its name", "local q = queue() q:put(os.execute) q:get()('touch ' .. OUT .. '/made')", { escaped = "made" }),
  sends("the environment of a function", [[local q, OUT = queue(), OUT
q:put(function() return load "return io" end)
spawn(function() q:get()()().popen("touch " .. OUT .. "/made"):close() end):result(5)]], { escaped = "made" }),
  sends("a metatable, by its name", [[local q = queue()
q:put(setmetatable({ at = 1 }, getmetatable(sandbox.deadline(1))))
getmetatable(q:get()).__index = function() return "ESCAPED" end
print(sandbox.deadline(1).x)]]),
  sends("a forged handle", [[local function native()
  for _, value in pairs(debug.getregistry()) do
    if type(value) == "table" and type(rawget(value, "native")) == "table" then return value.native end
  end
end
sandbox.deadline(1)
local q = queue()
local bytes = native().encode("value", q)
if native().decode(bytes) then print "ESCAPED" end]]),
  sends("a list nested 1,000,000 deep", [[local list, q = {}, queue()
for _ = 1, 1000000 do list = { list } end
q:put(list) list = q:get()
print(type(list))]], { plain = "there is no recursion", escaped = crashed, patience = 20, limits = "--memory 1G" }),
  sends("10,000,000 references", [[local t, list, q = {}, {}, queue()
for i = 1, 10000000 do list[i] = t end
q:put(list)
print "ESCAPED"]], { patience = 30, limits = MEMORY, alone = HELD }),
  sends("__index while a table is encoded", [[local q = queue()
q:put(setmetatable({}, { __index = function() print "ESCAPED" end, __pairs = function() print "ESCAPED" end, __len = function() print "ESCAPED" end }))
q:get()]], { plain = "tables are read raw" }),
  sends("an update that never ends", [[local v = sandbox.value(1)
spawn(function() v:update(function() while true do end end) end)
sleep(0.05)
v:get() v:set(1) print "x" sandbox.self()]], { escaped = "endless", limits = "--cpu 1", alone = HELD }),
  sends("a function with 255 upvalues", [==[local function list(prefix, n) local t = {} for i = 1, n do t[i] = prefix .. i end return table.concat(t, ", ") end
local outer, inner, ones = list("a", 150), list("b", 105), {}
for i = 1, 150 do ones[i] = i end
local f = load(([[local t = ... local %s = table.unpack(t)
return (function() local %s = table.unpack(t) return function() return #{ %s, %s } end end)()]]):format(outer, inner, outer, inner))(ones)
local q = queue()
for _ = 1, 100 do q:put(f) f = q:get() end
assert(f() == 255)]==], { plain = "they are counted", escaped = crashed }),
  sends("a string of 4 GB", "local q = queue() q:put(('x'):rep(1 << 32)) print 'ESCAPED'", { limits = MEMORY, alone = HELD,
    plain = "the machine has not the memory", escaped = function() return false end, patience = 60 }),

  -- Found by trying.
  sends("a function of the library, with what it sees", [[local q = queue()
q:put(sandbox.pool)
local pool = q:get()
print(debug.getupvalue(pool, 1) and "ESCAPED")]]),
  sends("a function that was replaced at the receiver", [[local q = queue()
q:put(print)
print = function(f) end
local popen = io.popen
q:put(popen)
local f = q:get()
q:get()("touch " .. OUT .. "/made"):close()]], { escaped = "made" }),
  sends("a handle of a file", "local q = queue() q:put(io.stdout) getmetatable(q:get()).__index.x = 1 print 'ESCAPED'"),
}
