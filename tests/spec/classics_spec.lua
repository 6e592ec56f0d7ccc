-- The scripts of classic problems in scripts/ print what they promise, each time.
local shell = require "support.shell"

-- What a script prints, stderr too; it must end well.
local function run(name, speed)
  local output, status = shell.sandbox("--timeout", "60", "--seed", "5", "--speed", speed, shell.source .. "/scripts/" .. name)
  assert.are.equal(0, status, output)
  return output
end

-- Scripts whose whole output is known, whoever is first.
local expected = {
  santa = [[
santa delivered toys 2 times, with all 9 reindeer each time
he helped elves, always three at a time
]],
  ranks = [[
broadcast: all have tea
scatter, gather: 100 400 900 1600
reduce: 100
ring: 10
each has the word: tea tea tea tea
]],
  elections = [[
node 5 is the leader
node 5 was killed
node 4 is the leader
node 4 was killed
node 3 is the leader
node 3 was killed
]],
  crawler = [[
9 pages: / /about /news /news/1 /news/2 /shop /shop/bomb /shop/cake /shop/tea
the page that crashed was tried 2 times
no more than 5 a second: yes
]],
}

for name, text in pairs(expected) do
  describe("scripts/" .. name .. ".lua", function()
    it("prints what it promises", function() assert.are.equal(text, run(name .. ".lua", name == "elections" and 1 or 10)) end)
  end)
end

describe("scripts/barbershop.lua", function()
  it("serves or turns away each customer, and loses none", function()
    local output = run("barbershop.lua", 10)
    local served, left = 0, 0
    for i, what in output:gmatch("customer (%d+) ([^\n]+)\n") do
      assert.is_true(tonumber(i) == served + left + 1, output)
      if what:find("^waited %d+ s, and has short hair$") then served = served + 1 else left = left + 1 end
      assert.is_true(what:find("short hair$") ~= nil or what == "left: no chair was free", what)
    end
    assert.are.equal(10, served + left, output)
    assert.is_truthy(output:find(("the barber cut the hair of %d, and %d are glad of it\n"):format(served, served), 1, true), output)
  end)
end)

describe("scripts/raft.lua", function()
  it("has one leader of each term, and another one after each kill", function()
    local output = run("raft.lua", 2)
    local leaders, killed, last = 0, 0, nil
    for line in output:gmatch("[^\n]+") do
      if line == "a leader, of a later term than before: yes" then leaders = leaders + 1
      elseif line == ("that leader was killed: %d nodes are left"):format(4 - killed) then killed = killed + 1
      else error("not expected: " .. line) end
      last = line
    end
    assert.are.equal(2, killed, output)
    assert.is_true(leaders >= 3, output)
    assert.are.equal("a leader, of a later term than before: yes", last)
  end)
end)
