-- Recording a run and showing it: --trace, --timeline, --stats, and the command `trace`.
local shell = require "support.shell"
local run = require "cli.run"
local cjson = require "cjson"

local HINT = "'sandbox --help' lists the options\n"
local TRACE_HINT = "'sandbox trace --help' lists the options\n"

-- Two processes, a queue, a pipe, waits, a mark, a kill, and names that no format may take for its own.
local SCRIPT = [[
local q = queue { max = 3, name = '</script><b>"&\\' }
local a, b = sandbox.pipe()
local w = spawn({ name = 'wri"<b>\\ter' }, function()
  for i = 1, 20 do q:put(i) end
  q:close()
  a:send("done")
  sandbox.mark("half <way>")
  sandbox.mark("load", 0.25)
  sandbox.lock { name = "held" }:acquire()
  sleep(60)
end)
for item in q:items() do sleep(0.001) end
assert(b:recv() == "done")
w:kill()
w:join()
]]

local function slurp(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function exists(name)
  local file = io.open(name)
  return file ~= nil and file:close()
end

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

-- What is in a folder, in order.
local function list(folder) return (shell.run("ls -A " .. shell.quote(folder))) end

-- Run the script with traces in a new folder: it, and the result.
local function traced(script, ...)
  local folder = shell.folder()
  local t = table.pack("--speed", "10", ...)
  t.dir = folder.name
  t[#t + 1] = "-e"
  t[#t + 1] = script
  return folder, run(t)
end

-- The packets of a .pftrace as protoc shows them, each a list of its lines.
local function decode(name)
  local text, status = shell.run(("protoc --decode=sandbox.tests.Trace -I%s track_event.proto <%s 2>&1"):format(
    shell.quote(shell.source .. "/tests/trace"), shell.quote(name)))
  assert.equal(0, status, text)
  local packets = {}
  for line in text:gmatch("[^\n]+") do
    if line == "packet {" then packets[#packets + 1] = {} end
    assert.falsy(line:find("^ *%d+[: ]"), "an unknown field: " .. line)
    table.insert(packets[#packets], line)
  end
  return packets
end

-- The value of a field of a packet, and of all fields of that name.
local function field(packet, name)
  local all = {}
  for _, line in ipairs(packet) do all[#all + 1] = line:match("^ *" .. name .. ": (.*)$") end
  return all[1], all
end

describe("--trace", function()
  it("writes what the extension says, and nothing else", function()
    local folder <close>, result = traced(SCRIPT, "--trace", "a.html", "--trace=b.svg", "--trace", "c.pftrace",
      "--trace", "d.json")
    assert.same({ out = "", err = "", status = 0 }, result)
    assert.equal("a.html\nb.svg\nc.pftrace\nd.json\n", list(folder.name))
    assert.truthy(slurp(folder.name .. "/a.html"):lower():find("^<!doctype html>"))
    assert.truthy(slurp(folder.name .. "/b.svg"):find("^<svg ") or slurp(folder.name .. "/b.svg"):find("^<%?xml"))
    assert.equal("\n", slurp(folder.name .. "/c.pftrace"):sub(1, 1))
    assert.equal("{", slurp(folder.name .. "/d.json"):sub(1, 1))
  end)

  it("writes a file of Perfetto: known fields, slices that nest, flows that are unique", function()
    local folder <close> = traced(SCRIPT, "--trace", "a.pftrace")
    local open, begun, sequence, out, back = {}, 0, nil, {}, {}
    for _, packet in ipairs(decode(folder.name .. "/a.pftrace")) do
      local this, type, track = field(packet, "trusted_packet_sequence_id"), field(packet, "type"),
        field(packet, "track_uuid") or "own"
      assert.truthy(this)
      if this ~= sequence then assert.is_nil(next(open), "a slice has no end") end
      sequence = this
      if type == "TYPE_SLICE_BEGIN" then
        open[track], begun = (open[track] or 0) + 1, begun + 1
      elseif type == "TYPE_SLICE_END" then
        open[track] = assert(open[track], "an end without a begin") - 1
        if open[track] == 0 then open[track] = nil end
      end
      for _, flow in ipairs(select(2, field(packet, "flow_ids_old"))) do
        assert.is_nil(out[flow], "a flow with two sources")
        out[flow] = true
      end
      for _, flow in ipairs(select(2, field(packet, "terminating_flow_ids_old"))) do
        assert.is_nil(back[flow], "a flow with two ends")
        back[flow] = true
      end
    end
    assert.is_nil(next(open))
    assert.is_true(begun > 5)
    assert.truthy(next(out))
    assert.same(out, back)
  end)

  it("writes JSON that parses, whatever names there are", function()
    local folder <close> = traced(SCRIPT, "--trace", "a.json")
    local trace = cjson.decode(slurp(folder.name .. "/a.json"))
    local names, threads = {}, {}
    for _, event in ipairs(trace.traceEvents) do
      names[event.name] = (names[event.name] or 0) + 1
      if event.name == "thread_name" then threads[event.args.name] = true end
      if event.ph == "X" then assert.is_true(event.ts >= 0 and event.dur >= 0) end
    end
    assert.is_true(threads.main and threads['wri"<b>\\ter#2'])
    assert.equal(1, names["half <way>"])
    assert.equal(1, names['load of wri"<b>\\ter#2'])
    assert.truthy(names['get </script><b>"&\\#1'])
    assert.equal("merged", trace.otherData.detail)
  end)

  it("tells that an item of a queue with redeliver came back, and counts it once", function()
    local folder <close> = traced([[
local jobs, there = queue { redeliver = true, name = "jobs" }, queue()
jobs:put_all { 1, 2 }
local p = spawn({ quiet = true }, function() jobs:get() there:put(true) sleep(1000) end)
there:get()
p:kill()
p:join()
assert(jobs:get() == 1 and jobs:get() == 2 and #jobs == 0)
]], "--trace", "a.json", "--trace", "b.pftrace", "--trace", "c.html", "--trace", "d.svg")
    local back, least = 0, 0
    for _, event in ipairs(cjson.decode(slurp(folder.name .. "/a.json")).traceEvents) do
      if event.args and event.args.result == "came back" then
        assert.are.same({ "get jobs#1", 1 }, { event.name, event.args.item })
        back = back + 1
      end
      for _, n in pairs(event.ph == "C" and event.args or {}) do least = math.min(least, n) end
    end
    assert.equal(1, back)
    assert.equal(0, least)
  end)

  it("may be - for JSON on stdout, after what the script has printed", function()
    local result = run { "--trace", "-", "-e", "print 'first'" }
    assert.same({ "", 0 }, { result.err, result.status })
    assert.equal("first\n", result.out:match("^[^{]*"))
    assert.equal("main", cjson.decode(result.out:sub(7)).traceEvents[2].args.name)
  end)

  it("says how to record", function()
    local folder <close> = traced("local q = queue() for i = 1, 100 do q:put(i) end", "--trace", "m.json",
      "--trace-detail=merged")
    local many <close> = traced("local q = queue() for i = 1, 100 do q:put(i) end", "--trace", "m.json",
      "--trace-detail=all")
    local function puts(of)
      local count = 0
      for _, event in ipairs(cjson.decode(slurp(of.name .. "/m.json")).traceEvents) do
        if event.cat == "op" and event.args.op == "put" then count = count + 1 end
      end
      return count
    end
    assert.equal(100, puts(many))
    assert.is_true(puts(folder) < 20)
  end)

  it("keeps what is newest when the limit is reached, and says so", function()
    local folder <close>, result = traced([[
      local q, l = queue { name = "jobs" }, sandbox.lock()
      sleep(1) -- what names the queue is drained before the ring is full
      for i = 1, 3000 do q:put(i) l:acquire() q:get() l:release() if i % 50 == 0 then sleep(0.02) end end
      sandbox.mark "last"]], "--trace", "a.json", "--trace-detail=all", "--trace-limit", "64K")
    assert.same({ "", 0 }, { result.err, result.status })
    local trace = cjson.decode(slurp(folder.name .. "/a.json"))
    assert.equal("the oldest events were dropped", trace.otherData.cut)
    local seen = {}
    for _, event in ipairs(trace.traceEvents) do
      seen[event.name] = true
      if event.name == "thread_name" then seen[event.args.name] = true end
    end
    assert.is_true(seen.main and seen.last and (seen["put jobs#1"] or seen["get jobs#1"]))
    assert.is_true(#trace.traceEvents < 8000)
  end)

  it("leaves alone what the script does", function()
    for _, script in ipairs { "os.exit(7)", "error('x', 0)", "spawn(error, 'y')", "sandbox.lock():acquire() queue():get()" } do
      local plain = run { "-e", script }
      local folder <close>, result = traced(script, "--trace", "a.html", "--trace", "b.pftrace")
      assert.equal(plain.status, result.status)
      assert.equal(plain.out, result.out)
      assert.equal((plain.err:gsub("pid %d+", "pid N")), (result.err:gsub("pid %d+", "pid N")))
      assert.equal("a.html\nb.pftrace\n", list(folder.name))
    end
  end)

  it("gives no descriptor of its own to processes of the run", function()
    local script = [[
      local function count()
        local pipe = io.popen("ls -l /proc/" .. sandbox.getpid() .. "/fd")
        local text = pipe:read("a")
        pipe:close()
        return text
      end
      local text = count() .. select(2, spawn(count):join())
      print(text:find("a.html", 1, true), text:find("b.svg", 1, true), text:find("memfd:sandbox trace", 1, true))]]
    local folder <close>, result = traced(script, "--trace", "a.html", "--trace", "b.svg")
    assert.same({ out = "nil\tnil\tnil\n", err = "", status = 0 }, result)
    assert.equal("a.html\nb.svg\n", list(folder.name))
  end)

  it("replaces a file, and follows a link", function()
    local folder <close> = shell.folder()
    write(folder.name .. "/real.json", "old")
    shell.run("ln -s real.json " .. folder.name .. "/link.json")
    assert.equal(0, run { "--trace", "link.json", "-e", "", dir = folder.name }.status)
    assert.equal("link.json\nreal.json\n", list(folder.name))
    assert.truthy(cjson.decode(slurp(folder.name .. "/real.json")))
  end)

  it("is not begun when a file cannot be written", function()
    local folder <close> = shell.folder()
    local dir = folder.name
    shell.run(("cd %s && mkdir d.html && touch f && ln -s a.svg b.svg"):format(shell.quote(dir)))
    local function refused(message, ...)
      local t = table.pack(...)
      t.dir = dir
      t[#t + 1] = "-e"
      t[#t + 1] = "print 'run'"
      assert.same({ out = "", err = "sandbox: " .. message .. "\n", status = 2 }, run(t))
      assert.equal("b.svg\nd.html\nf\n", list(dir))
    end
    refused("cannot write the trace 'd.html': it is a directory", "--trace", "d.html")
    refused("cannot write the trace 'no/x.html': No such file or directory", "--trace", "no/x.html")
    refused("cannot write the trace 'f/x.html': Not a directory", "--trace", "f/x.html")
    refused("cannot write the trace 'd.html': it is a directory", "--trace", "a.json", "--trace", "d.html")
    refused("option '--trace' names 'a.svg' twice\n" .. HINT:sub(1, -2), "--trace", "a.svg", "--trace=a.svg")
    refused("the traces 'a.svg' and './a.svg' are the same file\n" .. HINT:sub(1, -2), "--trace", "a.svg",
      "--trace=./a.svg")
    local name = dir .. "/" .. ("x"):rep(300) .. ".html"
    refused(("cannot write the trace '%s': File name too long"):format(name), "--trace", name)
  end)

  it("is not written twice at a time", function()
    local folder <close> = shell.folder()
    local inner = ('assert(os.execute([[%s --trace a.html -e "print(1)"]]) == nil)'):format(shell.program)
    local result = run { "--trace", "a.html", "-e", inner, dir = folder.name }
    assert.same({ out = "", err = "sandbox: cannot write the trace 'a.html': another run is writing it\n", status = 0 },
      result)
    assert.equal("a.html\n", list(folder.name))
  end)

  it("warns when the disk is full, in one line, and changes nothing else", function()
    local folder <close> = shell.folder()
    shell.run(("ln -s /dev/full %s/full.html"):format(shell.quote(folder.name)))
    assert.same({ out = "run\n", err = "sandbox: cannot write the trace 'full.html': No space left on device\n", status = 7 },
      run { "--trace", "full.html", "-e", "print 'run' os.exit(7)", dir = folder.name })
    local result = run { command = [["$P" --trace - -e '' >/dev/full]] }
    assert.same({ out = "", err = "sandbox: cannot write the trace '-': No space left on device\n", status = 0 }, result)
    assert.equal("full.html\n", list(folder.name))
  end)

  it("warns when a file becomes too large, and says where the record is", function()
    local folder <close> = shell.folder()
    local result = run { command = [[ulimit -f 16; "$P" --trace a.html -e 'sleep(0.001)']], dir = folder.name }
    assert.same({ out = "", status = 0, err =
      "sandbox: cannot write the trace 'a.html': File too large; what was recorded is in 'a.html.part'\n" },
      { out = result.out, status = result.status, err = (result.err:gsub("'/[^']*/", "'")) })
    assert.equal("a.html.part\n", list(folder.name))
    assert.equal(0, run { "trace", "a.html.part", "-o", "a.html", dir = folder.name }.status)
  end)

  it("says why nothing was recorded", function()
    local result = run { command = [[(ulimit -f 0; "$P" --trace /tmp/$$.html -e 'sleep(0.001)' 2>&1) | cat]] }
    assert.same({ out = "sandbox: cannot show the trace: File too large\n", err = "", status = 0 }, result)
  end)

  it("does not mind a reader of stdout that has left", function()
    local result = run { command = [["$P" --trace - -e 'for i = 1, 3000 do sleep(0.000001) end' | head -c 1]] }
    assert.equal("{", result.out)
    assert.truthy(result.err == "" or result.err == "sandbox: cannot write the trace '-': Broken pipe\n")
  end)

  it("leaves what was recorded when the supervisor is killed", function()
    local folder <close>, result = traced([[
      local q = queue { name = "jobs" }
      local w = spawn({ name = "writer" }, function() for i = 1, 50 do q:put(i) end q:get() q:get() end)
      for i = 1, 48 do q:get() end
      w:join()
      sleep(1)
      local file = io.open("/proc/self/stat")
      os.execute("kill -9 " .. file:read("a"):match("%) %S (%d+)"))
      sleep(1000)]], "--trace", "a.html")
    assert.equal(137, result.status)
    assert.equal("a.html.part\n", list(folder.name))
    local chart = run { "trace", "a.html.part", dir = folder.name }
    assert.same({ "", 0 }, { chart.err, chart.status })
    assert.truthy(chart.out:find("main", 1, true) and chart.out:find("writer#2", 1, true))
    assert.equal(0, run { "trace", "a.html.part", "-o", "a.html", dir = folder.name }.status)
    assert.equal("a.html\na.html.part\n", list(folder.name))
  end)
end)

describe("--timeline", function()
  local function chart(t)
    t.env = t.env or {}
    for _, name in ipairs { "LC_ALL", "COLUMNS", "LINES" } do t.env[name] = t.env[name] or "" end
    t[#t + 1] = "-e"
    t[#t + 1] = "spawn({ name = 'w' }, sleep, 0.05):join()"
    local result = run(t)
    assert.equal(0, result.status)
    assert.equal("", result.out)
    local width = 0
    for line in result.err:gmatch("[^\n]+") do width = math.max(width, utf8.len(line) or #line) end
    return result.err, width
  end

  it("draws on stderr, as wide as is said, as COLUMNS says, or 80 columns", function()
    assert.equal(80, select(2, chart { "--timeline" }))
    assert.equal(100, select(2, chart { "--timeline=100", env = { COLUMNS = "60" } }))
    assert.equal(60, select(2, chart { "--timeline", env = { COLUMNS = "60" } }))
    assert.equal(40, select(2, chart { "--timeline=40" }))
  end)

  it("has characters that the locale has", function()
    assert.truthy(chart({ "--timeline", env = { LC_ALL = "C.UTF-8" } }):find("·", 1, true))
    assert.falsy(chart({ "--timeline", env = { LC_ALL = "C" } }):find("[\128-\255]"))
    assert.falsy(chart({ "--timeline", env = { LC_ALL = "C", LANG = "de_DE.UTF-8" } }):find("[\128-\255]"))
    assert.truthy(chart({ "--timeline", env = { LC_CTYPE = "de_DE.utf8" } }):find("[\128-\255]"))
  end)

  it("has colours if they are asked for", function()
    assert.falsy(chart({ "--timeline" }):find("\27", 1, true))
    assert.truthy(chart({ "--timeline", "--color=always" }):find("\27[", 1, true))
    assert.falsy(chart({ "--timeline", env = { FORCE_COLOR = "1", NO_COLOR = "1", TERM = "xterm" } }):find("\27", 1, true))
  end)
end)

describe("--stats", function()
  it("sums up, as text and as JSON", function()
    local text = run { "--stats", "--seed", "5", "-e", "local q = queue() q:put(1) q:get()" }
    assert.same({ "", 0 }, { text.out, text.status })
    assert.truthy(text.err:find("seed 5", 1, true))
    local json = run { "--stats=json", "--seed", "5", "-e", "local q = queue() q:put(1) q:get()" }
    assert.same({ "", 0 }, { json.out, json.status })
    local stats = cjson.decode(json.err)
    assert.same({ 5, 1, 1 }, { stats.seed, stats.messages, #stats.processes })
  end)

  it("follows the timeline", function()
    local both = run { "--stats", "--timeline", "-e", "sleep(0.01)" }.err
    assert.is_true(both:find("sleeps", 1, true) < both:find("\ntime ", 1, true))
  end)
end)

describe("sandbox trace", function()
  local function fails(message, t)
    assert.same({ out = "", err = "sandbox: " .. message .. "\n", status = 2 }, run(t))
  end

  it("converts a trace into what the run would have written itself", function()
    local folder <close> = traced(SCRIPT, "--trace", "a.html", "--trace=a.svg", "--trace", "a.pftrace", "--trace",
      "a.json", "--trace-detail=all")
    assert.same({ out = "", err = "", status = 0 }, run { "trace", "a.pftrace", "-o", "b.html", "-o", "b.svg",
      "-ob.pftrace", "-o", "b.json", dir = folder.name })
    for _, extension in ipairs { "html", "svg", "pftrace", "json" } do
      assert.is_true(slurp(folder.name .. "/a." .. extension) == slurp(folder.name .. "/b." .. extension), extension)
    end
  end)

  it("draws the timeline on stdout unless files are asked for", function()
    local folder <close>, result = traced(SCRIPT, "--timeline", "--trace", "a.pftrace")
    local env = { COLUMNS = "80" }
    local drawn = run { "trace", "a.pftrace", dir = folder.name, env = env }
    assert.same({ out = result.err, err = "", status = 0 }, drawn)
    assert.equal(drawn.out, run { "trace", "-", stdin = slurp(folder.name .. "/a.pftrace"), env = env }.out)
    assert.truthy(run { "trace", "--stats", "a.pftrace", dir = folder.name }.out:find("\ntime ", 1, true))
    assert.equal(cjson.decode(run { "trace", "--stats=json", "a.pftrace", dir = folder.name }.out).exit_status, 0)
  end)

  it("tells where objects were made", function()
    local folder <close> = traced([[
      local q = queue { name = "jobs" }
      local lock = sandbox.lock { name = "door" }
      local a, b = sandbox.pipe { name = "line" }
      q:put(1) q:get() lock:acquire() lock:release() a:send(1) b:recv()]], "--trace", "a.pftrace")
    local sums = cjson.decode(run { "trace", "--stats=json", "a.pftrace", dir = folder.name }.out)
    assert.equal("(command line):1", sums.queues[1].made_at)
    local places = {}
    for _, packet in ipairs(decode(folder.name .. "/a.pftrace")) do
      local text = table.concat(packet, "\n")
      local name = text:match('name: "(%a+#%d+)"')
      if text:find('"made_at"', 1, true) then places[name] = text:match('"(%(command line%):%d)"') end
    end
    assert.same({ ["jobs#1"] = "(command line):1", ["door#2"] = "(command line):2", ["line#5"] = "(command line):3",
      ["line#6"] = "(command line):3" }, places)
  end)

  it("does not take the end of a daemon for a kill", function()
    local folder <close>, result = traced([[
      spawn({ name = "ticker", daemon = true }, sleep, 600)
      spawn({ name = "victim" }, sleep, 600):kill()
      local pool = sandbox.pool(2)
      pool:map(math.abs, { 1, 2, 3 })]], "--trace", "a.pftrace", "--timeline")
    assert.truthy(result.err:find("(1 killed)", 1, true), result.err)
    local sums = cjson.decode(run { "trace", "--stats=json", "a.pftrace", dir = folder.name }.out)
    assert.same({ done = 1, failed = 0, killed = 1, ended = 3, alive = 0 }, sums.ends)
    for _, p in ipairs(sums.processes) do assert.equal(p.name == "worker", p.worker) end
  end)

  it("does not take the end of the run from outside for failures or kills", function()
    for signal, status in pairs { INT = 130, TERM = 143 } do
      local folder <close>, result = traced(([[
        local ready = sandbox.latch(3)
        local function wait() ready:down() sleep(600) end
        spawn(wait) spawn(wait) spawn(function() spawn(wait):join() end)
        ready:wait()
        local supervisor = io.open("/proc/self/stat"):read("a"):match("%%) %%a (%%d+)")
        os.execute("kill -%s " .. supervisor)
        sleep(600)]]):format(signal), "--trace", "a.pftrace", "--timeline")
      assert.equal(status, result.status, result.err)
      assert.truthy(result.err:find(": 5 processes, ", 1, true), result.err)
      local sums = cjson.decode(run { "trace", "--stats=json", "a.pftrace", dir = folder.name }.out)
      assert.same({ done = 0, failed = 0, killed = 0, ended = 5, alive = 0 }, sums.ends)
    end
  end)

  it("does not take what os.exit ends for a kill", function()
    local folder <close>, result = traced("spawn({ daemon = true }, sleep, 600) os.exit(3)", "--stats=json")
    assert.equal(3, result.status)
    assert.equal(1, cjson.decode(result.err).ends.ended, folder.name)
  end)

  it("calls what the library makes of several objects what a script calls it", function()
    local folder <close>, result = traced([[
      local m, t = sandbox.monitor({ n = 0 }, { name = "account" }), sandbox.topic()
      local waits = spawn({ name = "waits" }, function()
        m:when(function(s) return s.n == 1 end, function() end)
        local s <close> = t:subscribe()
        m:when(function(s) s.n = 2 return true end, function(s) s.n = 2 end)
        print(s:get(), (sandbox.receive()))
      end)
      while not tostring(m):find("1 waiting", 1, true) do sleep(0.01) end
      sleep(5) -- so that the wait is long enough for the chart
      m:when(function() return true end, function(s) s.n = 1 end)
      m:when(function(s) return s.n == 2 end, function() end)
      t:publish("news")
      waits:send("letter")
      waits:join()]], "--trace", "x.json", "--timeline=100")
    assert.same({ "news\tletter\n", 0 }, { result.out, result.status }, result.err)
    local names, threads = {}, {}
    for _, e in ipairs(cjson.decode(slurp(folder.name .. "/x.json")).traceEvents) do
      if e.name == "thread_name" then threads[e.args.name] = true else names[e.name] = true end
    end
    for _, name in ipairs { "when monitor account#1", "get topic#2", "receive mail of waits#2" } do
      assert.truthy(names[name], name)
    end
    -- The mailbox is no process, and is not told as one.
    for name in pairs(threads) do assert.truthy(name:match("^main") or name:match("^waits#2"), name) end
    assert.truthy(result.err:find("waits for monitor", 1, true), result.err)
  end)

  it("has the message of each failure, also where no report is wanted", function()
    local folder <close>, result = traced([[
      spawn({ quiet = true }, function() error { code = 7 } end):join()
      spawn({ quiet = true }, function() error("a <text>", 0) end):join()
      spawn({ quiet = true }, function() os.exit(3) end):join()]], "--trace", "x.html", "--stats")
    assert.same({ "", 0 }, { result.out, result.status }, result.err)
    local page = slurp(folder.name .. "/x.html")
    for _, message in ipairs { "(error object is a table value: {code = 7})", "a \\u003ctext\\u003e" } do
      assert.truthy(page:find(message, 1, true), message)
    end
    assert.falsy(result.err:find("stack traceback", 1, true), result.err)
  end)

  it("has the message of main's own failure", function()
    for _, row in ipairs {
      { "error('the one', 0)", "failed: the one", 1 },
      { "local x = = 1", "failed: (command line):1: unexpected symbol", 1 },
      { "spawn(error, 'of a child', 0):result()", "failed: of a child", 1 },
      { "os.exit(7)", "failed", 7 },
    } do
      local _ <close>, result = traced(row[1], "--stats")
      assert.equal(row[3], result.status, result.err)
      local told = result.err:match("\nmain [^\n]*")
      assert.truthy(told and told:find(row[2], 1, true), result.err)
    end
    local folder <close>, result = traced("error('the <main> one', 0)", "--trace", "x.html")
    assert.equal(1, result.status)
    assert.truthy(slurp(folder.name .. "/x.html"):find("the \\u003cmain\\u003e one\"", 1, true))
  end)

  it("calls the queues of a pool by what is in them", function()
    local _ <close>, result = traced([[
      local pool <close> = sandbox.pool(1)
      local named <close> = sandbox.pool { workers = 1, name = "cooks" }
      pool:map(tostring, { 1, 2, 3 })
      named:map(tostring, { 1, 2, 3 })]], "--stats")
    for _, name in ipairs { "results#1", "tasks#3", "cooks results#4", "cooks tasks#6" } do
      assert.truthy(result.err:find("\n" .. name .. "  ", 1, true), result.err)
    end
  end)

  it("shows a run that stood still", function()
    local folder <close>, result = traced([[
      local a, b = sandbox.lock { name = "a" }, sandbox.lock { name = "b" }
      local both = sandbox.barrier(2)
      local function take(first, second) first:acquire() both:wait() second:acquire() end
      spawn({ name = "left" }, take, a, b)
      spawn({ name = "right" }, take, b, a)]], "--trace", "x.html", "--trace", "x.svg", "--trace", "x.pftrace", "--trace", "x.json",
      "--timeline")
    assert.equal(4, result.status, result.err)
    assert.truthy(result.err:find("\ndeadlock: ", 1, true), result.err)
    local page = slurp(folder.name .. "/x.html")
    for _, part in ipairs { "deadlock: nobody can ever go on", 'wf-stuck', "held by" } do
      assert.truthy(page:find(part, 1, true), part)
    end
    assert.truthy(slurp(folder.name .. "/x.json"):find('"deadlock: acquire b#2"', 1, true))
    assert.equal(0, run { "trace", "x.pftrace", "-o", "again.html", dir = folder.name }.status)
    assert.truthy(slurp(folder.name .. "/again.html"):find("deadlock: nobody can ever go on", 1, true))
  end)

  it("records more processes than it has rings, one after another", function()
    local folder <close>, result = traced([[
      for i = 1, 300 do spawn({ name = "p" }, function() sandbox.mark("m") end):join() end]],
      "--max-procs", "16", "--trace", "x.json", "--stats=json")
    assert.same({ "", 0 }, { result.out, result.status }, result.err)
    local marks, ends = 0, 0
    for _, e in ipairs(cjson.decode(slurp(folder.name .. "/x.json")).traceEvents) do
      if e.name == "m" then marks = marks + 1 end
      if e.cat == "process" and e.args["end"] == "done" then ends = ends + 1 end
    end
    -- Those that a supervisor without a processor had no ring for are counted.
    local lost = cjson.decode(result.err).events_lost
    assert.same({ 300, 301 }, { marks + lost, ends + lost })
    assert.is_true(marks > 64, marks)
  end)

  it("loses nothing in full detail: a process waits for a supervisor that comes late", function()
    local _ <close>, result = traced([[
      local supervisor = io.open("/proc/self/stat"):read("a"):match("%) %a (%d+)")
      local function state() return io.open("/proc/" .. supervisor .. "/stat"):read("a"):match("%) (%a)") end
      local q = queue()
      os.execute(("(kill -STOP %s; until [ -e seen ]; do sleep 0.1; done; sleep 1; kill -CONT %s) &"):format(supervisor, supervisor))
      while state() ~= "T" do end
      io.open("seen", "w"):close()
      for i = 1, 10000 do q:try_put(i) q:try_get() end]], "--trace", "x.pftrace", "--trace-detail", "all", "--stats=json")
    assert.equal(0, result.status, result.err)
    local sums = cjson.decode(result.err)
    assert.equal(0, sums.events_lost)
    assert.truthy(sums.operations >= 20000)
  end)

  it("knows that a queue without room has none", function()
    local folder <close>, result = traced([[
      local q = queue { max = 0, name = "hand" }
      spawn({ name = "w" }, function() q:put(1) end)
      sleep(1)
      assert(q:get() == 1)]], "--trace", "x.pftrace", "--timeline=80", "--stats=json")
    assert.equal(0, result.status, result.err)
    assert.truthy(result.err:find("hand#1 max 0", 1, true), result.err)
    assert.truthy(result.err:find('"capacity":0', 1, true), result.err)
    local again = run { "trace", "x.pftrace", "--timeline=80", dir = folder.name }
    assert.truthy(again.out:find("hand#1 max 0", 1, true), again.out)
    assert.equal(0, run { "trace", "x.pftrace", "-o", "x.svg", dir = folder.name }.status)
    assert.truthy(slurp(folder.name .. "/x.svg"):find(" of 0<", 1, true))
  end)

  it("counts names that have no room", function()
    local folder <close>, result = traced("for i = 1, 9000 do sandbox.mark('job ' .. i) if i % 500 == 0 then sleep(0.2) end end", "--trace", "a.pftrace", "--timeline")
    local missing = result.err:match("([%d,]+) names or lines lost\n")
    assert.truthy(missing, result.err)
    local sums = cjson.decode(run { "trace", "--stats=json", "a.pftrace", dir = folder.name }.out)
    assert.equal(math.tointeger(sums.names_lost), math.tointeger((missing:gsub(",", ""))))
    assert.truthy(sums.names_lost >= 9000 - 8192)
  end)

  it("shows no file that a trace names but modules in its folder and in the current one", function()
    local folder <close> = shell.folder()
    local at = folder.name
    assert(os.execute(("mkdir %s/here %s/away"):format(at, at)))
    local text = [[queue():put("a secret") sandbox.mark "m"
      for _ = 1, 1500 do -- until FILE.part has the line above
        if io.open((...)):read("a"):find(arg[0] .. ":1", 1, true) then break end
        sleep(0.02)
      end
      os.execute("kill -9 " .. io.open("/proc/self/stat"):read("a"):match("%) %S (%d+)")) sleep(1000)]]
    for _, name in ipairs { "away/x.lua", "away/x.txt", "here/y.lua" } do
      write(at .. "/" .. name, text)
      local trace = "here/" .. name:gsub("/", "_") .. ".html"
      -- The supervisor is killed: what it recorded so far is in FILE.part, which holds no sources.
      run { "--trace-detail=all", "--trace", trace, at .. "/" .. name, trace .. ".part", dir = at }
      assert.is_true(exists(at .. "/" .. trace .. ".part"), name)
      local page = run { "trace", trace:sub(6) .. ".part", "-o", "shown.html", dir = at .. "/here" }
      assert.equal(0, page.status, page.err)
      assert.equal(name == "here/y.lua", slurp(at .. "/here/shown.html"):find("a secret", 1, true) ~= nil, name)
      run { "trace", "../" .. trace .. ".part", "-o", "shown.html", dir = at .. "/away" }
      assert.equal(name ~= "away/x.txt", slurp(at .. "/away/shown.html"):find("a secret", 1, true) ~= nil, name)
    end
  end)

  it("draws two runs on one axis", function()
    local folder <close> = traced("sleep(4)", "--speed", "20", "--trace", "long.pftrace")
    run { "--speed", "20", "--trace", "short.pftrace", "-e", "sleep(2)", dir = folder.name }
    local out = run { "trace", "long.pftrace", "short.pftrace", dir = folder.name, env = { COLUMNS = "80", LC_ALL = "C" } }.out
    local _, axes = out:gsub("%+%-%-", "")
    assert.truthy(axes >= 3 and axes <= 6, out)
    local times, ends = {}, {} -- each row is as long as its run, whatever the machine made of it
    for time in out:gmatch("1 process, ([%d.]+)s") do times[#times + 1] = tonumber(time) end
    for cells in out:gmatch("\nmain ([#. ]+)") do ends[#ends + 1] = #cells end
    assert.same({ 2, 2 }, { #times, #ends }, out)
    assert.truthy(math.abs(ends[2] / ends[1] - times[2] / times[1]) < 0.06, out)
    local said = times[1] > 1.1 * times[2] and "\nthe second is %d%.%d times as fast\n$" or "\n[^\n]+\n$"
    assert.truthy(out:find(said), out)
    assert.equal(select(2, out:gsub("# runs  %. sleeps", "")), 1)
    local sums = run { "trace", "--stats=json", "long.pftrace", "short.pftrace", dir = folder.name }.out
    local first, second = sums:match("^(.-)\n\n(.*)\n$")
    assert.truthy(cjson.decode(first).command:find("sleep(4)", 1, true))
    assert.truthy(cjson.decode(second).command:find("sleep(2)", 1, true))
  end)

  it("shows two runs side by side", function()
    local folder <close> = traced(SCRIPT, "--trace", "a.pftrace")
    assert.same({ out = "", err = "", status = 0 },
      run { "trace", "-o", "b.html", "a.pftrace", "-o", "b.svg", "a.pftrace", dir = folder.name })
    assert.truthy(exists(folder.name .. "/b.html") and exists(folder.name .. "/b.svg"))
    fails("two runs can be written as .html or .svg, not into 'b.json'\n" .. TRACE_HINT:sub(1, -2),
      { "trace", "a.pftrace", "a.pftrace", "-o", "b.html", "-o", "b.json", dir = folder.name })
  end)

  it("may write over what it reads", function()
    local folder <close> = traced("sleep(0.01)", "--trace", "a.pftrace")
    local before = slurp(folder.name .. "/a.pftrace")
    assert.equal(0, run { "trace", "a.pftrace", "-o", "a.pftrace", dir = folder.name }.status)
    assert.is_true(before == slurp(folder.name .. "/a.pftrace"))
    assert.equal("a.pftrace\n", list(folder.name))
  end)

  it("refuses what is no trace", function()
    local folder <close> = traced(SCRIPT, "--trace", "a.pftrace", "--trace", "a.html")
    local dir, whole = folder.name, slurp(folder.name .. "/a.pftrace")
    write(dir .. "/cut.pftrace", whole:sub(1, -10))
    write(dir .. "/more.pftrace", whole .. "x")
    write(dir .. "/empty.pftrace", "")
    write(dir .. "/empty.part", "")
    fails(("cannot read the trace 'cut.pftrace': it is cut off at byte %d"):format(#whole - 9),
      { "trace", "cut.pftrace", dir = dir })
    fails("cannot read the trace 'empty.pftrace': it is empty", { "trace", "empty.pftrace", dir = dir })
    fails("cannot read the trace 'a.html': it is not a trace of sandbox", { "trace", "a.html", "-o", "b.svg", dir = dir })
    fails("cannot read the trace 'nowhere': No such file or directory", { "trace", "a.pftrace", "nowhere", dir = dir })
    fails(("cannot read the trace '%s': it is a directory"):format(dir), { "trace", dir })
    fails(("cannot read the trace 'more.pftrace': it is damaged at byte %d"):format(#whole),
      { "trace", "more.pftrace", "-o", "b.svg", dir = dir })
    assert.falsy(exists(dir .. "/b.svg"))
    assert.falsy(exists(dir .. "/b.svg.new"))
  end)

  it("refuses a command line that is wrong", function()
    local folder <close> = traced("", "--trace", "a.pftrace")
    local dir = folder.name
    local function refused(message, ...)
      local t = table.pack("trace", ...)
      t.dir = dir
      fails(message .. "\n" .. TRACE_HINT:sub(1, -2), t)
    end
    refused("'trace' needs a file; for example sandbox trace run.pftrace -o run.html")
    refused("'trace' needs a file; for example sandbox trace run.pftrace -o run.html", "-o", "x.html")
    refused("'trace' shows at most two runs side by side, not 3", "a", "b", "c")
    refused("option '-o' needs an argument: a file name that ends in .html, .svg, .pftrace or .json, or - for JSON on " ..
      "stdout; for example -o run.html", "a.pftrace", "-o")
    refused("option '-o' wants a file name that ends in .html, .svg, .pftrace or .json, or - for JSON on stdout, not " ..
      "'x.txt'; for example -o run.html", "a.pftrace", "-o", "x.txt")
    refused("option '-o' names 'x.svg' twice", "a.pftrace", "-o", "x.svg", "-ox.svg")
    refused("unknown option '--timelin'; did you mean '--timeline'?", "a.pftrace", "--timelin")
    refused("unknown option '--speed'", "--speed", "2", "a.pftrace")
    assert.same({ out = "", err = "sandbox: cannot write the trace 'no/x.svg': No such file or directory\n", status = 2 },
      run { "trace", "a.pftrace", "-o", "no/x.svg", dir = dir })
    local out = run { command = [["$P" trace a.pftrace >/dev/full]], dir = dir }
    assert.equal(1, out.status)
    shell.run(("ln -s /dev/full %s/full.svg"):format(shell.quote(dir)))
    assert.same({ out = "", err = "sandbox: cannot write the trace 'full.svg': No space left on device\n", status = 1 },
      run { "trace", "a.pftrace", "-o", "full.svg", dir = dir })
  end)

  it("writes JSON to stdout", function()
    local folder <close> = traced("", "--trace", "a.pftrace")
    assert.truthy(cjson.decode(run { "trace", "a.pftrace", "-o", "-", dir = folder.name }.out).traceEvents)
  end)

  it("has a help of its own, whose examples are right", function()
    local help = run { "trace", "--help" }
    assert.same({ "", 0 }, { help.err, help.status })
    assert.equal(help.out, run { "trace", "-h", "nowhere" }.out)
    local folder <close> = traced("sleep(0.01)", "--trace", "run.pftrace", "--trace=serial.pftrace", "--trace=process.pftrace")
    local count = 0
    for words in help.out:gmatch("\n  sandbox (trace [^\n]-)  +[^\n]+") do
      assert.equal(0, run { command = '"$P" ' .. words, dir = folder.name }.status)
      count = count + 1
    end
    assert.equal(2, count)
    assert.equal(0, run { command = '"$P" ' .. help.out:match("\n  sandbox (trace [^\n]+both.html)\n"), dir = folder.name }.status)
    assert.truthy(exists(folder.name .. "/run.html") and exists(folder.name .. "/both.html"))
  end)

  it("is a script where there is a file of that name", function()
    local folder <close> = shell.folder()
    write(folder.name .. "/trace", "print('script', ...)")
    assert.same({ out = "script\t--help\n", err = "", status = 0 }, run { "trace", "--help", dir = folder.name })
    local meant = run { "--command", "trace", "--help", dir = folder.name }
    assert.truthy(meant.status == 0 and meant.out:find("sandbox trace", 1, true), meant.out)
    local other <close> = shell.folder()
    assert.same({ out = "", err = "sandbox: cannot open 'trace': No such file or directory\n", status = 1 },
      run { "--", "trace", dir = other.name })
    assert.equal("1\n", run { "-e", "print(1)", "trace", dir = other.name }.out)
  end)
end)
