#!/usr/bin/env sandbox
-- Lesson 12: twins.
--
-- Question: can you build a mistake, mend it, and prove both?
--
-- Experiment:   sandbox --explore lesson-12.lua wrong
--               sandbox --replay TOKEN lesson-12.lua wrong      with the TOKEN that the first command has told
--               sandbox --explore lesson-12.lua right
--
-- What to look for: the twins do the same work, and differ in a line. The token names an order of steps; --replay makes
-- real processes take exactly these steps, so the mistake comes each time, and you can look at it with --timeline. The
-- right one is proved. A pair like this is worth more than a hundred explanations: it shows the mistake, when it
-- happens, and that the cure works.
--
-- Vary it: which other cure is there? Prove it, too.

local mail, read = queue { name = "mail" }, sandbox.value(0)

local function reader()
  if arg[1] == "right" then
    for _ in mail:items() do read:add(1) end -- until it is closed, and all is read
  else
    while not mail:empty() do -- empty does not mean: no more will come
      mail:get()
      read:add(1)
    end
  end
end

local function writer()
  mail:put("a letter")
  mail:close()
end

local w, r = spawn({ name = "writer" }, writer), spawn({ name = "reader" }, reader)
w:join()
r:join()
assert(read:get() == 1, "a letter was not read")
print("all is read")

-- Your turn. `sandbox check lesson-12 answer.lua` says whether it is right.
--
--   Write a program of your own that can go wrong, and its mended twin, in one
--   script: `answer.lua wrong` and `answer.lua right` (arg[1] is the word). The
--   wrong one goes wrong in some orders, by an error or a deadlock, and well in
--   others. The right one never goes wrong, prints what the wrong one prints when
--   that goes well, and its processes still work at the same time.
