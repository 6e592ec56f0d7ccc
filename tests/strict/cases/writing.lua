-- strict/cases/writing.lua - ways to change files that are not the script's; see strict/hold.lua.
local ALONE <const> = { "L", "F" }
local NOT_ALLOWED <const> = "main%.lua:1: writing .* is not allowed in strict mode %(run with %-%-allow%-write="

local function writes(name, program, escaped, more)
  local case = { program, name = name, alone = ALONE, escaped = escaped, says = NOT_ALLOWED }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

-- A file that the program named is there; it is removed.
local function named_is_there(o)
  local name = o.out:match("(/%S+)")
  return name ~= nil and os.remove(name) == true
end

local function fills_the_disk(o) return o.bytes > 40 << 20 end

return {
  writes("a new file", "io.open(OUT .. '/made', 'w'):write 'x'", "made",
    { says = "main%.lua:1: writing .*/out/made is not allowed in strict mode %(run with %-%-allow%-write=.*/out/made%)" }),
  writes("an append", "io.open(OUT .. '/secret.txt', 'a'):write 'x'", "changed"),
  writes("a truncation", "io.open(OUT .. '/secret.txt', 'w')", "changed"),
  writes("os.remove", "os.remove(OUT .. '/secret.txt')", "changed"),
  writes("os.rename over a file", "os.rename(OUT .. '/secret.lua', OUT .. '/secret.txt')", "changed"),
  writes("os.tmpname, which makes a file", "print(os.tmpname())", named_is_there),
  writes("shared memory, as a file", "local name = '/dev/shm/' .. OUT:gsub('/', '-') io.open(name, 'w'):close() print(name)", named_is_there),
  writes("the memory of the process, as a file", "if io.open('/proc/self/mem', 'r+') then print 'ESCAPED' end", "told",
    { says = "is not allowed in strict mode" }),
  writes("a sparse file of 1 TB", "local file = io.open('big', 'w') file:seek('set', 1 << 40) file:write 'x' file:close()", fills_the_disk,
    { alone = { "R" }, allow = "--allow-write=.", limits = "--files-limit 16M", says = "" }),
  writes("a full disk", [[local file, block = io.open('big', 'w'), ('x'):rep(1 << 20)
for _ = 1, 50 do file:write(block) end
file:close()]], fills_the_disk, { alone = { "L" }, allow = "--allow-write=.", limits = "--files-limit 16M",
    says = "the run wrote 16 MiB into files, its limit %(%-%-files%-limit%)", status = 125 }),

  -- Found by trying.
  writes("many files, each below the limit", [[local block = ('x'):rep(1 << 20)
for n = 1, 5 do
  spawn(function()
    local file = io.open('file' .. n, 'w')
    for _ = 1, 10 do file:write(block) end
    file:close()
  end):join()
end]], fills_the_disk, { alone = { "L" }, allow = "--allow-write=.", limits = "--files-limit 16M", status = 125,
    says = "the run wrote 16 MiB into files, its limit %(%-%-files%-limit%)" }),
  writes("very many empty files", "for i = 1, 6000 do io.open('f' .. i, 'w'):close() end print 'ESCAPED'", "told",
    { alone = { "L" }, allow = "--allow-write=.", limits = "--files-limit 16M", status = 125,
      says = "the run wrote 16 MiB into files, its limit %(%-%-files%-limit%)" }),
  writes("r+", "io.open(OUT .. '/secret.txt', 'r+'):write 'x'", "changed", { says = "is not allowed in strict mode" }),
  writes("r+ of what may be read", "local f = io.open('data/x', 'r+') f:write 'ESCAPED' f:close() print(io.open('data/x'):read 'a')", "told",
    { setup = "mkdir data; echo something >data/x", allow = "--allow-read=data" }),
  writes("w+ of what may be read", "io.open('data/x', 'w+'):close() if io.open('data/x'):read 'a' == '' then print 'ESCAPED' end", "told",
    { setup = "mkdir data; echo something >data/x", allow = "--allow-read=data" }),
  writes("io.output", "io.output(OUT .. '/made') io.write 'x'", "made"),
  writes("io.tmpfile", "if io.tmpfile() then print 'ESCAPED' end", "told"),
  writes("a symbolic link in a folder that may be written", "io.open('data/link', 'w'):write 'x'", "changed",
    { setup = "mkdir data; ln -s ../../out/secret.txt data/link", allow = "--allow-write=data" }),
  writes("a symbolic link to what is not there yet", "io.open('data/link', 'w'):write 'x'", "made",
    { setup = "mkdir data; ln -s ../../out/made data/link", allow = "--allow-write=data", says = "" }),
  writes("os.rename out of a folder that may be written", "os.rename('data/x', OUT .. '/made')", "made",
    { setup = "mkdir data; echo x >data/x", allow = "--allow-write=data" }),
  writes("os.rename into a folder that may be written", "os.rename(OUT .. '/secret.txt', 'data/x')", "changed",
    { setup = "mkdir data", allow = "--allow-write=data" }),
  writes("os.remove behind a symbolic link", "os.remove('data/up/secret.txt')", "changed",
    { setup = "mkdir data; ln -s ../../out data/up", allow = "--allow-write=data" }),
  writes("os.remove of the folder that may be written", "if os.remove('data') then print 'ESCAPED' end", "told", { setup = "mkdir data", allow = "--allow-write=data" }),
  writes("os.rename of the folder that may be written", "if os.rename('data', 'other') then print 'ESCAPED' end", "told", { setup = "mkdir data", allow = "--allow-write=data" }),
  writes("os.remove of the file that may be written", "if os.remove('x') then print 'ESCAPED' end", "told", { setup = "touch x", allow = "--allow-write=x" }),
  writes("os.remove with a name that goes up", "if os.remove('data/../../out/secret.txt') then print 'ESCAPED' end", "told", { setup = "mkdir data", allow = "--allow-write=data" }),
  writes("os.remove of a folder", "if os.remove(OUT .. '/empty') then print 'ESCAPED' end", "told",
    { setup = "mkdir ../out/empty" }),
}
