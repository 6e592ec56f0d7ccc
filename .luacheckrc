-- luacheck .   at the top of the source tree (Debian: lua-check)
stds.sandbox = dofile "src/lua/meta/sandbox.luacheckrc"
std = "lua54+sandbox"
max_line_length = 120
exclude_files = { "build/", "vendor/lua/", "src/lua/meta/", "tests/course/" } -- answers to lessons may be wrong
files["tests/**/*_spec.lua"] = { std = "+busted" }
files["scripts/globals.lua"] = { globals = { "counter" } }
files["src/prompt/lua/"] = {
  globals = { "loaded" },
  read_globals = { "globals", "put_out", "put_err", "flush", "loaded_at_start", "metatable_of" }, -- of std.lua
  ignore = { "211/_ENV", "212/self" },
}
files["src/lua/prelude/"] = { -- what prelude.c gives them, and nothing else
  std = {
    read_globals = {
      "assert", "error", "ipairs", "load", "next", "pcall", "rawequal", "rawget", "select", "setmetatable", "tostring", "type",
      "xpcall",
      table = { fields = { "concat", "insert", "move", "pack", "remove", "sort", "unpack" } },
      string = { fields = { "find", "format", "gmatch", "gsub", "match" } },
      math = { fields = { "ceil", "floor", "huge", "max", "min", "tointeger", "type" } },
      coroutine = { fields = { "close", "create", "isyieldable", "yield" } },
      debug = { fields = { "getinfo", "getlocal", "getmetatable", "traceback" } },
      queue = { fields = { "close", "len" } },
      process = { fields = { "alive", "interrupt", "join", "kill", "pause", "status" } },
      value = { fields = { "get", "set" } },
      progress = { fields = { "add", "close" } },
      event = { fields = { "clear", "set" } },
    },
  },
}
