-- support/rounds.lua - how often a test that repeats itself does so: `rounds(n)` times.
--
-- That is n, or the share of it that SANDBOX_SHARE says: tests/repeat.sh does the whole test again and again, so that a tenth each
-- time is more than enough.
local share = tonumber(os.getenv("SANDBOX_SHARE")) or 1

return function(n) return math.max(2, math.ceil(n * share)) end
