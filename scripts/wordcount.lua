#!/usr/bin/env sandbox
-- Map and reduce: which words are most frequent in many files? Map: each file becomes a table of its own words and
-- their counts, all files at the same time. Reduce: two tables become one, until there is only one. No step depends
-- on another, so it does not matter which process does which step, or when.
--
--   sandbox scripts/wordcount.lua [files]     these scripts, unless others are named
--
-- Guess first, then try: with two workers, how many times faster is it? Where does the time go when the files
-- are small? (Measure with sandbox.now().)
--
-- See it: sandbox --timeline scripts/wordcount.lua

local files = table.move(arg, 1, #arg, 1, {})
if #files == 0 then
  local folder = arg[0]:match("^(.*)/") or "."
  for name in io.popen(("ls '%s'/*.lua"):format(folder)):lines() do files[#files + 1] = name end
end

-- Map: the words of a file.
local function count(name)
  local words = {}
  for line in io.lines(name) do
    for word in line:lower():gmatch("%a+") do words[word] = (words[word] or 0) + 1 end
  end
  return words
end

-- Reduce: the words of both.
local function merge(a, b)
  for word, n in pairs(b or {}) do a[word] = (a[word] or 0) + n end
  return a
end

local pool <close> = sandbox.pool()
local tables = pool:map(count, files)
while #tables > 1 do
  local pairs_of = {}
  for i = 1, #tables, 2 do pairs_of[#pairs_of + 1] = { tables[i], tables[i + 1] } end
  tables = pool:starmap(merge, pairs_of)
end

local words, total = {}, 0
for word, n in pairs(tables[1]) do
  words[#words + 1] = { word = word, n = n }
  total = total + n
end
table.sort(words, function(a, b) return a.n > b.n or a.n == b.n and a.word < b.word end)
print(("%d files, %d words, %d different ones"):format(#files, total, #words))
for i = 1, math.min(5, #words) do print(("%6d  %s"):format(words[i].n, words[i].word)) end
