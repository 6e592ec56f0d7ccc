#!/usr/bin/env sandbox
-- Map and reduce: which words are most frequent in many files? Map: each file becomes a table of its own words and
-- their counts, all files at the same time. Reduce: two tables become one, until there is only one. No step depends
-- on another, so it does not matter which process does which step, or when.
--
--   sandbox scripts/wordcount.lua [files]     these scripts, unless others are named
--   sandbox --hosts anna,bert scripts/wordcount.lua [files]     on other computers; these need not have the files
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

-- The texts, one after the other: only what is being counted need be in memory.
local function texts()
  for _, name in ipairs(files) do
    local f <close> = assert(io.open(name))
    coroutine.yield(f:read("a"))
  end
end

-- Map: the words of a text, and how long it took to count them.
local function count(text)
  local words, from = {}, sandbox.now()
  for word in text:lower():gmatch("%a+") do words[word] = (words[word] or 0) + 1 end
  return { words = words, seconds = sandbox.now() - from }
end

-- Reduce: the words of both.
local function merge(a, b)
  for word, n in pairs(b or {}) do a[word] = (a[word] or 0) + n end
  return a
end

local pool <close> = sandbox.pool { hosts = "all" }
local from, work, tables = sandbox.now(), 0, {}
for i, counted in pool:imap(count, coroutine.wrap(texts)) do
  tables[i], work = counted.words, work + counted.seconds
end
local seconds = sandbox.now() - from
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
if #sandbox.hosts() > 1 then
  print(("counted in %.2f s, the work of %.2f s: speed-up %.2f"):format(seconds, work, work / seconds))
end
