local function count(text)
  local n = 0
  for _ in text:gmatch "%a+" do n = n + 1 end
  return n
end

print("words " .. count("to be or not to be") + count("that is the question"))
