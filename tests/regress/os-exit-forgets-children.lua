-- options: --speed 100
-- os.exit in a child left its children behind, to be killed at the end of main without a word.
local q = queue()
spawn(function()
  spawn(function() sleep(20) q:put("done") end)
  os.exit(0)
end):join()
assert(q:try_get() == "done")
