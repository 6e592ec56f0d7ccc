local function fetch(name, seconds)
  sleep(seconds)
  print(name .. " is here")
end

fetch("book", 2)
fetch("film", 3)
fetch("song", 1)
print(("total %.0f s"):format(sandbox.now()))
