-- The options of a process may come from an __index, and then nothing but the library has their strings.
local function name() return table.concat { "x", ("abcdefgh"):rep(5), "z" } end
local function fill()
  collectgarbage()
  local t = {}
  for i = 1, 2000 do t[i] = ("y"):rep(39) .. i end
end
local options = setmetatable({}, {
  __index = function(_, key)
    if key == "name" then return name() end
    if key == "on" or key == "target" then fill() end
    if key == "target" then return function() end end
  end,
})
for _ = 1, 5 do
  local p = spawn(options, function() end)
  assert(p.name == name(), p.name)
  assert(p:join())
  p = sandbox.process(options)
  assert(p.name == name(), p.name)
  p:start()
  assert(p.name == name(), p.name)
  assert(p:join())
end

-- The target that was checked is the one that runs.
local asked = 0
local p = sandbox.process(setmetatable({}, {
  __index = function(_, key)
    if key ~= "target" then return nil end
    asked = asked + 1
    return asked == 1 and function() return "first" end or 7
  end,
}))
p:start()
assert(select(2, p:join()) == "first")
