-- No call with a wrong receiver or wrong arguments, through the debug library or without it, crashes a process.
local script = require "support.script"
local shell = require "support.shell"

-- Defines objects(), one of each type and what belongs to it; values_of(list), what to call functions with.
local prefix = ("package.path = %q .. package.path\n"):format(shell.source .. "/tests/?.lua;") .. [[
  local reach = require "support.reach"

  local function objects()
    local failed = spawn({ quiet = true }, error, "x")
    local _, failure = failed:join(20)
    local a, b = sandbox.pipe()
    local pool = sandbox.pool(1)
    pool:submit(function() end):join(20)
    pool:map(function(x) return x end, { 1, 2, 3 })
    local closed, lock = queue(), sandbox.lock()
    closed:close()
    return {
      failed, sandbox.process { target = print }, queue(), closed, queue():putting(1), queue():items(0), a, b, lock,
      lock:hold(), sandbox.rlock(), sandbox.semaphore(1), sandbox.event(), sandbox.condition(), sandbox.barrier(2),
      sandbox.value(1), sandbox.dict { x = 1 }, sandbox.progress { total = 1 }, sandbox.after(0), sandbox.every(1), sandbox.deadline(1),
      sandbox.team(1, print), sandbox.monitor {}, sandbox.topic(), sandbox.topic():subscribe(), sandbox.scope(),
      sandbox.latch(1), sandbox.rwlock(), sandbox.array(1),
      pool, pool:submit(function() end),
      failure,
    }
  end

  local function values_of(list)
    local values = {
      0, 1, -1, 2 ^ 53, math.mininteger, 0 / 0, "x", "", true, {}, print, coroutine.create(print), sandbox.null, io.stdin,
      setmetatable({}, debug.getmetatable(list[1])), setmetatable({}, { __index = error }),
    }
    return table.move(list, 1, #list, #values + 1, values)
  end

  local made = objects()
  local functions = reach.functions { objects = made, sandbox = sandbox, G = _G, registry = debug.getregistry() }

  -- What the workers of a pool have: a chunk that has not begun, and one that has.
  local function chunks()
    local found, native = {}, {}
    for _, entry in ipairs(functions) do found[entry[1]:match "[^.]*$"] = entry[2] end
    for _, name in ipairs { "chunk", "pack", "begin", "run" } do native[name] = assert(found[name], name) end
    local begun = native.chunk()
    native.begin(begun, native.pack({ 1, "x", 2.5 }, 1, 3))
    return { native.chunk(), begun }
  end
  for _, chunk in ipairs(chunks()) do made[#made + 1] = chunk end
]]

describe("C functions that a script can reach", function()
  it("are found", function()
    local r = script.run(prefix .. [[
      io.stderr:write(#functions, "\n")
      for _, entry in ipairs(functions) do print(entry[1]) end
      os.exit(0)
    ]])
    assert.is_true(tonumber(r.err:match "^%d+") > 150, r.err)
    for _, name in ipairs {
      "#.__gc", ".__eq", ".packed", ".begin", ".setmetatable", ".wrap", ".sethook", ".getpid", ".__index", ".exit",
    } do
      assert.is_truthy(r.out:find(name, 1, true), name)
    end
  end)

  it("survive wrong receivers and wrong arguments", function()
    local r = script.run(prefix .. [[
      local values = values_of(made)
      for _, entry in ipairs(functions) do
        for _, crash in ipairs(reach.try(entry[1], entry[2], values)) do io.stderr:write(crash, "\n") end
      end
      io.stderr:write("all of them\n")
      os.exit(0)
    ]], { seconds = 250 })
    assert.are.equal("", table.concat({ r.err:match("crash in .*") }))
    assert.is_truthy(r.err:find("all of them", 1, true), r.err:sub(-500))
  end)

  it("say what they expected, in their own words", function()
    local process = getmetatable(sandbox.self())
    for f, expected in pairs {
      [process.__index] = "process expected, got number", [process.__tostring] = "sandbox.process expected, got number",
      [getmetatable(queue()).__index.put] = "queue expected, got number",
    } do
      local ok, message = pcall(f, 1, "pid")
      assert.is_false(ok)
      assert.is_truthy(message:find(expected, 1, true), message)
    end
  end)
end)
