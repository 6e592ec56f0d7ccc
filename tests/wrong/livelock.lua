-- polite: puts the first lock back when the second is taken, and tries again at once
local a, b, tries = sandbox.lock(), sandbox.lock(), sandbox.value(0)
local function eat(x, y)
  for _ = 1, 1000 do
    x:acquire()
    if y:acquire(0) then y:release() x:release() return end
    x:release()
    tries:add(1)
  end
end
sandbox.join_all { spawn(eat, a, b), spawn(eat, b, a) }
assert(tries:get() == 0, "tries in vain")
