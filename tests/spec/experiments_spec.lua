-- The longer experiments in scripts/ print what they promise, each time. (scripts_spec.lua has the first six.)
local shell = require "support.shell"

-- What a script prints, stderr too, and its exit status.
local function run(name, speed, ...)
  return shell.sandbox("--timeout", "60", "--seed", "5", "--speed", speed, shell.source .. "/scripts/" .. name, ...)
end

-- Scripts whose whole output is known.
local expected = {
  producers = [[
3 plates are on the counter, and no cook can put another
the waiters come
all plates are cooked; the cooks had to wait for room
waiter 1 got each cook's plates in their order: yes
waiter 2 got each cook's plates in their order: yes
served: 12 of 12 plates
]],
  mailbox = [[
pong received ping
ping received pong
pong received ping
ping received pong
pong received ping
ping received pong
pong: finished
urgent: 	fire
urgent: 	flood
post:   	bill
post:   	advert
post:   	postcard
]],
  monitor = [[
put and got:	2472
never more than 3 in the buffer:	yes
]],
  pubsub = [[
1 heard rain, sun, snow
2 heard rain, sun, snow
3 heard rain, sun, snow
]],
  chat = [[
ann: hello
bob: hi ann
ann: how are you?
cid: fine
(ann left)
(bob left)
(cid left)
]],
  lost_update = [[
three steps               250 of 1000
a lock around them       1000 of 1000
one step                 1000 of 1000
one owner                1000 of 1000
]],
  readers_writers = [[
reader 1 looked beside the others: yes; saw 0 half-made changes in 50 looks
reader 2 looked beside the others: yes; saw 0 half-made changes in 50 looks
reader 3 looked beside the others: yes; saw 0 half-made changes in 50 looks
after 50 changes: 100 in both accounts
]],
  life = [[
at first
  ...#................
  .#.#................
  ..##................
  ....................
  .............###....
  ....................
  ....................
  ....................
  ....................
after 8 generations
  ....................
  ....................
  .....#..............
  ...#.#..............
  ....##.......###....
  ....................
  ....................
  ....................
  ....................
]],
  heat = [[
  @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
  @@@@@@@@@@@@@@@@@@@@@@@@@@%%%%%%#*= 
  @@@@@@%%%%%%%%%%%%%%%%%%%%#####**=: 
  @@@@%%%%%##################****+=-. 
  @@@%%%######***************+++==-:. 
  @@%%###********+++++++++++++===-::. 
  @@%###***+++++++++++=========--::.  
  @@%#**++++==============------::..  
  @%#**++=====---------------::::..   
  @%#*+==-------:::::::::::::::....   
  @#*+=---::::::::::::::..........    
  @#+--:::....................        
  @+-:....                            
  @                                   
after 197 steps; in the middle 51.1 degrees
]],
  supervisor = [[
worker 1 starts
  make coffee: done
worker 1 died: divide by zero, cannot be done
worker 2 starts
worker 2 died: lose the connection, try again
worker 3 starts
worker 3 died: killed by signal 9 (Killed)
worker 4 starts
  read the news: done
worker 4 died: divide by zero, cannot be done
worker 5 starts
  lose the connection: done
4 restarts, and no job is left
]],
}

for name, text in pairs(expected) do
  describe(("scripts/%s.lua"):format(name), function()
    it("prints the same each time", function()
      for _ = 1, 5 do
        local output, status = run(name .. ".lua", 20)
        assert.are.equal(text, output)
        assert.are.equal(0, status)
      end
    end)
  end)
end

describe("scripts/pipeline.lua", function()
  it("has letters in their order, and all stages at work at a time", function()
    local output, status = run("pipeline.lua", 10)
    assert.are.equal(0, status, output)
    assert.are.equal([[
TIME  to Ann        small stamp, sealed
TIME  to Bob        small stamp, sealed
TIME  to Cassandra  large stamp, sealed
TIME  to Dan        small stamp, sealed
TIME  to Eve        small stamp, sealed
TIME  to Frederick  large stamp, sealed
TIME  6 letters; one after the other they would take 18 s
]], (output:gsub("[ %d]%d%.%d s", "TIME")))
    local first, last = output:match("^ *(%d+%.%d) s.*\n *(%d+%.%d) s  6 letters")
    assert.is_true(tonumber(first) >= 2.9, output)
    assert.is_true(tonumber(last) >= 7.9 and tonumber(last) < 18, output)
  end)
end)

describe("scripts/pingpong.lua", function()
  it("takes turns, then measures a round trip", function()
    local output, status = run("pingpong.lua", 1, 500)
    assert.are.equal(0, status, output)
    local game, measured = output:match("^(.*\n)([^\n]+)\n$")
    assert.are.equal("ping 1\n  pong 1\nping 2\n  pong 2\nping 3\n  pong 3\nping 4\n  pong 4\n", game)
    assert.is_truthy(measured:find("^500 round trips, %d+%.%d microseconds each$"), measured)
  end)
end)

-- What is told of the five when each has one fork: who waits, and what happened to the forks last.
local function unlucky()
  local lines = {}
  for i = 1, 5 do
    local fork = i % 5 + 1
    lines[i] = ("  philosopher%d#%d waits in acquire at FILE for lock fork%d#%d, which only philosopher%d#%d can release"):format(
      i, i + 1, fork, fork, fork, fork + 1)
    lines[5 + i] = ("  lock fork%d#%d: taken by philosopher%d#%d at FILE"):format(fork, fork, fork, fork + 1)
  end
  return table.concat(lines, "\n") .. "\n"
end

describe("scripts/philosophers.lua", function()
  it("ends in a deadlock, and says who waits for whom", function()
    for _ = 1, 3 do
      local output, status = run("philosophers.lua", 1)
      assert.are.equal("sandbox: deadlock: nobody can ever go on\n  main waits in join at FILE for philosopher1#2\n" .. unlucky(),
        (output:gsub("at %S+:%d+", "at FILE")))
      assert.are.equal(4, status)
    end
  end)

  it("goes on when one is killed, which the deadlock's warning does not know", function()
    for _ = 1, 2 do -- five seconds of time: the supervisor looks about once a second, or later on a busy machine
      local output, status = run("philosophers.lua", 2, "kill")
      assert.are.equal("sandbox: warning: deadlock: 5 of 6 processes can never go on\n" .. unlucky() .. [[
for ten seconds nobody has moved:
  lock: fork1#1 (held by philosopher1#2, 1 waiting)
  lock: fork2#2 (held by philosopher2#3, 1 waiting)
  lock: fork3#3 (held by philosopher3#4, 1 waiting)
  lock: fork4#4 (held by philosopher4#5, 1 waiting)
  lock: fork5#5 (held by philosopher5#6, 1 waiting)
philosopher 1 is killed; fork 1 passes on to the one that waits for it
philosopher 1 killed
philosopher 2 ate 3 times
philosopher 3 ate 3 times
philosopher 4 ate 3 times
philosopher 5 ate 3 times
]], (output:gsub("at %S+:%d+", "at FILE")))
      assert.are.equal(0, status)
    end
  end)

  it("has none when forks are taken in their order", function()
    for _ = 1, 5 do
      local output, status = run("philosophers.lua", 1, "ordered")
      local lines = {}
      for i = 1, 5 do lines[i] = ("philosopher %d ate 3 times\n"):format(i) end
      assert.are.equal(table.concat(lines), output)
      assert.are.equal(0, status)
    end
  end)
end)

describe("with the argument explore", function()
  it("scripts/philosophers.lua counts the orders that end in a deadlock, and proves the cure", function()
    local output, status = run("philosophers.lua", 1, "explore")
    assert.is_truthy(output:find("^left first:  6 of 168 orders end in a deadlock\nlower first: all 142 orders end well: proved\n"), output)
    assert.is_truthy(output:find("cure to try: one order for all (fork1, fork2, fork3)", 1, true), output)
    assert.are.equal(0, status)
  end)

  it("scripts/lost_update.lua counts the orders in which an addition is lost", function()
    local output, status = run("lost_update.lua", 1, "explore")
    assert.are.equal("three steps              lost in 4 of 6 orders\na lock around them       lost in 0 of 2 orders\n" ..
      "one step                 lost in 0 of 2 orders\n", output)
    assert.are.equal(0, status)
  end)

  it("scripts/readers_writers.lua proves that no reader sees a half-made change", function()
    local output, status = run("readers_writers.lua", 1, "explore")
    assert.is_truthy(output:find("nobody sees a half-made change, nobody waits for ever: proved\n", 1, true), output)
    assert.are.equal(0, status)
  end)
end)

describe("scripts/ratelimit.lua", function()
  it("never allows more than three at once and one a second", function()
    local output, status = run("ratelimit.lua", 10)
    assert.are.equal(0, status, output)
    local sum, second = 0, 0
    for number, stars in output:gmatch("second (%d+): (%**)\n") do
      assert.are.equal(second, tonumber(number))
      sum = sum + #stars
      assert.is_true(sum <= 3 + second, output)
      second = second + 1
    end
    assert.are.equal(10, sum, output)
  end)
end)

describe("scripts/wordcount.lua", function()
  -- The words of the files, counted here.
  local function count(names)
    local words, total, different = {}, 0, 0
    for _, name in ipairs(names) do
      for word in shell.read("scripts/" .. name):lower():gmatch("%a+") do
        if not words[word] then different = different + 1 end
        words[word] = (words[word] or 0) + 1
        total = total + 1
      end
    end
    local list = {}
    for word, n in pairs(words) do list[#list + 1] = { word, n } end
    table.sort(list, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
    local lines = { ("%d files, %d words, %d different ones\n"):format(#names, total, different) }
    for i = 1, 5 do lines[#lines + 1] = ("%6d  %s\n"):format(list[i][2], list[i][1]) end
    return table.concat(lines)
  end

  it("counts the words of all scripts", function()
    local names = {}
    for name in shell.run("cd " .. shell.quote(shell.source .. "/scripts") .. " && ls *.lua"):gmatch("%S+") do
      names[#names + 1] = name
    end
    local output, status = run("wordcount.lua", 1)
    assert.are.equal(0, status, output)
    assert.are.equal(count(names), output)
  end)

  it("counts those of the files that are named", function()
    local output, status = run("wordcount.lua", 1, shell.source .. "/scripts/serial.lua")
    assert.are.equal(0, status, output)
    assert.are.equal(count { "serial.lua" }, output)
  end)
end)

describe("scripts/primes.lua", function()
  it("finds them, however many workers there are", function()
    local output, status = run("primes.lua", 1, 200000)
    assert.are.equal(0, status, output)
    local rows = 0
    for line in output:gmatch("[^\n]+") do
      assert.is_truthy(line:find("^%d+ workers? +17984 primes +%d+%.%d%d s  speed%-up %d+%.%d%d$"), line)
      rows = rows + 1
    end
    assert.is_true(rows >= 2)
  end)
end)
