-- The module `sandbox` for the stock Lua 5.4. At the top of the source tree:
--
--   luarocks --lua-version 5.4 make vendor/sandbox-scm-1.rockspec
rockspec_format = "3.0"
package = "sandbox"
version = "scm-1"
source = { url = "." } -- the tree that it is in
description = {
  summary = "Processes, queues, locks and pools for Lua, backed by those of the operating system",
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua ~> 5.4" }
build = {
  type = "command",
  build_command = "cmake -S . -B build/rock -DCMAKE_BUILD_TYPE=Release && cmake --build build/rock --target sandbox_module",
  install = { lib = { sandbox = "build/rock/module/sandbox.so" } },
}
