-- io.write into a file: lines gather for a moment (src/os/process/delayed.h), which only the time it takes tells.
local script = require "support.script"

local function read(name)
  local f <close> = assert(io.open(name))
  return f:read("a")
end

-- Run a script with its standard output, and standard error, going to a file. Returns what is in it. `$out` in the text is its name.
local function into_file(text, options)
  local name = os.tmpname()
  local r = script.run(text:gsub("%$out", name), { shell = "%s > " .. name .. (options and options.both and " 2>&1" or "") })
  local got = read(name)
  os.remove(name)
  return got, r
end

describe("lines that are written into a file", function()
  it("are there before another process learns of anything later", function()
    local got, r = into_file [[
      local function lines() local n = 0 for _ in io.lines("$out") do n = n + 1 end return n end
      local q, back = queue(), queue()
      local p = spawn(function()
        for i = 1, 200 do
          for _ = 1, i % 5 do io.write("a line\n") end
          q:put(i)
          back:get()
        end
      end)
      local expected = 0
      for i = 1, 200 do
        q:get()
        expected = expected + i % 5
        assert(lines() == expected, lines() .. " of " .. expected)
        back:put(true)
      end
      p:join()
    ]]
    assert.are.equal("", r.err)
    assert.are.equal(("a line\n"):rep(400), got)
  end)

  it("are there soon, if the process computes for ever", function()
    local got, r = into_file [[
      local p = spawn({ quiet = true }, function()
        for i = 1, 100 do io.write(i, "\n") end
        while true do end
      end)
      local deadline = sandbox.now() + 20
      local function lines() local n = 0 for _ in io.lines("$out") do n = n + 1 end return n end
      while lines() < 100 and sandbox.now() < deadline do sleep(0.005) end
      p:kill()
      p:join()
      io.stderr:write(lines(), "\n")
    ]]
    assert.are.equal("100\n", r.err)
    assert.are.equal(100, select(2, got:gsub("\n", "")))
  end)

  it("keep their order with standard error, with print and with programs", function()
    local got = into_file([[
      for i = 1, 50 do
        io.write("1\n2\n")
        io.stderr:write("3\n")
        io.write("4\n")
        print "5"
        io.write("6\n")
        if i % 10 == 0 then os.execute "echo 7" end
        io.write("8\n")
        if i % 10 == 0 then io.popen("cat", "w"):close() io.write("9\n") end
      end
    ]], { both = true })
    local short, long = "1\n2\n3\n4\n5\n6\n8\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    assert.are.equal((short:rep(9) .. long):rep(5), got)
  end)

  it("leave without the beginning of the next one, which waits for its end", function()
    local got, r = into_file [[
      local go, done = queue(), queue()
      local p = spawn(function()
        for i = 1, 20 do
          io.write("begun, ")
          done:put(true)
          go:get()
          io.write("ended\nwhole\nbegun, ")
          done:put(true)
          go:get()
          io.write("ended\n")
        end
      end)
      for i = 1, 40 do
        done:get()
        print "main"
        go:put(true)
      end
      p:join()
    ]]
    assert.are.equal("", r.err)
    local count = {}
    for line in got:gmatch("[^\n]*") do count[line] = (count[line] or 0) + 1 end
    count[""] = nil
    assert.are.same({ main = 40, ["begun, ended"] = 40, whole = 20 }, count)
  end)

  it("of many processes do not mix, and are not written twice", function()
    local got, r = into_file [[
      local list = {}
      for p = 1, 4 do
        list[p] = spawn(function()
          for i = 1, 2000 do
            io.write("process ", p, " line ", i, "\n")
            if i == 1000 then spawn(function() io.write("child of ", p, "\n") end):join() end
          end
        end)
      end
      sandbox.join_all(list)
    ]]
    assert.are.equal("", r.err)
    local last, others = { 0, 0, 0, 0 }, 0
    for line in got:gmatch("([^\n]*)\n") do
      local p, i = line:match("^process (%d) line (%d+)$")
      if p then
        p, i = tonumber(p), tonumber(i)
        assert.are.equal(last[p] + 1, i)
        last[p] = i
      else
        assert.is_truthy(line:find("^child of %d$"), line)
        others = others + 1
      end
    end
    assert.are.same({ 2000, 2000, 2000, 2000, 4 }, { last[1], last[2], last[3], last[4], others })
  end)

  it("go as the script wants it, if it sets the buffer", function()
    local got, r = into_file [[
      local function size() local f <close> = io.open("$out") return f:seek("end") end
      io.stdout:setvbuf("no")
      io.write("abc")
      assert(size() == 3)
      io.stdout:setvbuf("line")
      for i = 1, 10 do io.write("line\n") end
      io.flush()
      assert(size() == 53)
    ]]
    assert.are.equal("", r.err)
    assert.are.equal("abc" .. ("line\n"):rep(10), got)
  end)
end)
