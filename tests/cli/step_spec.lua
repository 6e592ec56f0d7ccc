-- --step: a person chooses each step; here a file does.
local script = require "support.script"
local shell = require "support.shell"

local text = [[
local forks = { sandbox.lock { name = "left" }, sandbox.lock { name = "right" } }
local function both(a, b) a:acquire() b:acquire() b:release() a:release() print("ate") end
sandbox.join_all { spawn({ name = "p" }, both, forks[1], forks[2]), spawn({ name = "q" }, both, forks[2], forks[1]) }
]]

-- What is shown when these lines are typed, without the colours of the prompt.
local function typed(...)
  local lines <close> = shell.file(table.concat({ ... }, "\n") .. "\n")
  local r = script.run(text, { args = "--step", shell = "%s <" .. lines.name })
  assert.are.equal(0, r.status, r.err)
  return r.out
end

describe("--step", function()
  it("shows who could go on, and what that leads to", function()
    local out = typed("q")
    assert.is_truthy(out:find("step 1: 6 interleavings from here, 2 end wrong\n  1  p#2 +a:acquire%(%) +line 2\n  2  q#3 +a:acquire"), out)
  end)

  it("takes the steps that are chosen, undoes them, and lists them", function()
    local out = typed("1", "2", "u", "b 1", "l", "q")
    assert.is_truthy(out:find("1  p#2 +a:acquire%(%) +line 2 +free %-> held by p#2"), out)
    assert.is_truthy(out:find("deadlock: nobody can ever go on", 1, true), out)
    assert.is_truthy(out:find("step 5: 1 interleaving from here, 0 end wrong", 1, true), out)
    assert.is_truthy(out:find("4  p#2 +a:release%(%)", 1), out)
    assert.is_truthy(out:find("prints: ate", 1, true), out)
    local _, count = out:gsub("step 2: 3 interleavings from here, 1 ends wrong", "")
    assert.are.equal(2, count, out) -- also after the undo
  end)

  it("runs on to the nearest failure, and says who waits for whom", function()
    local out = typed("f", "q")
    assert.is_truthy(out:find("deadlock: nobody can ever go on", 1, true), out)
    assert.is_truthy(out:find("p#2 waits in acquire at line 2 for right\n", 1, true), out)
    assert.is_truthy(typed("1", "1", "f", "q"):find("from here, nothing can go wrong", 1, true))
  end)

  it("tells the token of the steps so far", function()
    local out = typed("1", "2", "t", "q")
    local token = out:match("see it again: sandbox %-%-replay '(sbx1:%x+:v:2>p2~%x+)'")
    assert.is_truthy(token, out)
    assert.is_truthy(typed("t", "q"):find(":v:~%x+'"))
  end)

  it("takes random steps until it is over, and explains itself", function()
    local out = typed("r 100", "?", "5", "q")
    assert.is_truthy(out:find("it ends well", 1, true) or out:find("deadlock", 1, true), out)
    local _, count = out:gsub("undo the last step", "")
    assert.are.equal(2, count)
  end)

  it("leaves at the end of its input", function()
    assert.is_truthy(typed("1"):find("step 2", 1, true))
  end)
end)

describe("a simulated run", function()
  it("is neither recorded nor shaken", function()
    for args, message in pairs {
      ["--explore --shake"] = "'--explore' cannot be used together with '--shake'",
      ["--sim --timeline"] = "'--sim' cannot be used together with '--timeline'",
      ["--step --trace x.html"] = "'--step' cannot be used together with '--trace'",
    } do
      local r = script.run(text, { args = args })
      assert.are.equal(2, r.status)
      assert.is_truthy(r.err:find(message, 1, true), r.err)
    end
  end)

  it("is none if the script cannot be read", function()
    local r = script.run("this is not Lua", { args = "--explore" })
    assert.are.same({ 1, "" }, { r.status, r.out })
    assert.is_truthy(r.err:find("syntax error", 1, true), r.err)
  end)
end)
