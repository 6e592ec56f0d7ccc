local function fetch(name, seconds)
  sleep(seconds)
  return name .. " is here"
end

local book, film, song = spawn(fetch, "book", 2), spawn(fetch, "film", 3), spawn(fetch, "song", 1)
print(book:result())
print(film:result())
print(song:result())
print(("total %.0f s"):format(sandbox.now()))
