local ann, bob = sandbox.lock { name = "ann" }, sandbox.lock { name = "bob" }
local function visit(first, second)
  local _ <close> = first:hold()
  local _ <close> = second:hold()
end

local a = spawn(visit, ann, bob)
local b = arg[1] == "wrong" and spawn(visit, bob, ann) or spawn(visit, ann, bob)
a:join()
b:join()
print("both have been there")
