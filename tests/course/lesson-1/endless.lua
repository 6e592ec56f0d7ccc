local function fetch(name, seconds)
  local start = sandbox.now()
  while start + seconds > start do end
  print(name .. " is here")
end
fetch("book", 2)
