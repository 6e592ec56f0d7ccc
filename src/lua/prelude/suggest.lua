-- "Did you mean": the existing name that is closest to a mistyped one.

-- How many letters must be changed, added, dropped or swapped with a neighbour.
local function distance(a, b)
  local before, above = {}, {}
  for j = 0, #b do above[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = string.byte(a, i) == string.byte(b, j)
      row[j] = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same and 0 or 1))
      local crossed = i > 1 and j > 1 and string.byte(a, i) == string.byte(b, j - 1) and
          string.byte(a, i - 1) == string.byte(b, j)
      if crossed then row[j] = math.min(row[j], before[j - 2] + 1) end
    end
    before, above = above, row
  end
  return above[#b]
end

-- The module is one function: returns the name of the list that is closest to `word`, if it is close enough to be
-- meant. A word of one or two letters is close to too many names.
return function(word, list)
  local best, best_distance
  if #word < 3 then return nil end
  local limit = math.max(1, #word // 3)
  for _, name in ipairs(list) do
    local near = math.abs(#name - #word) <= limit and #name < 60
    local d = near and distance(string.lower(word), string.lower(name))
    if d and d <= limit and (not best or d < best_distance or d == best_distance and name < best) then
      best, best_distance = name, d
    end
  end
  return best
end
