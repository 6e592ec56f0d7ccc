-- stdin has one reader: main, or the process that it was given to.
local script = require "support.script"

-- Runs the text with `input` on stdin, from a pipe and from a file; returns its output, which must be the same.
local function run(text, input)
  local first
  for _, how in ipairs { "printf %%s '" .. input .. "' | { %s ; }", "{ f=$(mktemp); printf %%s '" .. input ..
    "' >$f; %s <$f; s=$?; rm $f; exit $s; }" } do
    -- script.run gives its own stdin; the command's own stands nearer
    local r = script.run(text, { shell = how })
    local got = (r.out .. r.err):gsub("'sandbox%.spawn'", "'spawn'") -- as Lua happens to find it
    assert.is_true(first == nil or first == got, got)
    first = got
  end
  return first
end

describe("stdin", function()
  it("is read by main, and by no other process", function()
    assert.are.equal("1\nnil\nnil\n2\n", run([[
      print(io.read())
      for _ = 1, 2 do spawn(function() print(io.read()) end):join() end
      print(io.read())
    ]], "1\n2\n3\n4\n5\n6\n"))
  end)

  it("is at its end in every process but main, however it reads", function()
    assert.are.equal("1\n" .. ("nil\t0\t0\t\tnil\n"):rep(8) .. "2\n3\n", run([[
      print(io.read())
      local function read()
        local lines, items = 0, 0
        for _ in io.lines() do lines = lines + 1 end
        for _ in io.stdin:lines() do items = items + 1 end
        local cat <close> = io.popen("cat")
        return ("%s\t%d\t%d\t%s\t%s"):format(io.read(), lines, items, cat:read("a"), io.read("n"))
      end
      local pool <close> = sandbox.pool(2)
      local scope <close> = sandbox.scope()
      print(spawn(read):result())
      print(spawn({ daemon = true }, read):result())
      print(spawn({ stdin = false }, read):result())
      print(spawn(function() return spawn(read):result() end):result())
      print(sandbox.process { target = read }:start():result())
      print(coroutine.wrap(function() return spawn(read):result() end)())
      print(pool:submit(read):result())
      print(scope:spawn(read):result())
      print(io.read())
      print(io.read())
    ]], "1\n2\n3\n"))
  end)

  it("is handed over with what is buffered; the parent reads end of file, and its programs, too", function()
    assert.are.equal("1\nchild 2\nchild 3\nnil\n\n", run([[
      print(io.read())
      spawn({ stdin = true }, function() print("child " .. io.read()) print("child " .. io.read()) end):join()
      print(io.read())
      print(io.popen("cat"):read("a"))
    ]], "1\n2\n3\n4\n"))
    assert.are.equal("a 1\nb 2\na nil\nmain nil\n", run([[
      sandbox.process { stdin = true, target = function()
        print("a " .. io.read())
        spawn({ stdin = true }, function() print("b " .. io.read()) end):join()
        print("a " .. tostring(io.read()))
      end }:start():join()
      print("main " .. tostring(io.read()))
    ]], "1\n2\n3\n"))
  end)

  it("handed over before anything is read is read whole, by programs as well", function()
    assert.are.equal("1\n2\n", run([[spawn({ stdin = true }, os.execute, "cat"):join()]], "1\n2\n"))
    assert.are.equal("3\n", run([[spawn({ stdin = true }, function()
      local n = 0
      for line in io.lines() do n = math.max(n, tonumber(line)) end
      print(n)
    end):join()]], "1\n3\n2\n"))
  end)

  it("cannot be given away by a process that has it no longer, or never had it", function()
    local out = run([[
      local function give() return select(2, pcall(spawn, { stdin = true }, print)) end
      print(spawn(give):result())
      spawn({ stdin = true }, print):join()
      print(give())
      print(select(2, pcall(spawn, { stdin = "yes" }, print)))
    ]], "")
    local refused = "spawn: stdin belongs to another process: main has it, or the process that it was given to\n"
    assert.are.equal(refused .. "\n" .. refused .. "bad argument #1 to 'spawn' (stdin must be true or false)\n", out)
  end)

  it("stays with main when the spawn fails", function()
    local r = script.run([[
      local ok, message = pcall(spawn, { stdin = true }, print)
      io.write(tostring(ok), " ", io.read("a"))
    ]], { args = "--max-procs 1", shell = "echo mine | { %s ; }" })
    assert.are.equal("false mine\n", r.out, r.err)
  end)
end)
