local function count(text)
  local n = 0
  for _ in text:gmatch "%a+" do n = n + 1 end
  return n
end

local a = spawn(count, "to be or not to be")
local b = spawn(count, "that is the question")
print("words " .. a:result() + b:result())
