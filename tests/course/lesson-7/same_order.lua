local fork, knife = sandbox.lock { name = "fork" }, sandbox.lock { name = "knife" }
local function eat(first, second)
  first:acquire()
  second:acquire()
  second:release()
  first:release()
end

spawn({ name = "ann" }, eat, fork, knife)
spawn({ name = "bob" }, eat, fork, knife)
