-- The end of the run kills daemons and their children; the latter counted as failures that nobody joined: status 3.
local ready = queue()
spawn({ daemon = true }, function()
  spawn(function() ready:put(1) sleep(1e6) end)
  sleep(1e6)
end)
ready:get()
