-- luacheck .   at the top of the source tree (Debian: lua-check)
stds.sandbox = dofile "src/lua/meta/sandbox.luacheckrc"
std = "lua54+sandbox"
max_line_length = 120
exclude_files = { "build/", "vendor/lua/", "src/lua/meta/" }
files["tests/**/*_spec.lua"] = { std = "+busted" }
files["scripts/globals.lua"] = { globals = { "counter" } }
files["src/repl/lua/"] = {
  globals = { "loaded" },
  read_globals = { "globals", "put_out", "put_err", "flush", "loaded_at_start", "metatable_of" }, -- of std.lua
  ignore = { "211/_ENV", "212/self" },
}
