local function fetch(name, seconds)
  sleep(seconds)
  print(name .. " is here")
end

local list = { spawn(fetch, "book", 2), spawn(fetch, "film", 3), spawn(fetch, "song", 1) }
sandbox.join_all(list)
print(("total %.0f s"):format(sandbox.now()))
