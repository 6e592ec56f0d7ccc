#!/usr/bin/env sandbox
-- Conway's game of life. The board is cut into strips, with a process for each. No process may begin a generation
-- before all have finished the last one, or it would read rows that are half old and half new. So a barrier keeps
-- them in step. Between two barriers all read, then all write; so no row needs a lock.
--
-- Guess first, then try: what becomes of the glider without the wait between reading and writing (when the main
-- process, too, waits only once in each generation)? Does it always go wrong? And with `sleep(math.random() / 10)`
-- before reading? Why does no process hang if the process of a strip is killed?
--
-- See it: sandbox --timeline scripts/life.lua

local WIDTH, HEIGHT, STRIPS, GENERATIONS = 20, 9, 3, 8

local START = {
  "...#................",
  ".#.#................",
  "..##................",
  "....................",
  ".............###....",
  "....................",
  "....................",
  "....................",
  "....................",
}

local board = sandbox.dict(START) -- the rows, shared by all
local step = sandbox.barrier(STRIPS + 1) -- the strips, and the main process, which shows the board

-- Is this cell alive? The board has no edge: what leaves it on one side comes in on the other.
local function alive(rows, y, x)
  x = (x - 1) % WIDTH + 1
  return rows[(y - 1) % HEIGHT + 1]:sub(x, x) == "#"
end

local function next_row(rows, y)
  local row = {}
  for x = 1, WIDTH do
    local n = 0
    for dy = -1, 1 do
      for dx = -1, 1 do
        if (dy ~= 0 or dx ~= 0) and alive(rows, y + dy, x + dx) then n = n + 1 end
      end
    end
    row[x] = (n == 3 or n == 2 and alive(rows, y, x)) and "#" or "."
  end
  return table.concat(row)
end

-- The strip from row `first` to row `last`.
local function strip(first, last)
  for _ = 1, GENERATIONS do
    local rows, new = {}, {}
    for y = first - 1, last + 1 do
      local here = (y - 1) % HEIGHT + 1
      rows[here] = board[here]
    end
    for y = first, last do new[y] = next_row(rows, y) end
    assert(step:wait()) -- all have read
    for y = first, last do board[y] = new[y] end
    assert(step:wait()) -- all have written
  end
end

local function show(title)
  print(title)
  for y = 1, HEIGHT do print("  " .. board[y]) end
end

show("at first")
for i = 1, STRIPS do
  local rows = HEIGHT // STRIPS
  spawn({ name = "strip" .. i }, strip, (i - 1) * rows + 1, i * rows)
end
for _ = 1, GENERATIONS do
  assert(step:wait())
  assert(step:wait())
end
show(("after %d generations"):format(GENERATIONS))
