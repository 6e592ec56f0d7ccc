-- support/rounds.lua - how often a test that repeats itself does so.
--
-- rounds.count(n) is n, and `for i in rounds(n)` goes from 1 to n; or as SANDBOX_SHARE says a part of them: tests/repeat.sh does the
-- whole test again and again, so that a tenth each time is more than enough. Which part is drawn, in order, from all of 1 to
-- n: what a test does in its last round, or in every tenth, comes in some of the repetitions.
local share = tonumber(os.getenv("SANDBOX_SHARE")) or 1
local rounds = {}

function rounds.count(n) return math.min(n, math.max(2, math.ceil(n * share))) end

local function each(_, n)
  local left, i = rounds.count(n), 0
  return function()
    while i < n do
      i = i + 1
      if math.random(n - i + 1) <= left then -- as likely as any other (Knuth, algorithm S)
        left = left - 1
        return i
      end
    end
  end
end

return setmetatable(rounds, { __call = each })
