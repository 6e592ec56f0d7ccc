-- support/links.lua - the links of documents: a list of those that lead nowhere.
--
-- broken(path) reads the Markdown file `path`; a link to a file or a folder is relative to the document, and a heading
-- (#name) must be one of the document that it is in. Links to the web are not followed.
-- As a program: `sandbox links.lua FILE...` prints the broken links, and fails if there are any.
local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

-- A document without its blocks of code.
local function prose(path)
  return ("\n" .. read(path)):gsub("\n```.-\n```", "\n")
end

-- The names by which the headings of a document can be linked, as GitHub makes them.
local function headings(path)
  local names = {}
  for heading in prose(path):gmatch("\n#+ ([^\n]*)") do
    local name = heading:lower():gsub("[^%w%-_ \128-\255]", ""):gsub(" ", "-")
    names[name] = true
  end
  return names
end

local function exists(path) return os.rename(path, path) ~= nil or io.open(path) ~= nil end

local function broken(path)
  local list, folder = {}, path:match("^(.*/)") or ""
  for target in prose(path):gmatch("%]%(([^%s)]+)%)") do
    local file, name = target:match("^([^#]*)#?(.*)$")
    local where = file == "" and path or folder .. file
    if not target:find("^%a+://") then
      if not exists(where) or name ~= "" and not headings(where)[name] then
        list[#list + 1] = ("%s: %s"):format(path, target)
      end
    end
  end
  return list
end

if not ... or arg and arg[0] and arg[0]:find("links.lua", 1, true) then
  local count = 0
  for _, path in ipairs(arg) do
    for _, line in ipairs(broken(path)) do
      print(line)
      count = count + 1
    end
  end
  os.exit(count == 0)
end

return broken
