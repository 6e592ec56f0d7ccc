-- luacheck .   (Debian: lua-check)
std = "lua54"
max_line_length = 120
exclude_files = { "build/", "vendor/lua/", "src/lua/meta/" }
read_globals = { "sandbox", "spawn", "join", "queue", "queue_put", "queue_get", "sleep" }
files["tests/**/*_spec.lua"] = { std = "+busted" }
files["scripts/globals.lua"] = { globals = { "counter" } }
