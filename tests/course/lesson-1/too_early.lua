local function fetch(name, seconds)
  sleep(seconds)
  print(name .. " is here")
end

fetch("book", 2)
fetch("film", 3)
local total = sandbox.now()
fetch("song", 1)
print(("total %.0f s"):format(total))
