local function fetch(name, seconds)
  sleep(seconds)
  print(name .. " is here")
end

spawn(fetch, "book", 2)
spawn(fetch, "film", 3)
spawn(fetch, "song", 1)
print(("total %.0f s"):format(sandbox.now()))
