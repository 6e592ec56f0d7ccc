-- Deadlines: a moment that stands wherever a timeout may. sandbox.deadline.
--
-- A deadline is a table with the time in `at`, as sandbox.now() tells it, so it means the same in every process and can
-- be sent. What reads timeouts knows it: lib_check_timeout in C, common.deadline here.
local sandbox, use = ...
local common, Deadline = use "common", use("classes").Deadline

local time, methods = {}, {}

function time.deadline(seconds, ...)
  common.check_no_more("deadline", 2, ...)
  common.check(seconds ~= nil, "deadline", 1, "seconds expected, got no value")
  return setmetatable({ at = common.deadline(seconds, "deadline", 1) }, Deadline)
end

-- The seconds that are left, at least 0.
function methods.left(deadline)
  return common.left(rawget(common.check_object(deadline, Deadline, "left"), "at"))
end

function Deadline.__tostring(deadline)
  return string.format("deadline: %.3f s left", methods.left(deadline))
end

function Deadline.__newindex()
  common.check(false, "deadline", 1, "a deadline cannot be changed: make another one")
end

function Deadline.__eq(a, b)
  return rawget(a, "at") == rawget(b, "at")
end

function time.__index(_, key) return methods[key] end
time.__tostring, Deadline.__index = Deadline.__tostring, methods

return time
