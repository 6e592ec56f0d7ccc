-- host/course/main.lua - `sandbox check`: the lessons, and whether answers to them are right.
--
-- main(host), where host has
--   program  the path of this program
--   scripts  the folder of the lessons, or nil
--   inputs   the words of the command line: a lesson, then the files of answers
--   seconds  the time limit of each run
--   table    only the table is wanted
--   color    is the output coloured?
--   fault    why a file cannot be an answer, or nil
--   show     makes of a text one that has no control characters but colours, if it goes to a terminal
--   plain    makes of what an answer has told, or of its name, a part of a line that has none, and no end of a line
-- Returns the exit status: 0, all answers are right; 1, some are not; 2, the command line is wrong.
local _, use = ...

local Answer, lessons = use "answer", use "lessons"

local WIDTH <const> = 79
local host

local function say(...) print(host.show(table.concat { ... })) end

local function refuse(...)
  io.stderr:write("sandbox: ", ...)
  io.stderr:write("\n'sandbox check' lists the lessons\n")
  return 2
end

local function paint(text, code) return host.color and "\27[" .. code .. "m" .. text .. "\27[0m" or text end

-- Print text, folded between words. `plain`, if it is given, makes of a word what is printed.
local function fold(text, indent, plain)
  local line = ""
  for word in text:gmatch "%S+" do
    word = plain and plain(word) or word
    if line ~= "" and #indent + #line + 1 + #word > WIDTH then
      say(indent, line)
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  say(indent, line)
end

-- -- lessons --------------------------------------------------------------------------------------

local function page_of(n) return host.scripts and ("%s/course/lesson-%d.lua"):format(host.scripts, n) end

-- The number of "lesson-3", "lesson-03" or "3"; nil: there is none.
local function number_of(word)
  local n = tonumber(word:match "^lesson%-(%d+)$" or word:match "^%d+$")
  return lessons[n] and n
end

local function list_lessons()
  for n, lesson in ipairs(lessons) do say(("lesson-%-3d  %s"):format(n, lesson.title)) end
  say()
  say("'sandbox check lesson-1' shows its task, 'sandbox check lesson-1 answer.lua' checks an answer")
  if host.scripts then say("the lessons are scripts: ", host.scripts, "/course") end
  return 0
end

local function show_task(n)
  local lesson = lessons[n]
  say(("lesson-%d: %s"):format(n, lesson.title))
  say()
  for line in lesson.task:gmatch "([^\n]*)\n" do say("  ", line) end
  say()
  say "An answer is right if"
  for _, rule in ipairs(lesson.rules) do say("  - ", rule[1]) end
  if page_of(n) then
    say()
    say("the lesson: ", page_of(n))
  end
  return 0
end

-- -- checking -------------------------------------------------------------------------------------

local MARKS <const> = { ok = { "ok", "32" }, no = { "NO", "31" }, none = { "- ", "2" } }

local function show_rule(mark, rule) say("  ", paint(MARKS[mark][1], MARKS[mark][2]), "  ", rule[1]) end

-- What a rule says. Its test looks at what the process that explores has told, which may be no result: code that has broken
-- out of Lua wrote it, say. That is this answer's fault, and none of the others'.
local function broken_by(rule, answer)
  local well, wrong = pcall(rule[2], answer)
  if well then return wrong end
  return { "what is told of it is no result of an exploration" }
end

-- Look at the rules in turn, up to the first that is broken. Returns its place, or nil.
local function check(n, answer)
  local lesson, broken = lessons[n], nil
  local show, name = not host.table, host.plain(answer.file)
  if show then say(("lesson-%d, %s: %s"):format(n, lesson.title, name)) end
  for i, rule in ipairs(lesson.rules) do
    local wrong = not broken and broken_by(rule, answer)
    if show then show_rule(broken and "none" or wrong and "no" or "ok", rule) end
    if wrong then
      broken = i
      for _, line in ipairs(show and wrong or {}) do
        if line:find "^%s" then
          say("      ", host.plain(line))
        else
          fold(line, "      ", host.plain)
        end
      end
    end
  end
  if show then say(name, ": ", broken and paint("not yet", "31") or paint("right", "32")) end
  return broken
end

local function show_table(n, list)
  local width = 6
  for _, each in ipairs(list) do
    each.name = host.plain(each.answer.file)
    width = math.max(width, #each.name)
  end
  local row = ("%%-%ds  %%-%ds  %%s"):format(width, math.max(5, #lessons[n].rules))
  say((row:format("ANSWER", "RULES", ""):gsub(" +$", "")))
  for _, each in ipairs(list) do
    local count, broken = #lessons[n].rules, each.broken or #lessons[n].rules + 1
    local marks = ("+"):rep(broken - 1) .. (each.broken and "x" or "") .. ("."):rep(count - broken)
    say((row:format(each.name, marks, each.broken and "not: " .. lessons[n].rules[broken][1] or "right")))
  end
end

local function check_all(n, files)
  for _, file in ipairs(files) do
    local fault = host.fault(file)
    if fault then return refuse("cannot read the answer ", host.plain(file), ": ", fault) end
  end
  host.strict = Answer.is_strict(host)
  if not host.strict then
    io.stderr:write("sandbox: the kernel layers of strict mode cannot be had here (sandbox --strict=report): "
      .. "answers are held by the language alone; check only those of people that you trust\n")
  end
  local list, right = {}, 0
  for i, file in ipairs(files) do
    if i > 1 and not host.table then say() end
    local answer = Answer.new(host, file)
    list[i] = { answer = answer, broken = check(n, answer) }
    right = right + (list[i].broken and 0 or 1)
  end
  if #files > 1 or host.table then
    if not host.table then say() end
    show_table(n, list)
    say(("%d of %d right"):format(right, #files))
  end
  return right == #files and 0 or 1
end

return function(options)
  host = options
  local word = host.inputs[1]
  if not word then return list_lessons() end
  local n = number_of(word)
  if not n then return refuse("there is no lesson '", word, "'") end
  local files = table.move(host.inputs, 2, #host.inputs, 1, {})
  return #files == 0 and show_task(n) or check_all(n, files)
end
