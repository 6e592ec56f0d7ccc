-- philosophers: the left fork, then the right one; the last taken is the first put back
local N, ORDERED, FIRST_BACK = tonumber((...)) or 3, select(2, ...) == "ordered", select(3, ...) == "first back"
local forks = {}
for i = 1, N do forks[i] = sandbox.lock { name = "fork" .. i } end
local function philosopher(i)
  local first, second = i, i % N + 1
  if ORDERED and second < first then first, second = second, first end
  forks[first]:acquire() forks[second]:acquire()
  if FIRST_BACK then
    forks[first]:release() forks[second]:release()
  else
    forks[second]:release() forks[first]:release()
  end
end
local list = {}
for i = 1, N do list[i] = spawn({ name = "philosopher" .. i }, philosopher, i) end
for _, p in ipairs(list) do p:join() end
