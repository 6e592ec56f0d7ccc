local function fetch(name, seconds) {
  sleep(seconds)
  print(name .. " is here")
}
fetch("book", 2)
