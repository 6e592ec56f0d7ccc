-- --replay: an interleaving that --explore has told, again: it ends as it was told.
local shell = require "support.shell"
local run = require "cli.run"

local function program(name) return ("%s/tests/wrong/%s.lua"):format(shell.source, name) end

-- The words of a command line that the report shows: only the token is quoted.
local function words_of(command)
  local words = {}
  for word in command:gmatch("%S+") do words[#words + 1] = (word:gsub("'", "")) end
  return words
end

-- The command for the first failure that --explore tells.
local function again(...)
  local told = run { "--explore=100000", ... }
  local command = told.out:match("\nsee it again: sandbox ([^\n]*)\n")
  assert.truthy(command, told.out .. told.err)
  assert.equal(5, told.status)
  return words_of(command), told.out
end

-- name of a program, exit status, what is told on stderr
local PROGRAMS = {
  { "missing_mutex_once", 1, "missing_mutex_once.lua:5: an addition is lost" },
  { "withdraw", 1, "withdraw.lua:5" },
  { "lost_wakeup", 4, "waiter#2 waits in wait at [^\n]*lost_wakeup.lua:5 for condition#2" },
  { "naive_philosophers", 4, "philosopher1#2 waits in acquire at [^\n]*philosophers.lua:8 for lock fork2#2" },
  { "if_instead_of_while", 1, "if_instead_of_while.lua:17: took from an empty buffer" },
  { "barrier_reuse", 1, "barrier_reuse.lua:17: too early" },
  { "empty_then_get", 4, "take#3 waits in get at [^\n]*empty_then_get.lua:4 for queue#1" },
  { "one_condition", 4, "wait in wait at [^\n]*one_condition.lua:6 for condition#2" },
  { "semaphore_lost_wakeup", 4, "waits in acquire at [^\n]*semaphore_lost_wakeup.lua:6 for semaphore#3" },
  { "starving_writer", 1, "starving_writer.lua:20" },
  { "until_empty", 1, "until_empty.lua:7" },
}

describe("--sim --replay", function()
  for _, row in ipairs(PROGRAMS) do
    it("ends as --explore has told: " .. row[1], function()
      local command = again(program(row[1]))
      for _ = 1, 2 do
        local result = run { "--sim", table.unpack(command) }
        assert.truthy(result.err:find(row[3]), result.err)
        assert.equal(row[2], result.status)
      end
    end)
  end

  it("prints what the processes print in the order of the steps", function()
    local text = [[
      local turn = sandbox.value(0)
      local function f(name) turn:set(name) io.write(name, ' has set it\n') end
      sandbox.join_all { spawn(f, 'a'), spawn(f, 'b') }
      assert(turn:get() == 'a')]]
    local command = again("-e", text)
    assert.equal("--replay", command[1])
    local result = run { "--sim", command[1], command[2], "-e", text }
    assert.equal("a has set it\nb has set it\n", result.out)
    assert.equal(1, result.status)
  end)

  it("tells that a run never ends", function()
    local command = again(program "two_locks_busy")
    local result = run { "--sim", table.unpack(command) }
    assert.equal(5, result.status)
    assert.truthy(result.err:find("it never ends", 1, true), result.err)
  end)

  it("has the seed of the exploration", function()
    local text = "local v = sandbox.value(0) sandbox.join_all { spawn(function() v:set(math.random(1000)) end) } " ..
      "error('it was ' .. v:get())"
    local told = run { "--explore", "--seed", "7", "-e", text }
    assert.truthy(told.out:find(" --seed 7 ", 1, true), told.out)
    local token = told.out:match("--replay '(%S+)'")
    local result = run { "--sim", "--replay", token, "--seed", "7", "-e", text }
    assert.equal(told.out:match("it was %d+"), result.err:match("it was %d+"))
  end)
end)

describe("a token that is wrong", function()
  local function refused(words, ...)
    local result = run { "--sim", ... }
    assert.truthy(result.err:find(words, 1, true), result.err)
    assert.equal("", result.out)
    assert.equal(2, result.status)
  end

  it("is refused, with what is wrong with it", function()
    local file = program "missing_mutex_once"
    local token = again(file)[2]
    refused("the token is none: one begins with sbx1:", "--replay", "hello", file)
    refused("the token names pauses, and is one of --shake-token", "--replay", "sbxs1:r0:0123456789abcdef", file)
    refused("the token is of another version", "--replay", (token:gsub("sbx1", "sbx2")), file)
    refused("the token is cut off", "--replay", token:sub(1, -2), file)
    refused("the token is of another script", "--replay", token, program "withdraw")
    refused("has changed since", "--replay", token, "-e", "print(1)", file)
    refused("option '--replay' cannot be used together with '--explore'", "--replay", token, "--explore", file)
    refused("option '--replay' cannot be used together with '--shake'", "--replay", token, "--shake", file)
    refused("option '--replay' needs the script of its token", "--replay", token)
  end)

  it("that names other steps is told with the first that differs", function()
    local file = program "missing_mutex_once"
    local head, tail = again(file)[2]:match("^(sbx1:%x+:v:)[^~]*(~%x+)$")
    local function differs(words, turns)
      local result = run { "--sim", "--replay", head .. turns .. tail, file }
      assert.truthy(result.err:find(words, 1, true), result.err)
      assert.equal(5, result.status)
    end
    differs("step 2 differs: process 0 was to go on, but it cannot: SELECT", "2>p0")
    differs("step 1 differs: process 9 was to go on, and there is none", "1>p9")
    differs("the token goes on, but the run is over", "99>p1")
    differs("they are not those of the token", "")
  end)
end)
