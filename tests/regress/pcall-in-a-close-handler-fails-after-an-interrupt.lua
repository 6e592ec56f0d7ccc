-- While the error of an interrupt was on its way, pcall caught nothing: what a __close does broke off.
local ready, told = queue(), queue()
local p = spawn({ quiet = true }, function()
  local c <close> = setmetatable({}, { __close = function()
    told:put { pcall(error, "caught", 0) }
    told:put "to the end"
  end })
  ready:put(1)
  while true do end
end)
ready:get()
p:interrupt()
p:join(20)
local caught = told:get(0)
assert(caught and caught[1] == false and caught[2] == "caught")
assert(told:get(0) == "to the end")
