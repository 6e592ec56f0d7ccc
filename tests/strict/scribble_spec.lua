-- The supervisor reads memory that all processes of a run can write. Code that has broken out of Lua writes anything
-- there (strict/scribble.c), while the run is watched, reported, recorded, judged, and ended: the supervisor must not
-- crash, nor hang beyond the limits. SANDBOX_SCRIBBLES is how many seeds are tried, SANDBOX_SCRIBBLE the first of them.
local shell = require "support.shell"
local run = require "cli.run"
local left = require "strict.left"

local PROBE <const> = assert(os.getenv("SANDBOX_PROBE"), "SANDBOX_PROBE must name the module")
local FIRST <const> = tonumber(os.getenv("SANDBOX_SCRIBBLE") or 1)
local SEEDS <const> = tonumber(os.getenv("SANDBOX_SCRIBBLES") or 4)
-- Sanitizers make calls that the filter does not know.
local LAYERS <const> = (os.getenv("SANDBOX_SANITIZED") or "") == "" and "SNR" or "NR"

local CRASHES <const> = { [132] = true, [134] = true, [135] = true, [136] = true, [139] = true, [159] = true }

-- A run with objects of all kinds, processes that wait for each of them, and one that ends with an error, while two
-- others write. They touch no more of the run themselves. `rest`: what main does meanwhile.
local function program(attack, rest)
  return ([[
    local attack = package.loadlib(%q, "luaopen_attack")()
    local q, full, v, l = queue(), queue { max = 1 }, sandbox.value(1), sandbox.lock()
    local d, a, s, b = sandbox.dict(), sandbox.array(100), sandbox.semaphore(0), sandbox.barrier(9)
    local rw, e, c = sandbox.rwlock(), sandbox.event(), sandbox.condition()
    full:put(l) d.x = q v:set(q) q:put({ full, l }) q:get()
    local near, far = sandbox.pipe()
    local bar = sandbox.progress { label = "bar", total = 10 }
    bar:add(1)
    for i, wait in ipairs { function() q:get() end, function() full:put(2) end, function() s:acquire() end,
      function() b:wait() end, function() e:wait() end, function() sandbox.select { q, s } end,
      function() near:recv() end, function() c:acquire() c:wait() end, function() rw:read() e:wait() end,
      function() l:acquire() error "fails" end } do
      spawn({ name = "w" .. i }, wait)
    end
    print "begun"
    for i = 0, 1 do spawn(function() attack.%s end) end
    %s]]):format(PROBE, attack, rest)
end

local SLEEPS <const> = "sleep(0.5)"
local ways = {
  { "and reported" },
  { "with statistics", { "--stats" } },
  { "with statistics as JSON", { "--stats=json" } },
  { "with a timeline", { "--timeline" } },
  { "recorded", { "--trace", "@/t.html", "--trace", "@/t.json", "--trace", "@/t.svg", "--trace", "@/t.pftrace" } },
  { "with a deadlock", {}, "q:get()" },
  { "shaken", { "--shake=2", "--seed=1" } },
  { "at its CPU limit", { "--cpu=0.5" }, "while true do end" },
}

-- What is wrong with how it ended; nil: nothing.
local function fault(o, word)
  if CRASHES[o.status] and not o.err:find "main %(pid %-?%d+%) was killed" then return "the supervisor crashed" end
  if o.status == 137 then return "it had to be killed from outside" end
  if not o.out:find "begun" and not o.err:find "begun" then return "it did not begin" end
  local gone, why = pcall(left.nothing, word)
  if not gone then return tostring(why) end
end

local function attacked(words)
  words.env = { SANDBOX_STRICT_LAYERS = LAYERS, SANDBOX_STRICT_PRELOAD = PROBE,
    ASAN_OPTIONS = "abort_on_error=1:detect_leaks=0", UBSAN_OPTIONS = "abort_on_error=1:print_stacktrace=1" }
  return run(words)
end

for _, way in ipairs(ways) do
  local name, options, rest = way[1], way[2] or {}, way[3] or SLEEPS
  it("what is written into shared memory does no harm to a run " .. name, function()
    for seed = FIRST, FIRST + SEEDS - 1 do
      local at <close>, word = shell.folder(), left.new_word()
      local words = { "--strict", "--time=3", "--memory=4G" }
      for _, option in ipairs(options) do words[#words + 1] = option:gsub("^@", at.name) end
      words[#words + 1] = "-e"
      words[#words + 1] = program(("scribbles(%d * 2 + i, 300)"):format(seed), rest) .. " --" .. word
      local o = attacked(words)
      local wrong = fault(o, word)
      if wrong then error(("seed %d: %s, status %s: %s"):format(seed, wrong, o.status, o.err:sub(1, 6000))) end
    end
  end)
end

-- One thing at a time: each has let the supervisor read, or write, beyond a table, or never come back.
for _, what in ipairs { "lines", "counts", "names", "readers", "rings", "texts", "status" } do
  it("the supervisor does not believe " .. what, function()
    local word, at <close> = left.new_word(), shell.folder()
    local o = attacked { "--strict", "--time=4", "--trace", at.name .. "/t.json", "-e",
      program(("plant %q"):format(what), "q:get()") .. " --" .. word }
    assert.is_nil(fault(o, word), o.err)
    assert.is_nil(o.err:find("held up", 1, true), o.err)
    if what == "texts" then assert.is_truthy(o.err:find("\n" .. ("A"):rep(47) .. ": 10%", 1, true), o.err) end
    assert.is_not.equal(0, o.status)
  end)
end

it("no line of a report begins as the supervisor's own do because of a name", function()
  local o = attacked { "--strict", "--time=4", "--stats", "-e", program('plant "forgeries"', "q:get()") }
  assert.is_truthy(o.err:find("\n sandbox: forged", 1, true), o.err)
  assert.is_nil(("\n" .. o.out .. o.err):find("\nsandbox: forged", 1, true), o.err)
end)

it("a run that is shaken says nothing of how it went", function()
  local o = attacked { "--strict", "--shake=2", "-e", ([[
    spawn(function() package.loadlib(%q, "luaopen_attack")().plant "verdict" end):join()
    sleep(0.5)]]):format(PROBE) }
  assert.equal(0, o.status, o.err)
end)

it("a strict run cannot say that it reached a limit", function()
  for _, status in ipairs { 124, 125 } do
    local script = ([[package.loadlib(%q, "luaopen_attack")().leave(%d)]]):format(PROBE, status)
    local o = attacked { "--strict", "-e", script }
    assert.equal(1, o.status, o.err)
  end
end)
