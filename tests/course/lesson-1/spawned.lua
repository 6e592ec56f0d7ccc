local function fetch(name, seconds)
  sleep(seconds)
  print(name .. " is here")
end

local a, b, c = spawn(fetch, "book", 2), spawn(fetch, "film", 3), spawn(fetch, "song", 1)
a:join() b:join() c:join()
print(("total %.0f s"):format(sandbox.now()))
