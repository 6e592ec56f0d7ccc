-- What the documentation shows is run as it stands there.
--
-- A fenced block after one of these comments is an example:
--
--   <!-- test: lua -->   a script; run at --speed 10
--   <!-- test: sh -->    shell commands, the program in PATH, at the top of the source tree; must exit with 0
--   <!-- test: hosts --> a script that tests/hosts/page_spec.lua runs beside agents
--   <!-- not run: WHY --> code that cannot be run here
--
-- A ```text block right after it is all it must print (stdout and stderr; process ids, `number:[4711]` and `pid 4711`, may
-- differ). `<!-- test: run -->` and `<!-- test: all -->` mark the two commands of a fresh machine: .ci/run runs those.
local broken_links = require "support.links"
local shell = require "support.shell"

-- README.md, scripts/README.md and the pages of src/doc.
local documents = { "README.md", "scripts/README.md" }
for name in shell.run("cd " .. shell.quote(shell.source) .. " && ls src/doc/*.md"):gmatch("%S+") do
  documents[#documents + 1] = name
end

-- The examples of a document: { kind=, code=, output= or nil, line= }; and the lines of code that no comment says how to run.
local function examples(document)
  local list, unmarked, marker, block, last = {}, {}, nil, nil, nil
  local number = 0
  for line in (shell.read(document) .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local fence = line:match("^```(%a*)")
    if block and fence then
      if block.kind == "prose" and (block.language == "sh" or block.language == "lua" or block.language == "c") then
        unmarked[#unmarked + 1] = block.line
        block.code = ""
      elseif block.kind == "output" then
        last.output = table.concat(block, "\n", 1, #block) .. "\n"
        last = nil
      else
        block.code = table.concat(block, "\n") .. "\n"
        list[#list + 1] = block
        last = block
      end
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif fence then
      if marker then
        block = { kind = marker, line = number, language = fence }
      elseif last and fence == "text" then
        block = { kind = "output", line = number }
      else
        block, last = { kind = "prose", line = number, language = fence }, nil
      end
      marker = nil
    else
      local found = line:match("^<!%-%- test: (%a+) %-%->$") or line:match("^<!%-%- (not run): .+ %-%->$")
      marker = found or marker
      if found or line:find("%S") then last = nil end
    end
  end
  return list, unmarked
end

local function same(text) return (text:gsub("number:%[%d+%]", "number:[n]"):gsub("pid %d+", "pid n")) end

-- Stands for /tmp in the examples: tests of another tree may run at the same time.
local scratch = shell.run("mktemp -d"):match("[^\n]+") .. "/"

teardown(function() os.remove(scratch) end)

local function run(example)
  if example.kind == "lua" then
    local file <close> = shell.file(example.code)
    local output = shell.sandbox("--speed", "10", file.name)
    return (output:gsub(file.name:gsub("%p", "%%%0"), "script.lua")), 0
  end
  local folder = shell.program:match("^(.*)/[^/]*$")
  local code = example.code:gsub("/tmp/", scratch)
  local file <close> = shell.file("exec 2>&1 </dev/null\n" .. code)
  local output, status = shell.run(("cd %s && PATH=%s:$PATH sh -e %s"):format(shell.quote(shell.source),
    shell.quote(folder), shell.quote(file.name)))
  return (output:gsub((scratch:gsub("%p", "%%%0")), "/tmp/")), status
end

for _, document in ipairs(documents) do
  describe(document, function()
    local count = { lua = 0, sh = 0, run = 0, all = 0 }
    local list, unmarked = examples(document)
    for _, example in ipairs(list) do
      if count[example.kind] then count[example.kind] = count[example.kind] + 1 end
      if example.kind == "lua" or example.kind == "sh" then
        it(("line %d: the %s example does as shown"):format(example.line, example.kind), function()
          local output, status = run(example)
          assert.are.equal(0, status, output)
          if example.output then assert.are.equal(same(example.output), same(output)) end
        end)
      end
    end

    if document ~= "src/doc/library.md" then -- meta_spec.lua runs its examples
      it("says of each piece of code how it is run, or why not", function() assert.are.same({}, unmarked) end)
    end

    it("has no broken link", function() assert.are.same({}, broken_links(shell.source .. "/" .. document)) end)

    if document == "README.md" then
      it("has examples, and is short", function()
        assert.is_true(count.lua + count.sh > 0)
        local _, lines = shell.read(document):gsub("\n", "")
        assert.is_true(lines <= 250, lines .. " lines")
      end)

      it("has the two commands of a fresh machine, once each", function()
        assert.are.equal(1, count.run)
        assert.are.equal(1, count.all)
      end)
    end
  end)
end

-- tests/trace/recorded has the runs that the documentation shows. A picture that is to change: the commands of this test, with
-- `-o` and the picture.
describe("the pictures of the documentation", function()
  local RECORDED = shell.source .. "/tests/trace/recorded/"
  for picture, runs in pairs {
    ["serial-beside-process.svg"] = { "serial.pftrace", "process.pftrace" },
  } do
    it("are what the program draws: " .. picture, function()
      local folder <close> = shell.folder()
      local command = { "trace" }
      for _, name in ipairs(runs) do command[#command + 1] = RECORDED .. name end
      table.move({ "-o", folder.name .. "/new.svg" }, 1, 2, #command + 1, command)
      local output, status = shell.sandbox(table.unpack(command))
      assert.are.equal("", output)
      assert.are.equal(0, status)
      local new <close> = assert(io.open(folder.name .. "/new.svg"))
      assert.is_true(new:read("a") == shell.read("src/doc/pictures/" .. picture), picture .. " is not what it was")
      assert.is_truthy(shell.read("README.md"):find("src/doc/pictures/" .. picture, 1, true))
    end)
  end
end)

-- What is written by a script beside it.
for page, writer in pairs { ["src/doc/library.md"] = "src/doc/library.lua", ["src/doc/sandbox.1"] = "src/doc/manual.lua" } do
  describe(page, function()
    it("is what " .. writer .. " writes", function()
      local text, status = shell.run(("cd %s && %s %s"):format(shell.quote(shell.source), shell.quote(shell.program), writer))
      assert.are.equal(0, status, text)
      assert.is_true(text == shell.read(page), ("it is not: run `sandbox %s >%s`"):format(writer, page))
    end)
  end)
end
