-- The annotated source of the library says what there is: no more, no less; and its examples do as they say.
local meta = require "support.meta"
local shell = require "support.shell"

local items = meta.items()

-- One of each class that has methods, made when it is asked for.
local make = {
  Process = sandbox.self,
  Queue = function() return queue() end,
  Pipe = function() return (sandbox.pipe()) end,
  Lock = function() return sandbox.lock() end,
  Semaphore = function() return sandbox.semaphore(1) end,
  Event = function() return sandbox.event() end,
  Condition = function() return sandbox.condition() end,
  Barrier = function() return sandbox.barrier(1) end,
  RWLock = function() return sandbox.rwlock() end,
  Array = function() return sandbox.array(1) end,
  Latch = function() return sandbox.latch(1) end,
  Value = function() return sandbox.value(1) end,
  Dict = function() return sandbox.dict() end,
  Progress = function()
    local progress = sandbox.progress { label = "meta_spec" }
    progress:close()
    return progress
  end,
  Pool = function() return sandbox.pool(1) end,
  Future = function()
    local pool <close> = sandbox.pool(1)
    return pool:submit(math.abs, 1)
  end,
  Scope = function() return sandbox.scope() end,
  World = function() -- without an engine
    pcall(sandbox.connect, "unix:///nowhere", { name = "w" })
    return setmetatable({ tag = 0, name = "w", engine = "" }, package.loaded["sandbox.world"])
  end,
  Monitor = function() return sandbox.monitor {} end,
  Topic = function() return sandbox.topic() end,
  Subscription = function() return sandbox.topic():subscribe() end,
  Reply = function()
    local q = queue()
    q:put(1)
    local _, reply = q:calls()()
    return reply
  end,
  Team = function() return sandbox.team(0, print) end,
  Deadline = function() return sandbox.deadline(1) end,
}

-- The table of methods behind a handle: its __index, or the one that a function there looks into.
local function methods_of(handle)
  local index = getmetatable(handle).__index
  local at = 1
  while type(index) == "function" do
    local name, value = debug.getupvalue(index, at)
    assert(name, "no table of methods behind " .. tostring(handle))
    if type(value) == "table" then index = value end
    at = at + 1
  end
  return index
end

-- What `---@field` says of a class: the names, each with whether it may be nil.
local function fields_of(class)
  local fields = {}
  for _, item in ipairs(items) do
    if item.tags[1] and item.tags[1][1] == "class" and item.tags[1][2] == class then
      for _, field in ipairs(meta.tags(item, "field")) do
        local name, optional = field:match("^([%a_]+)(%??) ")
        fields[name] = optional == "?"
      end
    end
  end
  return fields
end

-- The names of functions in a table, sorted; those with an underscore in front are nobody's business.
local function function_names(t)
  local names = {}
  for name, value in pairs(t) do
    if type(value) == "function" and not name:find("^_") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The names that the source declares of a kind, and of a class, sorted.
local function declared(kind, class)
  local names = {}
  for _, item in ipairs(items) do
    if item.kind == kind and item.class == class then names[#names + 1] = item.name end
  end
  table.sort(names)
  return names
end

describe("src/lua/meta/sandbox.lua", function()
  it("is Lua", function() assert(loadfile(shell.source .. "/src/lua/meta/sandbox.lua")) end)

  it("declares each function of the library", function()
    assert.are.same(function_names(sandbox), declared("function"))
  end)

  it("declares each class that has methods", function()
    for _, item in ipairs(items) do
      if item.kind == "method" then assert.is_truthy(make[item.class], "no handle of " .. item.class) end
    end
  end)

  for class, new in pairs(make) do
    it("declares each method of " .. class, function()
      assert.are.same(function_names(methods_of(new())), declared("method", class))
    end)
  end

  it("declares each global", function()
    local here = {} -- busted brings globals of its own
    for _, name in ipairs(declared("global")) do
      assert.are.equal(sandbox[name], _G[name], name)
      here[name] = true
    end
    local output = shell.sandbox("-e", "for name in pairs(_G) do print(name) end")
    local stock = shell.run("lua5.4 -e 'for name in pairs(_G) do print(name) end'")
    for name in stock:gmatch("%S+") do here[name] = true end
    for name in output:gmatch("%S+") do assert.is_true(here[name] or name == "sandbox", name) end
  end)

  it("declares the fields of the library", function()
    local fields = fields_of("sandbox")
    for name in pairs(fields) do assert.is_not_nil(sandbox[name], name) end
    for name, value in pairs(sandbox) do
      if type(value) ~= "function" then assert.are.equal(false, fields[name], name) end
    end
  end)

  it("declares the fields of a process and of a failure", function()
    local p = spawn({ quiet = true }, error, "boom")
    local _, failure = p:join()
    for name, optional in pairs(fields_of("sandbox.Process")) do assert.is_true(optional or p[name] ~= nil, name) end
    local fields = fields_of("sandbox.Failure")
    for name, optional in pairs(fields) do assert.is_true(optional or failure[name] ~= nil, name) end
    for name in pairs(failure) do assert.is_not_nil(fields[name], name) end
  end)

  it("describes everything, and each parameter, in its order", function()
    for _, item in ipairs(items) do
      if item.kind == "function" or item.kind == "method" then
        local where = ("line %d: %s"):format(item.line, item.name)
        assert.is_true(#item.text > 0, where)
        local parameters = meta.tags(item, "param")
        assert.are.equal(#item.parameters, #parameters, where)
        for i, parameter in ipairs(parameters) do
          assert.are.equal(item.parameters[i], parameter:match("^[%w_.]+"), where)
        end
      end
    end
  end)
end)

describe("src/lua/meta/sandbox.luacheckrc", function()
  local file = shell.source .. "/src/lua/meta/sandbox.luacheckrc"

  -- The names in a std's list, where names are items, or keys with more about them.
  local function names_in(list)
    local names = {}
    for key, value in pairs(list) do names[#names + 1] = type(key) == "string" and key or value end
    table.sort(names)
    return names
  end

  local function luacheck(config, words)
    if select(2, shell.run("command -v luacheck")) ~= 0 then return pending("luacheck is not installed") end
    return shell.run(("cd %s && luacheck --no-color --no-cache -q %s %s 2>&1"):format(shell.quote(shell.source),
      config, words))
  end

  it("names what the annotated source declares", function()
    local globals = dofile(file).read_globals
    local expected = declared("function")
    for name in pairs(fields_of("sandbox")) do expected[#expected + 1] = name end
    table.sort(expected)
    assert.are.same(expected, names_in(globals.sandbox.fields))
    expected = declared("global")
    expected[#expected + 1] = "sandbox"
    table.sort(expected)
    assert.are.same(expected, names_in(globals))
  end)

  it("makes luacheck know the library, and tell a slip", function()
    local script <close> = shell.file("spawn(sandbox.now)\nprint(sandbox.nwo, spwan)\n")
    local output, status = luacheck("--config " .. shell.quote(file), script.name)
    assert.are.equal(1, status)
    assert.is_truthy(output:find("accessing undefined field 'nwo' of global 'sandbox'", 1, true), output)
    assert.is_truthy(output:find("accessing undefined variable 'spwan'", 1, true), output)
    assert.is_truthy(output:find("Total: 2 warnings", 1, true), output)
  end)

  it("lets luacheck find no fault with the scripts", function()
    local output, status = luacheck("", "scripts")
    assert.are.equal(0, status, output)
  end)
end)

-- Process ids differ from run to run, and so does what is written of progress.
local function same(text)
  return (text:gsub("pid [%dN]+", "pid n"):gsub("[^\n]+: %d+%% %d+/%d+, [^\n]+\n", ""))
end

describe("the example", function()
  for _, item in ipairs(items) do
    for _, example in ipairs(item.examples) do
      it(("of line %d does as it says"):format(example.line), function()
        local file <close> = shell.file(example.code)
        local output, status = shell.sandbox("--speed", "10", "--timeout", "60", file.name)
        assert.are.equal(same(example.output), same(output))
        assert.are.equal(0, status)
      end)
    end
  end
end)
