-- strict/cases/cpu.lua - ways to compute for ever; see strict/hold.lua.
local function computes(name, program)
  return { program, name = name, alone = { "R" }, escaped = "endless", patience = 2, limits = "--cpu 1 --memory 512M", status = 124 }
end

return {
  computes("a loop", "while true do end"),
  computes("a loop that catches errors", "while true do pcall(function() while true do end end) end"),
  computes("coroutines", "while true do local f = coroutine.wrap(function() while true do coroutine.yield() end end) for _ = 1, 1000 do f() end end"),
  computes("a chain of wrapped coroutines", [[local function chain(n)
  return coroutine.wrap(function() if n > 0 then chain(n - 1)() end while true do end end)
end
while true do pcall(chain(50)) end]]),
  computes("__gc", "setmetatable({}, { __gc = function() while true do end end }) collectgarbage() while true do end"),
  computes("__close", "local x <close> = setmetatable({}, { __close = function() while true do end end })"),
  computes("sort", "local t = {} for i = 1, 100 do t[i] = i end while true do pcall(table.sort, t, function(a, b) for _ = 1, 1e6 do end return a < b end) end"),
  computes("a pattern", "local s = ('x'):rep(3000) .. ('\"'):rep(200) s:find(('(\".-\")'):rep(6) .. '!') ; (('x'):rep(200000)):find(('.-'):rep(20) .. 'y')"),
  computes("gsub", "local s = ('x'):rep(1e5) while true do s:gsub('.', function(c) return c end) end"),
  computes("rep", "while true do local s = ('x'):rep(1e7) end"),
  computes("concat", "local t = {} for i = 1, 1e5 do t[i] = 'xxxxxxxxxx' end while true do table.concat(t) end"),
  computes("the parser", "local text = ('x = 1 '):rep(1e5) while true do load(text) end"),
  computes("nested brackets", "local text = ('('):rep(190) .. '1' .. (')'):rep(190) while true do load('return ' .. text) end"),
  computes("an error in the handler of errors", "local function f() error 'x' end while true do xpcall(f, function() f() end) end"),

  -- Found by trying.
  computes("__gc at the end of the script", "setmetatable({}, { __gc = function() while true do end end })"),
  computes("__tostring in a report", "error(setmetatable({}, { __tostring = function() while true do end end }))"),
  computes("many processes, each for a moment", "while true do spawn(function() for _ = 1, 1e6 do end end):join() end"),
  computes("a loop in a coroutine that is closed", "local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co)"),
  computes("a loop at the end of os.exit", "setmetatable({}, { __gc = function() while true do end end }) os.exit(true, true)"),
  computes("explorations", "while true do pcall(sandbox.explore, function() while true do end end) end"),
  { [[local list = {}
for i = 1, 8000 do list[i] = sandbox.value(0) end
for i = 1, 7999 do list[i]:set(list[i + 1]) end
local first, d = list[1], sandbox.dict()
list = nil
collectgarbage()
spawn(function() while true do local q = queue() d.x = q d.x = nil q = nil collectgarbage() end end)
while true do spawn(function() end):join() end]],
    name = "behind a chain of objects that the supervisor follows", alone = { "R" }, escaped = "endless", patience = 3,
    limits = "--cpu 3 --memory 512M", status = 124, says = "CPU time" },
  { "local d = sandbox.dict() pcall(function() for i = 1, 1000 do d[i] = queue() collectgarbage() end end) while true do end",
    name = "behind queues that leave the supervisor no descriptor", alone = { "R" }, escaped = "endless", patience = 2, setup = "ulimit -n 200",
    limits = "--cpu 2 --memory 512M", status = 124, says = "CPU time" },
}
