-- Mistakes that beginners make, each with its hint: one line below the message. And what looks like one, but is none.
local script = require "support.script"

-- The hint for a script that fails; nil: there is none.
local function hint(code, options)
  local r = script.run(code, options)
  assert.are_not.equal("", r.err, code)
  local message, text = r.err:match("^sandbox: ([^\n]*)\nhint: ([^\n]*)\n")
  if not message then assert.is_nil(r.err:find("hint:", 1, true), r.err) end
  return text
end

local QUEUE, VALUE = "local q = queue() ", "local v = sandbox.value(0) "

-- { script, hint }, in groups
local UTF16 = "this looks like UTF-16, which some editors call Unicode: save the script as UTF-8"

local MISTAKES = {
  encodings = {
    { "\255\254p\0r\0i\0n\0t\0(\0)\0", UTF16 },
    { "\254\255\0p\0r\0i\0n\0t\0(\0)", UTF16 },
  },
  names = {
    { "spwan(print)", "did you mean 'spawn'?" },
    { "pritn(1)", "did you mean 'print'?" },
    { "sandbox.spawnn(print)", "did you mean 'sandbox.spawn'?" },
    { "sandbx.value(1)", "did you mean 'sandbox'?" },
    { "print(string.fromat('x'))", "did you mean 'string.format'?" },
    { "print(string.lenght('x'))", "#x is the length of x" },
    { "print(table.length({}))", "#x is the length of x" },
    { "local list = { 1 } print(list.length())", "#list is the length of list" },
    { "local list = {} list:insert(1)", "table.insert(list, ...): a table has no methods of its own" },
    { "table.append({}, 1)", "here it is table.insert(t, v), or t[#t + 1] = v" },
    { QUEUE .. "q:gett()", "a queue has no method 'gett'; did you mean 'get'?" },
    { QUEUE .. "q:qsize()", "here it is #q" },
    { QUEUE .. "q:put_nowait(1)", "here it is q:try_put(v)" },
    { "local jobs = { todo = queue() } jobs.todo:puut(1)", "a queue has no method 'puut'; did you mean 'put'?" },
    { "queue():putt(1)", "did you mean 'put'?" },
    { "local p = spawn(print) print(p:is_alive())", "here it is p:alive()" },
    { "local l = sandbox.lock() l:unlock()", "here it is l:release()" },
    { "local e = sandbox.event() e:notify_all()", "here it is e:set()" },
    { "local d = sandbox.dict() d:get('x')", "a dict is used like a table: d[key], d[key] = v, pairs(d), d:update(key, f)" },
    { "local s = 'a,b' print(s:split(','))", "for part in s:gmatch(\"[^,]+\") do" },
    { "local s = 'a b' print(s:split(' '))", "for part in s:gmatch(\"%S+\") do" },
    { "local l = sandbox.latch(1) l:count_down()", "here it is l:down()" },
    { "local w = sandbox.rwlock() w:rlock()", "here it is local _ <close> = w:read()" },
    { "sandbox.mutex()", "here it is sandbox.lock()" },
    { "send(1)", "p:send(v) sends p a message" },
    { "local l = lock()", "it is sandbox.lock" },
    { "local s = semaphor(1)", "did you mean 'sandbox.semaphore'?" },
    { "queue.put(1)", "queue is a function, which makes one: local x = queue()" },
    { "sandbox.lock.acquire()", "lock is a function, which makes one: local x = sandbox.lock()" },
    { "sandbox.self.name:upper()", "sandbox.self is a function: sandbox.self()" },
    { "spawn:join()", "spawn(f, ...) returns a process, and that has methods: p:join()" },
    { "spawn(print):wait()", "here it is p:join()" },
    { "sandbox.dict():set('x', 1)", "a dict is used like a table: d[key], d[key] = v, pairs(d), d:update(key, f)" },
    { "sandbox.event():signal()", "here it is e:set()" },
    { "math.rand(6)", "here it is math.random(n)" },
    { "print(random(6))", "it is math.random" },
    { "insert({}, 1)", "it is table.insert" },
    { "yield(1)", "it is coroutine.yield" },
    { "local s = 'abc' print(s.len())", "methods are called with a colon: s:len(...)" },
    { "local pool = sandbox.pool(1) pool.map(print, {})", "methods are called with a colon: pool:map(...)" },
  },
  ["Python's words"] = {
    { QUEUE .. "print(len(q))", "#x is the length of x" },
    { "for i in range(3) do end", "`for i = 1, n do` counts" },
    { "local p = Process(print)", "spawn(f, ...) starts a process" },
    { "local q = Queue()", "queue() makes a queue" },
    { "local l = Lock()", "sandbox.lock() makes a lock" },
    { "local x = int('3')", "math.tointeger(x) makes a whole number, x // 1 rounds down" },
    { QUEUE .. "q:put(None)", "Lua's word for None is nil" },
    { "import os", "`local os = require \"os\"` loads a module; sandbox is there without" },
    { "from os import path", "`local m = require \"m\"` loads a module; sandbox is there without" },
    { "def f(a, b):\n  return a", "`function f(a, b) ... end`" },
    { "for i = 1, 3 do\n  if i == 2 then continue end\nend", "Lua has no `continue`: `goto next`, with a line `::next::` before the loop's `end`" },
    { "for i = 1, 3 do\n  continue\nend", "Lua has no `continue`: `goto next`, with a line `::next::` before the loop's `end`" },
    { "x = 1\nx += 1", "Lua has no '+=': x = x + ..." },
    { "t = { n = 1 }\nt.n -= 1", "Lua has no '-=': t.n = t.n - ..." },
    { "if x == 1:\n  print(x)", "`if ... then` and `end` stand where Python has a colon and a margin" },
    { "if 1 then\nelif 2 then\nend", "Lua's word for elif is `elseif`" },
    { "class Worker:\n", "Lua has no classes: a table of functions serves, with setmetatable" },
    { "local f = lambda x: x", "`function(x) return ... end`" },
    { "try:\n  f()", "pcall(f) calls f, and catches its error" },
    { "local list = [1, 2]", "a list is { 1, 2, 3 }" },
    { "with lock:\n", "`local _ <close> = lock:hold()` holds a lock until the block ends" },
  },
  ["words and signs of others"] = {
    { "if 1 != 2 then end", "\"not equal\" is ~= in Lua" },
    { "if a && b then end", "Lua's word for && is `and`" },
    { "if a || b then end", "Lua's word for || is `or`" },
    { "if !a then end", "Lua's word for ! is `not`" },
    { "i = 1\ni++", "Lua has no '++': i = i + 1" },
    { "if x = 1 then end", "== compares; = assigns" },
    { "x = 1\n// a comment", "comments begin with --" },
    { "/* a comment */", "a long comment is --[[ ... ]]" },
    { "let x = 1", "`local x = ...` declares a variable" },
    { "x := 1", "`local x = ...` declares a variable" },
    { "while (true) {\n}", "`then` or `do`, and `end`, stand where other languages have braces" },
    { "local function f(x) { return x }", "`function f(x) ... end`, without braces" },
    { "local x = a ? b : c", "`c and x or y` chooses" },
    { "go work(1)", "spawn(work, ...) starts a process" },
    { "go spawn(print)", "spawn(f, ...) starts a process" },
    { "for (i = 0; i < 3; i++) print(i)", "`for i = 1, n do ... end`" },
    { "local x = 1 if x == 1 { print(x) }", "`then` and `end` stand where other languages have braces" },
    { "local x = 1\nif x == 1 {\n  print(x)\n}", "`then` and `end` stand where other languages have braces" },
    { "local function f(a, b = 2) end", "Lua has no default arguments: in the function, b = b or ..." },
    { "print(3 ** 2)", "x ^ y is the power" },
    { "if x is None then end", "`== nil` in place of `is None`" },
    { "while true:\n  print(1)", "`while ... do` and `end` stand where Python has a colon and a margin" },
    { "worker ! { 1 }", "worker:send(v) sends a message" },
    { "func f(a) {", "`function f(a) ... end`" },
    { QUEUE .. "for v in q:items do print(v) end", "a call has parentheses: q:items()" },
    { "for i = 1 to 10 do end", "`for i = 1, 10 do`" },
    { "local x == 3", "= assigns; == compares" },
    { "local function f() return 5 end end", "there is one `end` more than blocks" },
    { "return 5 print(1)", "`return` is the last statement of its block" },
    { "print(1,)", "no comma stands before the closing parenthesis" },
  },
  ["what is wanted"] = {
    { "spawn('worker')", "spawn takes the function itself, without quotes: spawn(worker)" },
    { "spawn(worker)\nlocal function worker() end", "worker is nil in this line: a function must be defined above it" },
    { "spawn({ name = 'x', print })", "the function stands behind the options: spawn({ name = \"x\" }, f)" },
    { "sandbox.process(print)", "spawn(f, ...) starts f; sandbox.process { target = f } makes a process that start() starts" },
    { "sandbox.select(queue())", "the entries stand in a list: sandbox.select { a, b }" },
    { "sandbox.join_all(spawn(print), spawn(print))", "the processes stand in a list: sandbox.join_all { p, q }" },
    { "sandbox.pool(1):map({ 1 }, print)", "the function stands first: pool:map(f, list)" },
    { "local c = sandbox.condition() c:wait()", "hold it from the test to the wait: acquire() before, release() after" },
    { "local c = sandbox.condition() c:notify_all()", "hold it while you change what others wait for, and notify" },
    { "print(string.format('%d', 1.5))", "%d takes whole numbers: %.0f rounds, %g shows any" },
    { "print('sum: ' + 3)", "texts are joined by .. in Lua" },
    { "local list = { 1 } print('list: ' .. list)", "table.concat(list, \", \") makes a text of a list" },
    { "local s = 'abc' print(s[1]:upper())", "s:sub(i, i) is character i of s" },
  },
  ["calls and names that beginners try"] = {
    { "print 'a', 'b'", "a call with more than one argument has parentheses: print(a, b)" },
    { "spawn(target=print)", "spawn(f, ...) takes the function, then its arguments, without names" },
    { "spawn(print, args=(1, 2))", "spawn(f, ...) takes the function, then its arguments, without names" },
    { "local p = Process(target=print)", "spawn(f, ...) starts a process: the function, then its arguments, without names" },
    { "draw(x=1, y=2)", "Lua has no named arguments: a table can have names, draw { x = 1 }" },
    { "print(f'hello {x}')", "Lua has no f-strings: string.format(\"%s\", x), or texts joined by .." },
    { "local x = 'a' * 3", "string.rep(s, n) repeats a text" },
    { "print('a' + 'b')", "texts are joined by .. in Lua" },
    { "print('x' .. true)", "tostring(x) makes a text of true or false" },
    { "for i in 1, 10 do end", "`for i = 1, n do` counts" },
    { "local function f() return 1, end", "no comma stands before `end`" },
    { "local p = spawn(print)\np:start()", "spawn(f, ...) starts the process at once" },
    { "spawn(print, 1):join", "a call has parentheses: :join()" },
    { "spawn(function() print(1) )", "a function ends with `end`: function() ... end" },
    { "spawn(function work() end)", "a function within an expression has no name: function() ... end" },
    { "spawn(() -> print(1))", "`function(x) return ... end`" },
    { "import multiprocessing", "nothing is imported: spawn, queue and sandbox are there" },
    { "from multiprocessing import Process", "nothing is imported: spawn, queue and sandbox are there" },
    { "threading.Thread(print)", "spawn(f, ...) starts a process" },
    { "multiprocessing.Process(print)", "spawn(f, ...) starts a process, queue() makes a queue" },
    { "sandbox.fork()", "here it is spawn(f, ...)" },
    { "sandbox.cpu_count()", "here it is sandbox.cpus()" },
    { "sandbox.id()", "here it is sandbox.self().id" },
    { "throw 'x'", "error(message) raises an error" },
    { "raise ValueError('x')", "error(message) raises an error" },
    { "fmt.Println('a')", "print(...) writes a line" },
    { "System.out.println('a')", "print(...) writes a line" },
    { "local function f(a: int) end", "Lua has no types: leave `: int` out" },
    { "local function f(a) -> int return 1 end", "Lua has no types: leave `-> int` out" },
    { "local x: int = 5", "Lua has no types: leave `: int` out" },
    { "local x = p->name", "a field is x.name, a method x:name()" },
    { "local t = { 'a': 1 }", "a field is written name = value, or [\"the name\"] = value" },
    { "local t = { a: 1 }", "a field is written name = value, or [\"the name\"] = value" },
    { "if x <> 3 then end", "\"not equal\" is ~= in Lua" },
    { "if x !== 3 then end", "\"not equal\" is ~= in Lua" },
    { "if x =! 3 then end", "\"not equal\" is ~= in Lua" },
    { "if x === 3 then end", "\"equal\" is == in Lua" },
    { "local x = 1\nx == 3", "= assigns; == compares" },
    { "local function f() yield 1 end", "coroutine.yield(x) hands x out of a coroutine" },
    { "local s = 'it's'", "an apostrophe ends a text that began with one: \"it's\"" },
    { "print('x':upper())", "a text that is written out needs parentheses: (\"x\"):upper()" },
    { "print(('x').upper())", "methods are called with a colon: (\"x\"):upper()" },
    { "with sandbox.lock() do end", "`local _ <close> = lock:hold()` holds a lock until the block ends" },
  },
  ["lists, and lists of processes"] = {
    { "local t = { 1 } t.push(3)", "here it is t[#t + 1] = v" },
    { "local t = {} t:append(3)", "here it is t[#t + 1] = v" },
    { "local t = { 1 } print(t:pop())", "here it is table.remove(t)" },
    { "local t = { 3, 1 } t.sort()", "table.sort(t, ...): a table has no methods of its own" },
    { "local t = { 1 } for i = 1, t.n do end", "#t is the length of t" },
    { "local t = { 1 } print(t[0] + 1)", "a list begins with 1: t[1] is its first element" },
    { "local ps = { spawn(print) } ps:join()", "ps is a list of processes: sandbox.join_all(ps) waits for all" },
    { "local ps = { spawn(print) } ps.join()", "ps is a list of processes: sandbox.join_all(ps) waits for all" },
    { "local ps = { spawn(print) } join(ps)", "ps is a list of processes: sandbox.join_all(ps) waits for all" },
    { "local ps = { spawn(print) } ps:result()", "ps is a list of processes: for _, p in ipairs(ps) do p:result() end" },
  },
  ["what is nil, or no number"] = {
    { "count = count + 1", "count has no value yet: give it a first one, count = 0" },
    { "local x while x < 10 do end", "x is nil in this line" },
    { "local n = '3' if n < 4 then end", "n is a text: tonumber(n) makes a number of it" },
    { "for i = 1, n do end", "n is nil in this line" },
    { "local n = tonumber('x')\nprint(n + 1)", "tonumber(s) returns nil where s is no number" },
    { "local f = io.open('/nosuch')\nf:read()", "io.open returns nil when it cannot open the file: assert(io.open(...)) says why" },
    { "io.open('/nosuch'):read()", "io.open returns nil when it cannot open the file: assert(io.open(...)) says why" },
    { "print(sandbox.now + 1)", "sandbox.now is a function: sandbox.now() calls it" },
    { "print(string.format('%s %s', 1))", "the format has more %-signs than there are values behind it" },
  },
  objects = {
    { "local p = spawn(print) print(p + 1)", "p is a process: p:result() waits for what its function returns" },
    { "local p = spawn(print) print('p: ' .. p)", "p is a process: p:result() waits for what its function returns" },
    { "local p = spawn(print) if p > 3 then end", "p is a process: p:result() waits for what its function returns" },
    { "local v = sandbox.value() v:add(1)", "add needs a number to add to: sandbox.value(0) begins with one" },
    { "local l <close> = sandbox.lock()", "`local _ <close> = l:hold()` holds it to the end of the block" },
    { "local l = sandbox.lock() local _ <close> = l", "`local _ <close> = l:hold()` holds it to the end of the block" },
    { "local w <close> = sandbox.rwlock()", "`local _ <close> = w:write()` holds it to the end of the block" },
    { QUEUE .. "q:put('a') for x in q:get() do end", "`for item in q:items() do` reads a queue to its end" },
    { QUEUE .. "q:close() q:put(1)", "close() says that nothing more comes: it stands after the last put" },
    { "queue('jobs')", "a name is an option: queue { name = \"x\" }" },
    { "queue { maxsize = 5 }", "the most items that it holds are called max: queue { max = n }" },
    { "sandbox.process { func = print }", "its function is called target: sandbox.process { target = f }" },
  },
  values = {
    { "local d = sandbox.dict() d.x = d.x + 1", "d.x is nil: give it a first value; then d:add(\"x\", n) adds in one step" },
    { "local m = sandbox.monitor { n = 0 } m.n = m.n + 1",
      "the fields of a monitor are seen inside of it: m:when(test, action) calls both with them" },
    { QUEUE .. "q:close() local x = q:get()\nprint(x + 1)",
      "q:get() returns nil when the queue is closed, or the time is up: `for x in q:items() do` ends then" },
    { QUEUE .. "local item = q:try_get() print('got ' .. item)",
      "q:try_get() returns nil when the queue is closed, or the time is up: `for x in q:items() do` ends then" },
    { QUEUE .. "q.max = 3", "q:put(v) adds an item; a limit is set when the queue is made: queue { max = n }" },
    { "local p = sandbox.self() p.name = 'x'",
      "a process has its name and options from the start: spawn({ name = \"x\" }, f)" },
    { VALUE .. "v = v + 1", "v is a shared value: v:add(n) adds in one step, v:get() reads" },
    { VALUE .. "v.value = 3", "v is a shared value: v:set(v) writes it, v:get() reads it" },
    { VALUE .. "print(v.value + 1)", "v:get() reads a shared value, v:set(v) writes it" },
    { VALUE .. "if v > 0 then end", "v is a shared value: v:get() reads it" },
    { VALUE .. "print('x' .. v)", "v is a shared value: v:get() reads it" },
    { QUEUE .. "for x in q do end", "`for item in q:items() do` reads a queue to its end" },
    { QUEUE .. "for x in pairs(q) do end", "`for item in q:items() do` reads a queue to its end" },
    { "local t = { 1 } for x in t do end", "`for i, v in ipairs(t) do` runs over a list, pairs(t) over any table" },
    { "local a = sandbox.array(2) for i, v in ipairs(a) do end", "`for i = 1, #a do` runs over an array" },
    { "local a = sandbox.array(2) for i, v in pairs(a) do end", "`for i = 1, #a do` runs over an array" },
    { "local function f() end spawn(f())", "spawn calls the function itself: spawn(f)" },
    { "local function f() end spawn(f(1, 2))", "spawn calls the function itself: spawn(f, 1, 2)" },
  },
  ["characters from slides"] = {
    { "print(\u{201C}hi\u{201D})", "\u{201C} is a typographic quote: Lua takes \"" },
    { "print(\u{2018}hi\u{2019})", "\u{2018} is a typographic quote: Lua takes '" },
    { "local x = 2 \u{2013} 1", "\u{2013} is a dash: Lua takes -" },
    { "local x\u{00A0}= 1", "byte 8 of the line is a no-break space, which cannot be seen: put a plain one" },
  },
}

describe("the hint for", function()
  for group, list in pairs(MISTAKES) do
    for _, row in ipairs(list) do
      it(group .. ": " .. row[1]:gsub("\n", "; "), function() assert.are.equal(row[2], hint(row[1])) end)
    end
  end

  it("a mistake in a spawned process, in its report and in its failure", function()
    local r = script.run [[
      local function work() local q = queue() q:gett() end
      spawn(work)
      local _, failure = spawn(work):join()
      print(failure.hint)
    ]]
    assert.are.equal("a queue has no method 'gett'; did you mean 'get'?\n", r.out)
    assert.is_truthy(r.err:find("%(process work#2, pid %d+%)\nhint: a queue has no method 'gett'; did you mean 'get'%?\nstack"), r.err)
  end)

  it("a mistake in a task of a pool, whoever raises its failure", function()
    local r = script.run [[
      local pool <close> = sandbox.pool(1)
      pool:submit(function() local q = queue() q:gett() end):result()
    ]]
    assert.is_truthy(r.err:find("\nhint: a queue has no method 'gett'; did you mean 'get'?\n", 1, true), r.err)
  end)

  it("a mistake in a module, and in a file that is only checked", function()
    local shell = require "support.shell"
    local folder <close> = shell.folder()
    local function write(name, text)
      local file <close> = assert(io.open(folder.name .. "/" .. name, "w"))
      file:write(text)
    end
    write("helper.lua", "x = 1\nx += 1\n")
    write("main.lua", "require 'helper'\n")
    local output = shell.run(("cd %s && %s main.lua 2>&1"):format(folder.name, shell.quote(shell.program)))
    assert.is_truthy(output:find("\nhint: Lua has no '+=': x = x + ...\n", 1, true), output)
    output = shell.run(("cd %s && %s --check helper.lua 2>&1"):format(folder.name, shell.quote(shell.program)))
    assert.is_truthy(output:find("\nhint: Lua has no '+=': x = x + ...\n", 1, true), output)

    write("helper.lua", "return 1\n")
    output = shell.run(("cd / && %s %s/main.lua 2>&1"):format(shell.quote(shell.program), folder.name))
    local line = ("hint: it is beside the script, as %s/helper.lua, but modules are looked for from where sandbox was started: " ..
      "package.path = \"%s/?.lua;\" .. package.path\n"):format(folder.name, folder.name)
    assert.is_truthy(output:find(line, 1, true), output)
  end)
end)

describe("no hint is given for", function()
  for _, code in ipairs {
    "local t = {} t.x.y = 1",
    "local q = queue() q:put(nil)",
    "error('a sandbox.queue value is what it is')",
    "local w = sandbox.rwlock() w:read():close()",
    "for i, k in sandbox.select { sandbox.after(0) } do end",
    "local x = 1 if x == True then end print(x .. nil)",
    "error('x.lua:1: attempt to call a nil value (global \\'spwan\\')', 0)",
    "nosuch_thing_at_all()",
    "local function get() return nil end print(get() + 1)",
    "error({ code = 1 })",
    "print('unfinished",
    "local s = 'a != b' + nil",
    "local lambda = nil lambda()",
    "local None = 1 local t = nil t(None)",
    "os.time.now()",
    "local lock = print lock.acquire()",
    "spawn(nil)",
    "local d = sandbox.dict() print(#d.list)",
    "local t = {} t.now.x = 1",
    "remove({}, 1)",
    "local function f() return 1 end until true",
    "local d = { n = {} } print(d.n[1].x)",
    "local p = sandbox.process { target = print } p:start() p:start()",
    "if nil < 1 then end",
    "local function f(a, b))\nend",
    "local t = { n = 0 } t.count = count + 1",
    "local s, n = 'abc', '3' if #s < n then end",
    "local s, n = 'abc', '3' if n + 1 < s then end",
    "local n = 'abc' if n < 3 then end",
    "local d = sandbox.dict() if d.x < 3 then end",
    "local t = setmetatable({}, { __index = {} }) t:push(1)",
    "local M = { new = 1 } M.push(1)",
    "local t = {} print(t.x[0] + 1)",
    "local y y.z = io.open('/dev/null'):read()",
    "local l <close> = 5",
    "local q <close> = queue()",
    "local s = 'x' .. 'y",
    "if(x = 1) then end",
    "local d = sandbox.dict { x = 'a' } d:add('x', 1)",
    "queue { maxx = 3 }",
    "local x = setmetatable({}, { __index = function() end }) for i = 1, x.a do end",
    "local x = 3 local y = n.x[x] + 1",
  } do
    it(code, function() assert.is_nil(hint(code)) end)
  end
end)

describe("an error object that is a table", function()
  it("is shown with its fields", function()
    assert.is_truthy(script.run("error({ code = 7, 'first', why = { 'x', y = true } })").err:find(
      '^sandbox: %(error object is a table value: {"first", code = 7, why = {"x", y = true}}%)\n'))
    local r = script.run("local _, failure = spawn(error, { text = 'a\\nb' }):join() print(failure.message)")
    assert.are.equal('(error object is a table value: {text = "a\\nb"})\n', r.out)
    r = script.run("local pool <close> = sandbox.pool(1) print(select(2, pool:submit(error, { 1 }):join()).message)")
    assert.are.equal("(error object is a table value: {1})\n", r.out)
    r = script.run("local t = {} for i = 1, 1e5 do t[i] = t end error(t)")
    assert.is_truthy(#r.err < 1000, r.err)
  end)
end)
