-- polite: the first lock is put back when the second is taken, and tried again at once; "ordered": the twin
local a, b = sandbox.lock { name = "a" }, sandbox.lock { name = "b" }
local function eat(x, y)
  while true do
    x:acquire()
    if y:acquire(0) then break end
    x:release()
  end
  y:release() x:release()
end
local first = spawn({ name = "alice" }, eat, a, b)
local second = ... == "ordered" and spawn({ name = "bob" }, eat, a, b) or spawn({ name = "bob" }, eat, b, a)
first:join() second:join()
