-- Misuse is an error at the caller's line, and says what to do.
--
-- Each row: a call, and what the message must hold (plain text). The calls stand on lines of their own, and the line is
-- checked.
local q, self = queue(), sandbox.self()
local closed = queue()
closed:close()
local unsendable = { handlers = { print, print, coroutine.create(print) } }
local holder = coroutine.create(print)

local rows = {
  { "spawn(42)", "function or table of options expected, got number", function() spawn(42) end },
  { "spawn()", "function or table of options expected, got no value", function() spawn() end },
  { "spawn(nil)", "function or table of options expected", function() spawn(nil) end },
  { "spawn('f')", "function or table of options expected, got string", function() spawn("f") end },
  { "spawn({}) without a function", "function expected, got no value", function() spawn({}) end },
  { "spawn({name=}, 42)", "function expected, got number", function() spawn({ name = "x" }, 42) end },
  { "spawn with an unknown option", "unknown option 'nmae'; there are name, daemon, cpu, quiet",
    function() spawn({ nmae = "x" }, print) end },
  { "spawn{f}", "unknown option", function() spawn { print } end },
  { "spawn with a name that is no string", "name must be a string", function() spawn({ name = 5 }, print) end },
  { "spawn with a name of two lines", "name must be text on one line",
    function() spawn({ name = "evil\n[fake]" }, print) end },
  { "spawn with a name of escape codes", "name must be text on one line",
    function() spawn({ name = "\27[2J" }, print) end },
  { "spawn with an empty name", "name must be text on one line", function() spawn({ name = "" }, print) end },
  { "queue with a name of two lines", "name must be text on one line", function() queue { name = "a\nb" } end },
  { "spawn with daemon = 1", "daemon must be true or false", function() spawn({ daemon = 1 }, print) end },
  { "spawn with quiet = 'yes'", "quiet must be true or false", function() spawn({ quiet = "yes" }, print) end },
  { "spawn on a processor that is not there", "cpu must be a whole number from 0 to ",
    function() spawn({ cpu = 100000 }, print) end },
  { "spawn with cpu = -1", "cpu must be a whole number from 0 to ", function() spawn({ cpu = -1 }, print) end },
  { "spawn with cpu = 0.5", "cpu must be a whole number from 0 to ", function() spawn({ cpu = 0.5 }, print) end },

  { "join(nil)", "(process expected, got nil", function() join(nil) end },
  { "join()", "(process expected, got no value", function() join() end },
  { "join of a queue", "(process expected, got", function() join(q) end },
  { "join of a file", "(process expected, got", function() join(io.stdout) end },
  { "join(p, -1)", "timeout cannot be negative", function() join(self, -1) end },
  { "p:join(0/0)", "timeout cannot be NaN", function() self:join(0 / 0) end },
  { "p:join('x')", "timeout in seconds expected, got string", function() self:join("x") end },
  { "joining oneself (fault 26)", "a process cannot join itself", function() self:join() end },
  { "the result of oneself", "a process cannot join itself", function() self:result() end },
  { "p.join without a process", "(process expected, got no value", function() self.join() end },
  { "p:nonsense()", "method 'nonsense'", function() self:nonsense() end },

  { "queue(-1)", "max must be a whole number of items, 0 or more, not -1", function() queue(-1) end },
  { "queue(1.5)", "max must be a whole number of items, 0 or more, not 1.5", function() queue(1.5) end },
  { "queue(0/0)", "max must be a whole number", function() queue(0 / 0) end },
  { "queue(1/0)", "max must be a whole number", function() queue(1 / 0) end },
  { "queue('x')", "number of items or table of options expected, got string", function() queue("x") end },
  { "queue(true)", "number of items or table of options expected, got boolean", function() queue(true) end },
  { "queue{max='3'}", "max must be a whole number", function() queue { max = "3" } end },
  { "queue with an unknown option", "unknown option 'mx'; there are here, max, name, redeliver, transport",
    function() queue { mx = 3 } end },
  { "queue with an option without a name", "unknown option", function() queue { 3 } end },
  { "queue with a name that is no string", "name must be a string", function() queue { name = {} } end },
  { "queue(5, 'jobs')", 'there is no such argument; options go into a table: queue{max = 10, name = "jobs"}',
    function() queue(5, "jobs") end },
  { "queue({}, nil, 5)", "#3 to 'queue' (there is no such argument", function() queue({}, nil, 5) end },
  { "lock({}, 'left')", "#2 to 'lock' (there is no such argument)", function() sandbox.lock({}, "left") end },
  { "latch(2, 'x')", "options go into a table: {n = 2", function() sandbox.latch(2, "x") end },
  { "semaphore(1, 2, 'x')", "options go into a table: semaphore{n = 1",
    function() sandbox.semaphore(1, 2, "x") end },
  { "condition(l, 'x')", "options go into a table: condition{lock = l",
    function() sandbox.condition(nil, "x") end },
  { "barrier(2, nil, 'x')", "options go into a table: barrier{n = 2", function() sandbox.barrier(2, nil, "x") end },
  { "value(1, nil, 'x')", "#3 to 'value' (there is no such argument)", function() sandbox.value(1, nil, "x") end },
  { "queue with an unknown transport", 'transport must be "auto", "pipe" or "shm"',
    function() queue { transport = "tcp" } end },

  { "q:put()", "close() ends the stream, sandbox.null stands for a missing value", function() q:put() end },
  { "q:put(nil)", "close() ends the stream, sandbox.null stands for a missing value", function() q:put(nil) end },
  { "q:try_put(nil)", "nil is no item", function() q:try_put(nil) end },
  { "queue_put(q, nil)", "nil is no item", function() queue_put(q, nil) end },
  { "q:put(v, -1)", "timeout cannot be negative", function() q:put(1, -1) end },
  { "q:put(v, NaN)", "timeout cannot be NaN", function() q:put(1, 0 / 0) end },
  { "q:put(v, 'x')", "timeout in seconds expected, got string", function() q:put(1, "x") end },
  { "q.put(v)", "(queue expected, got number; call methods with a colon", function() q.put(1) end },
  { "put of a coroutine deep in a table", "item.handlers[3]: a coroutine cannot be sent",
    function() q:put(unsendable) end },
  { "put of a function that holds a coroutine", "'holder'", function() q:put(function() return holder end) end },
  { "put on a closed queue (fault 13)", "put on a closed queue", function() closed:put(1) end },
  { "try_put on a closed queue (fault 13)", "put on a closed queue", function() closed:try_put(1) end },

  { "q:get(-1) (fault 11)", "timeout cannot be negative", function() q:get(-1) end },
  { "q:get(0/0) (fault 11)", "timeout cannot be NaN", function() q:get(0 / 0) end },
  { "q:get('x')", "timeout in seconds expected, got string", function() q:get("x") end },
  { "q:get({})", "timeout in seconds expected, got table", function() q:get {} end },
  { "queue_get()", "(queue expected, got no value", function() queue_get() end },
  { "queue_get(42)", "(queue expected, got number", function() queue_get(42) end },
  { "q:items(-1)", "timeout cannot be negative", function() q:items(-1) end },
  { "q:push(1)", "method 'push'", function() q:push(1) end },
  { "q[1]", "the items of a queue have no numbers: get() takes the oldest", function() return q[1] end },
  { "ipairs(q)", "the items of a queue have no numbers", function() for _ in ipairs(q) do print() end end },
  { "#q and q[i]", "the items of a queue have no numbers", function() for i = 1, #q + 1 do print(q[i]) end end },
  { "pairs(q)", "table expected, got sandbox.queue", function() for _ in pairs(q) do print() end end },
  { "a field set on a queue", "queue", function() q.x = 1 end },
  { "a field set on a process", "process", function() self.x = 1 end },

  { "sleep('x')", "number expected, got string", function() sleep("x") end },
  { "sleep()", "number expected, got no value", function() sleep() end },
  { "sleep(nil)", "number expected, got nil", function() sleep(nil) end },
  { "sleep(-1) (fault 11)", "the seconds must be a number, 0 or more", function() sleep(-1) end },
  { "sleep(0/0) (fault 11)", "the seconds must be a number, 0 or more", function() sleep(0 / 0) end },
}

-- Where the error of `fn` must come from: its one line.
local function place_of(fn)
  local info = debug.getinfo(fn, "Sl")
  return ("%s:%d: "):format(info.short_src, info.linedefined)
end

local function check(fn, wanted)
  local children, items = #sandbox.children(), #q
  local ok, message = pcall(fn)
  assert.is_false(ok)
  assert.is_string(message)
  assert.is_truthy(message:find(wanted, 1, true), message)
  assert.are.equal(place_of(fn), message:sub(1, #place_of(fn)), message)
  assert.are.equal(children, #sandbox.children())
  assert.are.equal(items, #q)
end

describe("misuse is an error at the caller's line:", function()
  for _, row in ipairs(rows) do
    it(row[1], function() check(row[3], row[2]) end)
  end
end)

describe("misuse in a child is an error at the child's line:", function()
  it("all of the above", function()
    -- `self` is the parent's handle there: to join it is no mistake, but would wait for ever.
    local sane = {}
    for _, row in ipairs(rows) do
      if not row[1]:find("oneself") then sane[#sane + 1] = row end
    end
    local p = spawn(function()
      for _, row in ipairs(sane) do
        local ok, message = pcall(row[3])
        if ok or message:sub(1, #place_of(row[3])) ~= place_of(row[3]) then return row[1], ok, message end
      end
      return "all"
    end)
    assert.are.same({ true, "all" }, { p:join(20) })
  end)
end)

describe("an error in the middle leaves nothing behind:", function()
  it("a put that failed half-way, a thousand times", function()
    local big = { ("x"):rep(100000), queue(), unsendable }
    local before = require("support.script").descriptors()
    for _ = 1, 1000 do assert.is_false(pcall(q.put, q, big)) end
    assert.are.equal(0, #q)
    assert.are.equal(before, require("support.script").descriptors())
    q:put("fine")
    assert.are.equal("fine", q:get(0))
  end)
end)

-- Lua names a function that C has called by the first table of package.loaded in which it finds it, in an order that
-- depends on addresses.
it("a function that pcall calls is named as a call without pcall names it", function()
  local checked = 0
  for name, f in pairs(sandbox) do
    if type(f) == "function" then
      local unknown = setmetatable({}, { __name = "unknown" })
      local well, message = pcall(f, unknown, unknown, unknown, unknown)
      local told = not well and tostring(message):match "bad argument #%d+ to '([^']*)'"
      if told then
        assert.are.equal(name, told)
        checked = checked + 1
      end
    end
  end
  assert.is_true(checked > 20, checked)
end)
