words = 0
local function count(text)
  for _ in text:gmatch "%a+" do words = words + 1 end
end

local a = spawn(count, "to be or not to be")
local b = spawn(count, "that is the question")
a:join()
b:join()
print("words " .. words)
