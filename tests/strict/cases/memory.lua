-- strict/cases/memory.lua - ways to use more memory than --memory lets; see strict/hold.lua. Without strict mode each comes to
-- its end, with about three times as much as the limit.
local function uses(name, program)
  return { program .. "\nprint 'ESCAPED'", name = name, alone = { "R" }, escaped = "told", patience = 30, limits = "--memory 48M --cpu 30", status = 125 }
end

return {
  uses("tables", "local t = {} for i = 1, 1500000 do t[i] = { i } end"),
  uses("strings", "local t = {} for i = 1, 150 do t[i] = i .. ('x'):rep(1 << 20) end"),
  uses("one string", "local s = ('x'):rep(150 << 20)"),
  uses("a string that is doubled", "local s = ('x'):rep(1 << 20) for _ = 1, 7 do s = s .. s end"),
  uses("closures", "local t = {} for i = 1, 2000000 do t[i] = function() return i end end"),
  uses("coroutines", "local t = {} for i = 1, 150000 do t[i] = coroutine.create(print) end"),
  uses("a queue that nobody reads", "local q, s = queue(), ('x'):rep(1 << 20) for _ = 1, 150 do q:put(s) end"),
  uses("a dict", "local d, s = sandbox.dict(), ('x'):rep(1 << 20) for i = 1, 150 do d[i] = s end"),
  uses("many processes, each below the limit", [[local ready, go = sandbox.semaphore(0), sandbox.event()
local list = {}
for i = 1, 10 do
  list[i] = spawn(function() local s = ("x"):rep(15 << 20) ready:release() go:wait() return #s end)
end
for _ = 1, 10 do ready:acquire() end
go:set()
for _, p in ipairs(list) do p:result() end]]),

  -- Found by trying.
  uses("an array of numbers", "local a = sandbox.array(20000000) for i = 1, 20000000, 100 do a[i] = i end"),
  uses("many values", "local t, s = {}, ('x'):rep(1 << 20) for i = 1, 150 do t[i] = sandbox.value(s) end"),
  uses("a mailbox", "local s, me = ('x'):rep(1 << 20), sandbox.self() for _ = 1, 150 do me:send(s) end"),
  uses("the parser", "local f = load('return {' .. ('\"x\", {},'):rep(3000000) .. '}')"),
  uses("string.pack", "local t = {} for i = 1, 150 do t[i] = string.pack('s8', ('x'):rep(1 << 20)) .. i end"),
  uses("strings in coroutines", "local t = {} for i = 1, 150 do t[i] = coroutine.wrap(function() return i .. ('x'):rep(1 << 20) end)() end"),
  uses("strings in a process", "spawn(function() local t = {} for i = 1, 150 do t[i] = i .. ('x'):rep(1 << 20) end end):join()"),
}
