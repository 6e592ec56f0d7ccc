-- strict/cases/programs.lua - ways to run programs and code in C; see strict/hold.lua.
local function runs(name, program, more)
  local case = { program, name = name, alone = { "L", "FS" }, escaped = "made" }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

local function not_allowed(name, flag)
  return "main%.lua:1: " .. name:gsub("%.", "%%.") .. " is not allowed in strict mode" .. (flag or "")
end

local RUN <const> = " %(run with %-%-allow%-run%)"
-- A module in C that every machine with these tests has, since busted needs it.
local LFS <const> = package.searchpath("lfs", package.cpath) or ""

return {
  runs("os.execute", "os.execute('touch ' .. OUT .. '/made')", { says = not_allowed("os.execute", RUN) }),
  runs("io.popen", "io.popen('touch ' .. OUT .. '/made'):close()", { says = not_allowed("io.popen", RUN) }),
  runs("package.loadlib of the C library", "if package.loadlib('libc.so.6', '*') then print 'ESCAPED' end",
    { says = not_allowed "package.loadlib", escaped = "told", alone = { "L" } }),
  runs("package.loadlib of a module", ("if package.loadlib(%q, 'luaopen_lfs') then print 'ESCAPED' end"):format(LFS),
    { escaped = "told", says = not_allowed "package.loadlib" }),
  runs("require of a module in C", ("package.cpath = %q print(require 'lfs' and 'ESCAPED')"):format((LFS:gsub("lfs%.so$", "?.so"))),
    { escaped = "told", says = "module 'lfs' not found" }),
  runs("LUA_CPATH", "print(require 'lfs' and 'ESCAPED')", { escaped = "told", says = "module 'lfs' not found",
    env = ("LUA_CPATH='%s'"):format((LFS:gsub("lfs%.so$", "?.so"))) }),

  -- Found by trying.
  runs("LUA_INIT", "print 'well'", { escaped = "told", env = "LUA_INIT=\"print 'ESCAPED'\"" }),
  runs("LUA_PATH", "print((require 'secret'))", { escaped = "secret", setup = "export LUA_PATH=\"$(cd ../out; pwd)/?.lua\"" }),
  runs("os.execute with nothing, which asks for a shell", "if os.execute() then print 'ESCAPED' end",
    { escaped = "told", alone = { "L" }, says = not_allowed("os.execute", RUN) }),
}
