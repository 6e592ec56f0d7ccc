local fork, knife = sandbox.lock { name = "fork" }, sandbox.lock { name = "knife" }
local both = sandbox.barrier(2)
local function eat(first, second)
  first:acquire()
  both:wait()
  second:acquire()
  second:release()
  first:release()
end

spawn({ name = "ann" }, eat, fork, knife)
spawn({ name = "bob" }, eat, knife, fork)
