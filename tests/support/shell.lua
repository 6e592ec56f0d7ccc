-- support/shell.lua - run commands, and the program under test, as a person does at a shell.
local shell = {}

shell.program = assert(os.getenv("SANDBOX"), "SANDBOX must name the program under test")
shell.source = assert(os.getenv("SANDBOX_SOURCE"), "SANDBOX_SOURCE must name the source tree")

-- One word for the shell, whatever it holds.
function shell.quote(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

-- Run a command line; returns what it wrote to stdout, and its exit status (128+n for signal n).
function shell.run(command)
  local pipe = assert(io.popen(command, "r"))
  local output = pipe:read("a")
  local _, kind, number = pipe:close()
  return output, kind == "signal" and 128 + number or number
end

-- Run the program with arguments, each one a word; stderr is part of the output.
function shell.sandbox(...)
  local words = { shell.quote(shell.program) }
  for i = 1, select("#", ...) do words[#words + 1] = shell.quote((select(i, ...))) end
  return shell.run(table.concat(words, " ") .. " 2>&1 </dev/null")
end

-- Write a file that is removed when the block ends: `local file <close> = shell.file(text)`; its name is file.name.
function shell.file(text)
  local name = os.tmpname()
  local handle = assert(io.open(name, "w"))
  handle:write(text)
  handle:close()
  return setmetatable({ name = name }, { __close = function() os.remove(name) end })
end

-- A new folder, removed with all that is in it when the block ends: its name is folder.name.
function shell.folder()
  local name = shell.run("mktemp -d"):match("%S+")
  return setmetatable({ name = name }, { __close = function() shell.run("rm -rf " .. shell.quote(name)) end })
end

-- The whole text of a file of the source tree.
function shell.read(path)
  local handle = assert(io.open(shell.source .. "/" .. path))
  local text = handle:read("a")
  handle:close()
  return text
end

return shell
