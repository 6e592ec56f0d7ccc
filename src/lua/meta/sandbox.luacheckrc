-- What luacheck must know of sandbox. Either
--   luacheck --config <this file> script.lua
-- or, in a .luacheckrc of your own,
--   stds.sandbox = dofile "<this file>"
--   std = "lua54+sandbox"
local sandbox = {
  read_globals = {
    "spawn", "join", "queue", "queue_put", "queue_get", "sleep",
    sandbox = {
      fields = {
        "spawn", "process", "join", "join_all", "as_completed", "self", "parent", "children", "getpid", "cpus", "hosts", "connect",
        "queue", "queue_put", "queue_get", "pipe", "select", "after", "every", "deadline", "team", "receive", "find", "monitor", "topic",
        "lock", "rlock", "semaphore", "event", "condition", "barrier", "value", "dict",
        "latch", "rwlock", "array",
        "pool", "scope", "sleep", "now", "time", "explore", "mark", "pause", "progress", "null", "failure", "strict", "version",
      },
    },
  },
}
if stds then -- it is the configuration itself
  stds.sandbox = sandbox
  std = "lua54+sandbox"
end
return sandbox
