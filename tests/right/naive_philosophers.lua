-- the fork with the smaller number first
local N, MEALS = 5, 20
local forks = {}
for i = 1, N do forks[i] = sandbox.lock { name = "fork" .. i } end
local function philosopher(i)
  local first, second = math.min(i, i % N + 1), math.max(i, i % N + 1)
  for _ = 1, MEALS do
    forks[first]:acquire() forks[second]:acquire()
    forks[first]:release() forks[second]:release()
  end
end
local list = {}
for i = 1, N do list[i] = spawn({ name = "philosopher" .. i }, philosopher, i) end
sandbox.join_all(list)
