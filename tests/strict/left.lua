-- strict/left.lua - what a strict run leaves behind. Its processes are found by a word in their command line.
local shell = require "support.shell"
local sync = require "support.sync"

local left = {}

function left.new_word() return ("word%08x"):format(math.random(0, 0xffffffff)) end

-- The processes of strict runs with this word, as ps lists them; zombies have ended.
local function processes(word)
  return (shell.run(("ps -eo pid,stat,args | grep '[s]trict.*%s' | grep -v '^ *[0-9]* Z'; true"):format(word)))
end

-- Wait until no process is left.
function left.nothing(word)
  sync.await(function() return processes(word) == "" end, "no process of the run is left")
end

return left
