-- strict/cases/reading.lua - ways to read what is not the script's; see strict/hold.lua.
local ALONE <const> = { "L", "F" }

local function reads(name, path, more)
  local case = { ("print(io.open(%s):read 'a')"):format(path), name = name, alone = ALONE, escaped = "secret",
    says = "main%.lua:1: reading .* is not allowed in strict mode %(run with %-%-allow%-read=" }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

-- A deadlock in a chunk that is named after a file, so that a story shows its lines.
local function tells(name, path, more)
  local case = { ([[load("local a, b = sandbox.lock(), sandbox.lock() local p = spawn(function() b:acquire() a:acquire() end) a:acquire() b:acquire()",
  "@" .. %s)()]]):format(path), name = name, alone = ALONE, escaped = function(o) return (o.out .. o.files):find(o.secret, 1, true) ~= nil end,
    always = "--explore" }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

local function shows_passwd(o) return o.out:find("root:", 1, true) ~= nil end

return {
  reads("a file of the system", "'/etc/passwd'", { escaped = shows_passwd }),
  reads("a path with ..", "'../out/secret.txt'",
    { says = "reading %.%./out/secret%.txt is not allowed in strict mode %(run with %-%-allow%-read=%.%./out/secret%.txt%)" }),
  reads("an absolute path", "OUT .. '/secret.txt'"),
  reads("a symbolic link in a folder that may be read", "'data/link'",
    { setup = "mkdir data; ln -s ../../out/secret.txt data/link", allow = "--allow-read=data" }),
  reads("a hard link beside the script", "'hard.txt'", { setup = "ln ../out/secret.txt hard.txt",
    alone = { "L" } }), -- to the kernel it is a file in the script's folder, which require reads
  reads("the environment, as a file", "'/proc/self/environ'"),
  reads("the root of process 1", "'/proc/1/root/etc/passwd'", { escaped = shows_passwd,
    plain = not io.open("/proc/1/root/etc/passwd") and "only root may look there" or nil }),
  reads("a device", "'/dev/zero', 'rb'", {
    [1] = [[for _, path in ipairs { "/dev/sda", "/dev/vda", "/dev/zero" } do
  local file = io.open(path, "rb")
  if file and file:read(16) then print "ESCAPED" break end
end]], escaped = "told", says = "reading /dev/sda is not allowed" }),
  { "for line in io.lines(OUT .. '/secret.txt') do print(line) end", name = "io.lines", alone = ALONE, escaped = "secret",
    says = "reading .*/out/secret%.txt is not allowed" },
  { "print(loadfile(OUT .. '/secret.lua')())", name = "loadfile", alone = ALONE, escaped = "secret",
    says = "reading .*/out/secret%.lua is not allowed" },

  -- Found by trying.
  { "print(dofile(OUT .. '/secret.lua'))", name = "dofile", alone = ALONE, escaped = "secret" },
  { "io.input(OUT .. '/secret.txt') print(io.read 'a')", name = "io.input", alone = ALONE, escaped = "secret" },
  { "package.path = OUT .. '/?.lua' print(require 'secret')", name = "require with another path", alone = ALONE, escaped = "secret" },
  { "package.path = '../in/../out/?.lua' print((require 'secret'))", name = "require with a path that goes up", alone = ALONE, escaped = "secret" },
  { "package.path = './?.lua' print((require 'link'))", name = "require by a symbolic link", alone = ALONE, escaped = "secret",
    setup = "ln -s ../out/secret.lua link.lua" },
  { "package.path = './answers.txt' local _, why = pcall(require, 'x') print(why)", name = "require of what is no module, beside the script",
    alone = { "L" }, escaped = "secret", setup = "echo \"\\\"$(cat ../out/secret.txt)\\\"\" >answers.txt" },
  { "local f = load('local x = nil x()', '@answers.txt') pcall(f) f()", name = "a hint that shows a line of a file beside the script", alone = { "L" },
    escaped = "secret", setup = "cp ../out/secret.txt answers.txt", plain = "hints show no line of it" },
  { "if package.searchpath('secret', OUT .. '/?.lua') then print 'ESCAPED' end", name = "package.searchpath, which tells what is there",
    alone = { "L", "F" }, escaped = "told" },
  { "local _, why = package.searchpath('x', OUT .. '/?.lua') if io.open(OUT .. '/nothing') == nil then print 'ESCAPED' end",
    name = "io.open, which tells what is not there", alone = { "L" }, escaped = "told" },
  { "print(io.open('data/../../out/secret.txt'):read 'a')", name = "up, from a folder that may be read", alone = ALONE,
    escaped = "secret", setup = "mkdir data", allow = "--allow-read=data" },
  { "print(io.open('data-secret/x'):read 'a')", name = "a folder whose name begins like one that may be read", alone = { "L" },
    escaped = "secret", setup = "mkdir data data-secret; cp ../out/secret.txt data-secret/x", allow = "--allow-read=data" },
  { "print(io.open('data/up/secret.txt'):read 'a')", name = "a symbolic link to a folder", alone = ALONE, escaped = "secret",
    setup = "mkdir data; ln -s ../../out data/up", allow = "--allow-read=data" },
  { "print(io.open('data/up/../out/secret.txt'):read 'a')", name = "up, behind a symbolic link", alone = ALONE, escaped = "secret",
    setup = "mkdir data ../out/sub; ln -s ../../out/sub data/up; cp ../out/secret.txt ../out/out; mkdir -p ../out/out2; rm ../out/out; mkdir ../out/out; cp ../out/secret.txt ../out/out/", allow = "--allow-read=data" },
  { "print(io.open('/proc/self/cwd/../out/secret.txt'):read 'a')", name = "a magic link of /proc", alone = ALONE, escaped = "secret" },
  { "print(io.open('/dev/fd/0'):read 'a')", name = "a descriptor by its name", alone = { "L" }, escaped = "secret",
    plain = "standard input is empty", },
  { "print(os.getenv 'SECRET')", name = "os.getenv", alone = { "L" }, escaped = "secret",
    says = "main%.lua:1: reading the environment variable SECRET is not allowed in strict mode %(run with %-%-allow%-env=SECRET%)" },
  { "local f = load('local x = nil; x()', '@' .. OUT .. '/secret.txt') print(pcall(f)) local p = spawn({ quiet = true }, f) print(select(2, p:join()).hint) f()",
    name = "a hint, which reads the file that a chunk is named after", alone = { "L" }, escaped = "secret",
    plain = "hints show no line of it" },
  { "load('sleep(0)', '@' .. OUT .. '/secret.txt')() local page = io.open '../out/t.html'", name = "the page of a trace, which shows the sources that chunks are named after",
    alone = { "L" }, escaped = function(o) return o.files:find(o.secret, 1, true) ~= nil end, always = "--trace=../out/t.html" },
  tells("the story of an exploration, which shows the line of a file that a chunk is named after", "OUT .. '/secret.txt'"),
  tells("the story of an exploration, which shows a line of a file beside the script", "'answers.txt'",
    { setup = "cp ../out/secret.txt answers.txt", alone = { "L" } }),
  tells("the page of an exploration, which shows the files that chunks are named after", "'answers.txt'",
    { setup = "cp ../out/secret.txt answers.txt", alone = { "L" }, always = "--explore --trace=../out/t.html" }),
}
