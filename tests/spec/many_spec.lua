-- Many processes in one run: reaped, alive at a time, printing at a time. It takes its time, so it has its own file.
local run = require("support.script").run

describe("many processes", function()
  it("5,000 one after the other are reaped, joined or not (fault 23)", function()
    local r = run([[
      local zombies, most = 0, 0
      for i = 1, 5000 do
        spawn(function() end)
        if i % 1000 == 0 then
          for j = 1, 1e6 do end -- the spawner computes; its children are reaped all the same
          local n = require("support.script").zombies()
          if n > most then most = n end
        end
      end
      print(most <= 5 and "reaped" or most)
    ]], { seconds = 100 })
    assert.are.same({ "reaped\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("2,000 are alive at once with --max-procs 3000, and each tells its result", function()
    local r = run([[
      local go, list = queue(), {}
      for i = 1, 2000 do list[i] = spawn(function() go:get() return i end) end
      local alive = 0
      for i = 1, 2000 do if list[i]:alive() then alive = alive + 1 end end
      go:close()
      local sum = 0
      for i = 1, 2000 do sum = sum + list[i]:result() end
      print(alive, sum)
    ]], { args = "--max-procs 3000", seconds = 100 })
    assert.are.same({ "2000\t2001000\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("os.execute and io.popen keep their statuses while children die", function()
    local r = run [[
      local kept = io.popen("read x; exit 9", "w") -- a command that lives all the time
      for i = 1, 60 do
        spawn(function() end)
        local p = io.popen("exit " .. i % 7)
        spawn(function() end)
        local _, _, code = p:close()
        assert((code or 0) == i % 7, "popen")
        _, _, code = os.execute("exit " .. i % 5)
        assert(code == i % 5, "execute")
        spawn({ quiet = true }, function() sleep(100) end):kill()
      end
      kept:write("x\n")
      print(select(3, kept:close()))
      for _, p in ipairs(sandbox.children()) do p:join() end
      print(#sandbox.children())
      print(require("support.script").zombies())
      os.exit(0)
    ]]
    assert.are.same({ "9\n0\n0\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("print lines that never mix, raw and tagged, into a pipe and into a file", function()
    local text = [[
      for i = 1, 12 do
        spawn({ name = "p" .. i }, function()
          for k = 1, 60 do
            if k % 2 == 0 then print("<" .. i, k, ("x"):rep(k * 13) .. ">")
            else io.write("<", i, "\t", k, "\t", ("x"):rep(k * 13), ">\n") end
          end
        end)
      end
    ]]
    for _, args in ipairs { "--output raw", "--output tag" } do
      for _, around in ipairs { "%s", "%s | cat" } do
        local r = run(text, { args = args, shell = around })
        local n = 0
        for line in r.out:gmatch("([^\n]*)\n") do
          n = n + 1
          local tag, i, k, x = line:match("^(%[?[%w#]*%]? ?)<(%d+)\t(%d+)\t(x*)>$")
          assert.is_truthy(i, "a torn line: " .. line)
          assert.are.equal(k * 13, #x)
          if args:find("tag") then assert.is_truthy(tag:find("^%[p" .. i .. "#%d+%] $"), tag)
          else assert.are.equal("", tag) end
        end
        assert.are.equal(720, n)
      end
    end
  end)

  it("have their stderr tagged, their grandchildren too, and main is not", function()
    local r = run([[
      spawn({ name = "w" }, function()
        io.stderr:write("to stderr\n")
        io.write("in ") io.write("parts\n")
        spawn({ name = "g" }, function() print("deep") io.write("no newline") end):join()
        io.write("no newline either")
      end):join()
      print "main"
    ]], { args = "--output tag" })
    assert.are.equal("[w#2] to stderr\n", r.err)
    assert.are.equal("[w#2] in parts\n[g#3] deep\n[g#3] no newline\n[w#2] no newline either\nmain\n", r.out)
  end)
end)
