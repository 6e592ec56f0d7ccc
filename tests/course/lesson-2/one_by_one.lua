local function fetch(name, seconds)
  sleep(seconds)
  return name .. " is here"
end

for _, each in ipairs { { "book", 2 }, { "film", 3 }, { "song", 1 } } do
  print(spawn(fetch, each[1], each[2]):result())
end
print(("total %.0f s"):format(sandbox.now()))
