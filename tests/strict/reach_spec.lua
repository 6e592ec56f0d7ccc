--[[ Every function that a script can reach in strict mode, and what was decided about it. A new one is not in the lists below, and
the test says so: ask what it could do for a script that is not trusted, then add it where it belongs.

Without `debug` a script reaches what is in tables that it can name; the methods of handles are those that src/lua/meta/sandbox.lua
documents (readme/meta_spec.lua sees that these are all). ]]
local shell = require "support.shell"
local script = require "support.script"

-- They are as in Lua: they compute, or see nothing but their arguments and the run's own streams.
local SAME <const> = [[
  assert error ipairs next pairs pcall rawequal rawget rawlen rawset select setmetatable getmetatable tonumber type warn xpcall require
  coroutine.close coroutine.create coroutine.isyieldable coroutine.resume coroutine.running coroutine.status coroutine.wrap coroutine.yield
  debug.traceback io.close io.flush io.read io.type io.write
  math.abs math.acos math.asin math.atan math.ceil math.cos math.deg math.exp math.floor math.fmod math.log math.max math.min math.modf
  math.rad math.random math.sin math.sqrt math.tan math.tointeger math.type math.ult
  os.clock os.date os.difftime os.time string.byte string.char string.find string.gmatch string.gsub string.len string.lower string.match
  string.pack string.packsize string.rep string.reverse string.sub string.unpack string.upper table.concat table.insert table.move table.pack
  table.remove table.sort table.unpack utf8.char utf8.codepoint utf8.codes utf8.len utf8.offset package.searchers.1]]

-- Some builds of Lua 5.4 have these, too.
local OLD <const> = "math.atan2 math.cosh math.frexp math.ldexp math.log10 math.pow math.sinh math.tanh debug.setcstacklimit"

-- They do what the policy lets, or less than in Lua (src/lua/strict). os.exit leaves the statuses of limits alone.
local CHECKED <const> = [[
  load loadfile dofile print tostring collectgarbage string.format math.randomseed io.open io.lines io.input io.output io.tmpfile
  os.exit os.getenv os.remove os.rename os.setlocale os.tmpname package.searchpath package.searchers.2]]

-- They raise an error; os.execute and io.popen only without --allow-run.
local REFUSED <const> = [[
  os.execute io.popen package.loadlib string.dump debug.debug debug.gethook debug.getinfo debug.getlocal debug.getmetatable debug.getregistry
  debug.getupvalue debug.getuservalue debug.sethook debug.setlocal debug.setmetatable debug.setupvalue debug.setuservalue
  debug.upvalueid debug.upvaluejoin]]

-- The library: processes and objects of the run, and nothing else. What reaches further:
--   sandbox.explore      runs a copy of the process, under the same policy, and reads the function's file for a hash
--   sandbox.process, spawn {cpu =}  pins to one of the processors that the run may use
--   Process:kill and its kin        only processes of the run have handles
--   sandbox.hosts        tells of this host alone: a strict run has no engine, and so no other hosts
--   sandbox.connect      always raises an error
--   sandbox.pause        stops only where a person has the prompt, and shows locals to that person
local LIBRARY <const> = [[
  spawn join queue queue_put queue_get sleep sandbox.after sandbox.array sandbox.as_completed sandbox.barrier sandbox.children sandbox.condition sandbox.connect
  sandbox.cpus sandbox.deadline sandbox.dict sandbox.event sandbox.every sandbox.explore sandbox.find sandbox.getpid sandbox.join sandbox.join_all
  sandbox.latch sandbox.lock sandbox.mark sandbox.monitor sandbox.now sandbox.parent sandbox.pause sandbox.pipe sandbox.pool sandbox.process
  sandbox.progress sandbox.queue sandbox.queue_get sandbox.queue_put sandbox.receive sandbox.rlock sandbox.rwlock sandbox.scope sandbox.select
  sandbox.self sandbox.semaphore sandbox.sleep sandbox.spawn sandbox.team sandbox.time sandbox.topic sandbox.value
  sandbox.failure.__index sandbox.failure.__pairs sandbox.failure.__tostring sandbox.hosts package.loaded.sandbox.deadline.__index
  package.loaded.sandbox.deadline.__tostring package.loaded.sandbox.monitor.__index package.loaded.sandbox.monitor.__tostring
  package.loaded.sandbox.team.__index package.loaded.sandbox.team.__tostring package.loaded.sandbox.topic.__index
  package.loaded.sandbox.topic.__tostring package.loaded.sandbox.world.__index package.loaded.sandbox.world.__tostring]]

local METHODS <const> = [[
  Process:send Process:start Process:join Process:result Process:alive Process:status Process:terminate Process:kill
  Process:pause Process:resume Process:interrupt Process:stop Queue:put Queue:get Queue:try_put Queue:try_get Queue:len
  Queue:empty Queue:full Queue:peek Queue:close Queue:closed Queue:items Queue:task_done Queue:join Queue:putting Queue:call
  Queue:calls Queue:put_all Queue:get_all Reply:fail World:array World:barrier World:close World:condition World:dict World:event World:latch World:lock
  World:queue World:rwlock World:semaphore World:value Topic:publish Topic:subscribe Subscription:get Subscription:items Subscription:close Pipe:send
  Pipe:recv Pipe:poll Pipe:close Lock:acquire Lock:release Lock:hold Semaphore:acquire Semaphore:hold Semaphore:release
  Semaphore:value Event:set Event:clear Event:is_set Event:wait Condition:acquire Condition:release Condition:hold
  Condition:wait Condition:wait_for Condition:notify Condition:notify_all Barrier:wait Barrier:abort Barrier:reset RWLock:read
  RWLock:write Array:add Array:cas Array:fill Array:copy Latch:down Latch:wait Latch:count Value:get Value:set Value:add
  Value:update Value:cas Value:wait_for Dict:update Dict:add Dict:cas Dict:wait_for Monitor:when Pool:map Pool:starmap
  Pool:imap Pool:imap_unordered Pool:submit Pool:close Pool:join Pool:terminate Future:join Future:result Future:done
  Future:cancel Future:kill Team:join Team:results Team:kill Scope:spawn Scope:stop Scope:team Deadline:left Progress:add
  Progress:set Progress:close]]

local function set_of(...)
  local set = {}
  for _, text in ipairs { ... } do
    for name in text:gmatch "%S+" do set[name] = true end
  end
  return set
end

-- Prints the path of each function that can be reached, by a shortest one.
local WALK <const> = [[
  local seen, todo = { [package.loaded] = true }, { { _G, "" }, { package.loaded, "package.loaded." } }
  while todo[1] do
    local t, path = table.unpack(table.remove(todo, 1))
    if t == package.loaded or not seen[t] then
      seen[t] = true
      local keys = {}
      for k in next, t do keys[#keys + 1] = k end
      table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
      for _, k in ipairs(keys) do
        local v = rawget(t, k)
        if type(v) == "function" then print(path .. tostring(k)) end
        if type(v) == "table" then todo[#todo + 1] = { v, path .. tostring(k) .. "." } end
        assert(type(v) ~= "userdata" or v == io.stdin or v == io.stdout or v == io.stderr or v == sandbox.null, k)
      end
    end
  end]]

describe("In strict mode a script reaches", function()
  it("no function that nobody has thought of", function()
    local known = set_of(SAME, OLD, CHECKED, REFUSED, LIBRARY)
    local r = script.run(WALK, { args = "--strict=lua" })
    assert.are.equal("", r.err)
    local n, missing = 0, set_of(SAME, CHECKED, REFUSED, LIBRARY)
    for path in r.out:gmatch "[^\n]+" do
      assert.is_true(known[path], path .. ": decide what strict mode does about it, see the top of this file")
      missing[path] = nil
      n = n + 1
    end
    assert.is_nil((next(missing)))
    assert.is_true(n > 180)
  end)

  it("no method that nobody has thought of", function()
    local known = set_of(METHODS)
    for path in shell.read("src/lua/meta/sandbox.lua"):gmatch "\nfunction (%u%a*:[%w_]+)" do
      assert.is_true(known[path], path .. ": decide what strict mode does about it, see the top of this file")
      known[path] = nil
    end
    assert.is_nil((next(known)))
  end)

  it("no metatable, neither of strings nor of files, handles, or objects of the library", function()
    local r = script.run([[
      local a, b = sandbox.pipe()
      local pool = sandbox.pool(1)
      local list = {
        "", io.stdout, spawn(type, 1), sandbox.process { target = print }, queue(), queue():putting(1), a, b, sandbox.lock(), sandbox.lock():hold(),
        sandbox.rlock(), sandbox.semaphore(1), sandbox.event(), sandbox.condition(), sandbox.barrier(2), sandbox.value(1),
        sandbox.dict {}, sandbox.progress { total = 1 }, sandbox.after(0), sandbox.every(1), sandbox.deadline(1), sandbox.team(1, type),
        sandbox.monitor {}, sandbox.topic(), sandbox.topic():subscribe(), sandbox.scope(), sandbox.latch(1), sandbox.rwlock(), sandbox.array(1),
        pool, pool:submit(function() end), sandbox.strict, sandbox.strict.read,
      }
      for i, object in ipairs(list) do
        if type(getmetatable(object)) == "table" then print(i, object) end
      end
      for i = 2, #list do assert(not pcall(setmetatable, list[i], nil), i) end
    ]], { args = "--strict=lua" })
    assert.are.equal(0, r.status, r.err)
    assert.are.equal("", r.out)
  end)

  it("no function of the language layer that crashes", function()
    local r = script.run(([[
      package.path = %q
      local reach = require "support.reach"
      local values = {
        0, 1, -1, 2 ^ 53, math.mininteger, 0 / 0, "x", "", "%%s%%p%%d", ("%%s"):rep(50), ("x"):rep(5000), "r", "w+", "t", "/etc/passwd", true, {}, print,
        coroutine.create(print), sandbox.null, io.stdin, setmetatable({}, { __index = error }), setmetatable({}, { __name = 1 }), queue(),
        setmetatable({}, { __tostring = function() return {} end }),
      }
      local n = 0
      for path in (%q):gmatch "%%S+" do
        local library, name = path:match "(%%a+)%%.(%%a+)"
        local f = _G[path] or (_G[library] or {})[name]
        if f and path ~= "os.exit" and path ~= "print" then
          for _, crash in ipairs(reach.try(path, f, values)) do print(crash) end
          n = n + 1
        end
      end
      print(n)
    ]]):format(shell.source .. "/tests/?.lua", CHECKED),
      { args = "--strict=lua --cpu 1000 --timeout 200 --allow-read=" .. shell.source .. "/tests", seconds = 200 })
    assert.is_nil(r.out:find("crash", 1, true), r.out)
    assert.is_truthy(r.out:find("^%s*19\n$"), r.out .. r.err) -- load has called print
  end)
end)
