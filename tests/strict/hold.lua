--[[ strict/hold.lua - ways to break out of strict mode, and whether they are held.

strict/cases/KIND.lua returns a list of cases; strict/KIND_spec.lua holds it. A case is a
program, and what shows from outside that it broke out. Each is run several times:

  with all layers off   it must break out (or `plain` says why it cannot), so that a test that tests nothing is seen
  with --strict         it must not, nor crash
  by each layer alone   likewise; for these a build for tests obeys $SANDBOX_STRICT_LAYERS, letters of the layers:
                        L language, F Landlock, S seccomp, N namespaces, R limits

A program runs in a new folder `in`, beside `out`, which is not the program's: out/secret.txt holds a word that is new each time.
The global OUT is the path of `out`. Fields of a case:

  [1]       the program. "%" is no magic; @NAME@ is replaced by what `made.NAME` returns (text, for bytes)
  name      of the case
  alone     the sets of layers that must hold it by themselves, e.g. { "L", "FS" }
  escaped   what breaking out is:
              "secret"   the secret word is in what it printed
              "told"     it printed ESCAPED
              "made"     a file out/made is there afterwards
              "changed"  out/secret.txt is not what it was
              "left"     a process of the run lives on after it
              "endless"  it had to be ended from outside: without strict mode after `patience` seconds (3; a minute, if breaking out
                         is something else), else after a minute
              or a function of the attempt (see `run`)
  plain     why it cannot be shown to succeed; nil: it succeeds
  setup     a shell command before it, in `in`
  always    options in every run
  limits    options besides --strict: what it may use up
  allow     likewise: what it may do
  env       assignments before the command
  says      a pattern in what it prints to stderr under --strict
  status    the exit status under --strict
  terminal  stdout and stderr are a terminal
  streams   where they go instead of ../stdout and ../stderr, for a shell
]]
local shell = require "support.shell"

local busted -- its functions

local function word() return ("secret%08x"):format(math.random(0, 0xffffffff)) end

local made = {}

-- The bytecode of a function that prints ESCAPED, as a Lua string.
function made.bytecode()
  local code = string.dump(load "print 'ESCAPED'", true)
  return '"' .. code:gsub(".", function(c) return ("\\%03d"):format(c:byte()) end) .. '"'
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("a")
  if file then file:close() end
  return text
end

-- The processes whose command line names the folder, but for this one's own.
local function processes_of(folder)
  local list = {}
  for pid in require("lfs").dir("/proc") do
    local line = pid:match("^%d+$") and read("/proc/" .. pid .. "/cmdline")
    if line and line:find(folder, 1, true) then list[#list + 1] = pid end
  end
  return list
end

-- Those that are still there after so many seconds: the kernel may need a moment to end them.
local function left_of(folder, seconds)
  local stop = sandbox.now() + seconds
  local list = processes_of(folder)
  while list[1] and sandbox.now() < stop do
    sleep(0.02)
    list = processes_of(folder)
  end
  for _, pid in ipairs(list) do os.execute("kill -9 " .. pid .. " 2>/dev/null") end
  return list
end

-- A run that is held has an end of its own, and so have its processes; both may come late on a machine that is busy.
local LATE <const>, SOON <const> = 60, 3

-- Run a case; it is ended from outside after `patience` seconds. Its processes that live for `lives` seconds more are `left`.
-- Returns the attempt: { out =, err =, status =, secret =, folder =, seconds =, left = list of processes }.
local function run(case, options, patience, lives, env)
  local folder <close> = shell.folder()
  local at, secret = folder.name, word()
  assert(os.execute(("mkdir %s/in %s/out"):format(at, at)))
  write(at .. "/out/secret.txt", secret .. "\n")
  write(at .. "/out/secret.lua", ("return %q\n"):format(secret))
  local program = case[1]:gsub("@(%w+)@", function(name) return made[name]() end)
  write(at .. "/in/main.lua", "OUT = arg[1] " .. program)
  local command = ("%s env SECRET=%s %s %s timeout -s KILL %s %s %s main.lua %s/out")
      :format(case.terminal and "exec" or "", secret, case.env or "", env or "", patience, shell.quote(shell.program),
    (case.always or "") .. " " .. options, at)
  if case.terminal then command = "script -qec " .. shell.quote(command) .. " /dev/null" end
  command = ("cd %s/in && { %s\n} && %s %s </dev/null"):format(at, case.setup or ":", command, case.streams or ">../stdout 2>../stderr")
  local began = sandbox.now()
  local _, kind, number = os.execute(command)
  local o = { seconds = sandbox.now() - began, secret = secret, status = kind == "signal" and 128 + number or number }
  o.left = left_of(at .. "/out", lives)
  o.out, o.err = read(at .. "/stdout") or "", read(at .. "/stderr") or ""
  o.streams = case.streams
  o.files = read(at .. "/out/t.html") or ""
  o.made = read(at .. "/out/made") ~= nil
  o.after = read(at .. "/out/secret.txt")
  local size = io.popen(("du -sb --apparent-size %s/in %s/out | awk '{n += $1} END {print n}'"):format(at, at))
  o.bytes = size:read("n")
  size:close()
  return o
end

local oracles = {
  secret = function(o) return (o.out .. o.err):find(o.secret, 1, true) ~= nil end,
  told = function(o) return o.out:find("ESCAPED", 1, true) ~= nil end,
  made = function(o) return o.made end,
  changed = function(o) return o.after ~= o.secret .. "\n" end,
  left = function(o) return #o.left > 0 end,
  endless = function(o) return o.status == 137 end,
}

local function escaped(case, o)
  local oracle = oracles[case.escaped] or case.escaped
  return oracle(o) and true or false
end

local function told(o)
  return ("status %s after %.1f s\n-- stdout\n%s\n-- stderr\n%s"):format(o.status, o.seconds, o.out:sub(1, 2000), o.err:sub(1, 2000))
end

local CRASHES = { [132] = true, [134] = true, [135] = true, [136] = true, [139] = true, [159] = true }

local function check_held(case, o)
  busted.assert.is_false(escaped(case, o), told(o))
  busted.assert.is_nil(CRASHES[o.status], told(o))
  busted.assert.are.equal(0, #o.left, "processes were left: " .. told(o))
end

local function options_of(case, strict)
  return table.concat({ strict, case.limits or "", case.allow or "" }, " ")
end

-- Does the program know strict mode, with these layers?
local known = {}
local function can(strict, env)
  local key = strict .. (env or "")
  if known[key] == nil then
    local _, status = shell.run(("%s %s %s -e '' 2>&1 </dev/null"):format(env or "", shell.quote(shell.program), strict))
    known[key] = status == 0
  end
  return known[key]
end

local function skip_unless(strict, env)
  if not can(strict, env) then busted.pending("this build or this machine has no " .. strict .. " " .. (env or "")) end
end

local function hold_case(case)
  busted.describe(case.name, function()
    busted.it(case.plain and "is refused without strict mode: " .. case.plain or "breaks out without strict mode", function()
      local o = run(case, case.always and "" or "--max-procs 64", case.patience or case.escaped == "endless" and 3 or LATE, SOON)
      busted.assert.are.equal(not case.plain, escaped(case, o), told(o))
    end)

    busted.it("is held by all layers", function()
      skip_unless "--strict"
      local o = run(case, options_of(case, "--strict"), LATE, LATE)
      check_held(case, o)
      if case.says then busted.assert.is_truthy(o.err:find(case.says), told(o)) end
      if case.status then busted.assert.are.equal(case.status, o.status, told(o)) end
    end)

    for _, layers in ipairs(case.alone) do
      busted.it("is held by " .. layers .. " alone", function()
        local env = "SANDBOX_STRICT_LAYERS=" .. layers
        if layers == "L" then
          skip_unless "--strict=lua"
          local o = run(case, options_of(case, "--strict=lua"), LATE, LATE)
          check_held(case, o)
          if case.says then busted.assert.is_truthy(o.err:find(case.says), told(o)) end
        else
          skip_unless("--strict", env)
          check_held(case, run(case, options_of(case, "--strict"), LATE, LATE, env))
        end
      end)
    end
  end)
end

-- Hold all cases of a kind.
--   env  the globals of the spec, with busted's functions
return function(env, kind)
  busted = env
  local cases = require("strict.cases." .. kind)
  busted.describe("strict mode, " .. kind .. ":", function()
    for _, case in ipairs(cases) do hold_case(case) end
  end)
end
