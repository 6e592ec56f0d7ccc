local function fetch(name, seconds)
  sleep(seconds)
  return name .. " is here"
end

local book = spawn(fetch("book", 2))
local film = spawn(fetch("film", 3))
local song = spawn(fetch("song", 1))
print(book:result(), film:result(), song:result())
