-- support/prompt.lua - the session's side of the prompt (src/prompt/lua) without the program around it.
--
--   local p <close> = prompt.new()      -- a session with a host that notes what it is asked
--   p.eval("1 + 1")                     -- "ok"; p.out() is what was printed since it was asked last, p.err(), p.said()
-- Chunks see the globals of the test; what they add is taken away when p is closed.
local shell = require "support.shell"

local prompt = {}

-- A module's source, and whether it is the library's, not the prompt's own.
local function source_of(name)
  local path = "src/prompt/lua/" .. name .. ".lua"
  local file <close> = io.open(shell.source .. "/" .. path)
  return shell.read(file and path or "src/lua/prelude/" .. name .. ".lua"), not file
end

-- A function that loads modules of src/prompt/lua as the program does.
function prompt.modules()
  local made = {}
  local function use(name)
    if made[name] == nil then
      local text, of_library = source_of(name)
      made[name] = assert(load(text, "=[sandbox " .. name .. "]", "t", of_library and use "std" or _ENV))(sandbox, use)
    end
    return made[name]
  end
  return use
end

-- Take what a list has gathered.
local function taker(list)
  return function()
    local text = table.concat(list)
    for i = #list, 1, -1 do list[i] = nil end
    return text
  end
end

local listed = {}

-- The names in a folder, as host.list gives them; asked once.
local function list_folder(folder)
  if listed[folder] then return listed[folder] end
  local list = {}
  listed[folder] = list
  for name in shell.run("ls -1ap " .. shell.quote(folder) .. " 2>/dev/null"):gmatch("[^\n]+") do
    if name ~= "./" and name ~= "../" then list[#list + 1] = name end
  end
  return list
end

local function fake_host(said, asked)
  return {
    color = false,
    meta = shell.read("src/lua/meta/sandbox.lua"),
    width = function() return 80 end,
    say = function(text) said[#said + 1] = text .. "\n" end,
    run = os.execute,
    request = function(...)
      asked[#asked + 1] = table.pack(...)
      return ""
    end,
    list = list_folder,
    clock = sandbox.now,
  }
end

-- `changes` to the host. p.asked: the requests, packed; p.use: the loader of its modules.
function prompt.new(changes)
  local out, err, said, asked = {}, {}, {}, {}
  local before = {}
  for name, value in next, _G do before[name] = value end
  rawset(_G, "arg", nil) -- it names busted, which is no script of the session's
  local use, host = prompt.modules(), fake_host(said, asked)
  for name, value in pairs(changes or {}) do host[name] = value end
  local std = use "std"
  rawset(std, "put_out", function(text) out[#out + 1] = text end)
  rawset(std, "put_err", function(text) err[#err + 1] = text end)
  local S = use "session".new(host)
  return setmetatable({
    session = S, use = use, asked = asked, host = host,
    eval = function(text) return S:eval(text) end,
    command = function(text) return S:command(text) end,
    evaluate = function(text) return S:evaluate(text) end,
    out = taker(out), err = taker(err), said = taker(said),
  }, {
    __close = function()
      for name in next, _G do
        if before[name] == nil then rawset(_G, name, nil) end
      end
      for name, value in next, before do rawset(_G, name, value) end
    end,
  })
end

return prompt
