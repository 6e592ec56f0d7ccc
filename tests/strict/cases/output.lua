-- strict/cases/output.lua - output that fills disks or commands a terminal; see strict/hold.lua.
local function much(o) return #o.out > 4 << 20 end

-- What else is said of a run fits into the rest.
local function reports(o) return #o.err > 10 * 1024 + 4096 + 512 end

local function prints(name, program, more)
  local case = { program, name = name, alone = { "R" }, escaped = much, limits = "--output-limit 1M", patience = 20, status = 125 }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

-- Only a terminal is commanded: the run is given one by script(1).
local function on_a_terminal(name, program, escaped)
  return prints(name, program, { escaped = escaped, terminal = true, status = 0 })
end

return {
  prints("more than the limit", "local s = ('x'):rep(1 << 20) for _ = 1, 20 do print(s) end"),
  on_a_terminal("escape codes", "io.write('\\27[31mESCAPED\\27[0m\\n')", function(o) return o.out:find("\27[31mESCAPED", 1, true) ~= nil end),
  on_a_terminal("the title of the window", "io.write('\\27]0;ESCAPED\\7\\n')", function(o) return o.out:find("\27]0;ESCAPED", 1, true) ~= nil end),
  on_a_terminal("a zero byte", "io.write('a\\0b\\n')", function(o) return o.out:find("a\0b", 1, true) ~= nil end),
  on_a_terminal("broken UTF-8", "io.write('a\\xff\\xc3b\\n')", function(o) return o.out:find("a\xff\xc3b", 1, true) ~= nil end),
  prints("a line without an end", "local s = ('x'):rep(1 << 20) for _ = 1, 20 do io.write(s) end"),

  -- Found by trying.
  prints("stderr", "local s = ('x'):rep(1 << 20) for _ = 1, 20 do io.stderr:write(s) end", { escaped = function(o) return #o.err > 4 << 20 end }),
  prints("many processes, each below the limit", [[local s = ("x"):rep(1 << 19)
for _ = 1, 20 do spawn(function() print(s) end):join() end]]),
  prints("reports of failures", "for i = 1, 10 do spawn(error, i .. ('x'):rep(1 << 20)) sleep(0.01) end sleep(5)",
    { escaped = function(o) return #o.err > 4 << 20 end }),
  prints("many short reports of failures", [[for i = 1, 900 do
  spawn(function() error(i .. ("x"):rep(3000), 0) end):join()
end
sleep(5)]], { limits = "--output-limit 10K", escaped = reports }),
  prints("lines of progress", "for i = 1, 20000 do sandbox.progress({ label = 'p' .. i }):close() end sleep(5)",
    { limits = "--output-limit 10K", escaped = reports }),
  prints("locks that are kept", "for i = 1, 1500 do spawn(function() sandbox.lock({ name = ('l'):rep(40) .. i }):acquire() end):join() end sleep(5)",
    { limits = "--output-limit 10K", escaped = reports }),
  prints("the report of its own failure", "error(('x'):rep(5 << 20), 0)", { escaped = function(o) return #o.err > 4 << 20 end, status = 1 }),
  prints("escape codes of a run that is shaken", "io.write('\\27[31mESCAPED\\27[0m\\n') io.stderr:write('\\27[31mESCAPED\\n') error('x')",
    { escaped = function(o) return o.out:find("\27[31mESCAPED", 1, true) ~= nil end, terminal = true, status = 5, always = "--shake=1 --color=never" }),
}
