-- host/course/rules.lua - what a lesson asks of an answer.
--
-- A rule is {title, test}. test(answer) returns nothing if the rule is kept, else the lines that say what is wrong and
-- why: a line that begins with a space is shown as it is, the others are folded.

local rules = {}

local TIME_LIMIT <const>, LIMIT <const> = 124, 125

-- -- words ----------------------------------------------------------------------------------------

local function lines_of(text, most)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    if #list == most then
      list[#list + 1] = "  ..."
      break
    end
    list[#list + 1] = "  " .. line
  end
  return list
end

local function append(list, more)
  table.move(more, 1, #more, #list + 1, list)
  return list
end

local function orders(n, all)
  if n < all then return ("%d of %d orders"):format(n, all) end
  return all == 1 and "the only order" or ("all %d orders"):format(all)
end

-- How many orders end as `wanted` says of an outcome. The number of all is missing if there is no end to them.
local function share(r, wanted)
  local n = 0
  for _, outcome in ipairs(r.outcomes) do
    if wanted(outcome) then
      if not outcome.interleavings or not r.interleavings then return "some orders" end
      n = n + outcome.interleavings
    end
  end
  return orders(n, r.interleavings)
end

-- The report's own explanation: from "why:" to the end of the paragraph, with its lines unfolded.
local function why_of(report)
  local list, inside = {}, false
  for line in report:gmatch "[^\n]*" do
    local begins = line:find "^%s+why:" or line:find "^%s+cure to try:"
    inside = (inside or begins) and line:find "^%s" ~= nil
    if inside and begins then
      list[#list + 1] = line:match "%S.*"
    elseif inside then
      list[#list] = list[#list] .. " " .. line:match "%S.*"
    end
  end
  return list
end

-- A word as a shell takes it: who copies the line starts nothing else by the name of a file.
local function quote(word)
  return word:find "^[%w_./=:,+%%@][%w_./=:,+%%@-]*$" and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

local function command(answer, option, word)
  local file = answer.file:find "^%-" and "./" .. answer.file or answer.file
  return ("see it: sandbox %s %s%s"):format(option, quote(file), word and " " .. quote(word) or "")
end

-- -- rules ----------------------------------------------------------------------------------------

rules.compiles = { "it compiles", function(answer)
  local err = answer:syntax_error()
  return err and lines_of(err, 4)
end }

local function ends(title, word)
  return { title, function(answer)
    local r = answer:run(word)
    if r.flood then
      return { "it prints without end, and was cut off" }
    elseif r.status == TIME_LIMIT then
      return append({ ("it still ran after %g seconds:"):format(answer.host.seconds) }, lines_of(r.err, 6))
    elseif r.status == 2 or r.status >= LIMIT then
      return append({ ("it was ended, with exit status %d:"):format(r.status) }, lines_of(r.err, 6))
    end
  end }
end

local function unexplored(r)
  if r.error:find("not enough memory", 1, true) then
    return { "there is not enough memory to try all orders: does it start processes, or put items, without end?" }
  end
  return append({ "it cannot be explored:" }, lines_of(r.error:match "^(.-)\nstack traceback" or r.error, 6))
end

local function tried(title, word)
  return { title, function(answer)
    local r = answer:explored(word)
    if r.error then return unexplored(r) end
    if not r.complete then
      -- without the name of the limit, "(limit = N)", which the answer does not set
      local told = r.report:gsub("^[^:]*", (answer:name():gsub("%%", "%%%%"))):match "[^\n]*":gsub(" %(%l+ = %u%)$", "")
      return append({ told }, { "a proof needs all orders: start fewer processes, or make the loops shorter" })
    end
  end }
end

-- It runs to its end, and all orders can be tried.
rules.ends = ends "it ends, within its limits"
rules.tried = tried "every order of its steps has been tried"

local function is_wrong(outcome) return outcome.ends ~= "well" end

-- No order goes wrong. `advice`: more words, by the kind of the failure.
function rules.well(advice, word, title)
  return { title or "nothing goes wrong in any order", function(answer)
    local r = answer:explored(word)
    local failure = r.failures[1]
    if failure then
      local place = failure.where and failure.where:match "[^/]*:%d+$"
      local list = { ("in %s: %s%s"):format(share(r, is_wrong), failure.message or failure.kind,
        place and " (" .. place .. ")" or "") }
      append(list, why_of(r.report))
      list[#list + 1] = advice and advice[failure.kind]
      list[#list + 1] = command(answer, "--explore", word)
      return list
    end
    local run = answer:run(word)
    if run.status ~= 0 then
      return append({ ("with real processes it ends with exit status %d:"):format(run.status) }, lines_of(run.err, 6))
    end
  end }
end

-- It prints exactly these lines in every order. `advice`: a list of {what it prints instead (a pattern), why}.
function rules.prints(expected, advice, word)
  local title = ("it prints %s in every order"):format(
    expected:find "\n." and "the right lines" or ("%q"):format(expected:match "[^\n]*"))
  return { title, function(answer)
    local r = answer:explored(word)
    for _, outcome in ipairs(r.outcomes) do
      if outcome.ends == "well" and outcome.text ~= expected then
        local text = outcome.text
        local list = { ("in %s it prints%s"):format(share(r, function(o) return o == outcome end),
          text == "" and " nothing" or r.processes > 1 and text:find "\n." and ", main first:" or ":") }
        append(list, lines_of(text, 5))
        if expected:find "\n." then append(append(list, { "it should print:" }), lines_of(expected, 6)) end
        for _, each in ipairs(advice or {}) do
          if text:find(each[1]) then
            list[#list + 1] = "why: " .. each[2]
            break
          end
        end
        if #r.outcomes > 1 then list[#list + 1] = command(answer, "--explore", word) end
        return list
      end
    end
  end }
end

-- It starts as many processes as that, main not counted.
function rules.processes(least, most, why, word)
  local title = most == 0 and "it starts no process"
    or ("it starts %d processes%s"):format(least, most and "" or " or more")
  if least == 1 then title = "it starts a process" end
  return { title, function(answer)
    local n = answer:explored(word).processes - 1
    if n < least or n > (most or n) then
      return { ("it starts %s"):format(n == 0 and "none" or n), "why: " .. why }
    end
  end }
end

-- Its processes work at the same time: there is more than one order.
function rules.concurrent(why, word, title)
  return { title or "its processes work at the same time", function(answer)
    if answer:explored(word).interleavings == 1 then
      return { "there is only one order in which its steps can follow each other", "why: " .. why }
    end
  end }
end

-- Has a process asked for one of these: "notify|when"?
local function has_asked(asked, words)
  for word in words:gmatch "[^|]+" do
    if asked[word] then return true end
  end
  return false
end

-- So many of its processes ask for each of these things, by the words of a trace: {"acquire", "notify|when"}.
function rules.asks(least, words, title, why)
  return { title, function(answer)
    local n = 0
    for _, asked in pairs(answer:asked()) do
      local all = true
      for _, each in ipairs(words) do all = all and has_asked(asked, each) end
      n = n + (all and 1 or 0)
    end
    if n < least then
      local some = ("%s of its processes does so"):format(n == 0 and "none" or "one")
      return { some, "why: " .. why }
    end
  end }
end

-- The places of the steps that a schedule repeats for ever: "answer.lua:7, answer.lua:8".
local function circle_of(report)
  local first, rows = report:match "\na circle, from step (%d+)[^\n]*\n(.-)\n *%.%.%. and again"
  local list, seen = {}, {}
  for row in (rows or ""):gmatch "[^\n]+" do
    local step, place = tonumber(row:match "^ *(%d+) "), row:match " ([^%s/]+:%d+)"
    if step and step >= tonumber(first) and place and not seen[place] then
      list[#list + 1], seen[place] = place, true
    end
  end
  return #list > 0 and " (" .. table.concat(list, ", ") .. ")" or ""
end

-- A process that waits for others sleeps, for as long as it takes. That shows where one of them never does its part,
-- because it is killed: a process that looks again and again does so for ever, or gives up and prints something else.
function rules.sleeps(expected, why)
  return { "a process that waits does not look again and again", function(answer)
    local r = answer:bereaved()
    if r.error then return unexplored(r) end
    for _, failure in ipairs(r.failures) do
      if failure.loop then
        return { "if one of the others never comes, a process looks again and again, without end"
          .. circle_of(r.report), why }
      end
    end
    if r.endless then
      return { "if one of the others never comes, a process does not come to rest: it goes on and on", why }
    end
    for _, outcome in ipairs(r.outcomes) do
      if outcome.text ~= "" and outcome.text ~= expected then
        return append(append({ "if one of the others never comes, a process does not wait for it; it prints:" },
          lines_of(outcome.text, 4)), { why })
      end
    end
  end }
end

-- Some orders end well, and others in a failure. `why` has a text for "never" (no order fails) and "always".
local function sometimes(answer, why, word)
  local r, well = answer:explored(word), false
  for _, outcome in ipairs(r.outcomes) do well = well or outcome.ends == "well" end
  if #r.failures == 0 then return { "no order goes wrong", "why: " .. why.never } end
  if not well then return { "it goes wrong in every order", "why: " .. why.always } end
end

function rules.goes_wrong(word, why)
  return { ("%q: some orders go wrong, and others well"):format(word), function(answer)
    return sometimes(answer, why, word)
  end }
end

-- The same, and the failures are of this kind: `why.other`, if there are others.
function rules.sometimes(kind, what, why)
  return { ("in some orders %s, in others all goes well"):format(what), function(answer)
    local r = answer:explored()
    for _, failure in ipairs(r.failures) do
      if failure.kind ~= kind then
        local list = append({ ("in some orders: %s"):format(failure.message or failure.kind) }, why_of(r.report))
        return append(list, { why.other, command(answer, "--explore") })
      end
    end
    return sometimes(answer, why)
  end }
end

-- The token of a wrong order leads to the same failure again.
function rules.replayed(word)
  return { ("%q: the token brings the same failure again"):format(word), function(answer)
    local r = answer:explored(word)
    if r.replayed ~= r.failures[1].kind then
      return { "the steps of the token led to " .. (r.replayed or "no failure"), command(answer, "--explore", word) }
    end
  end }
end

-- Rules about one way that a script can be called.
function rules.ends_as(word) return ends(("%q: it ends, within its limits"):format(word), word) end
function rules.tried_as(word) return tried(("%q: every order has been tried"):format(word), word) end

-- What one way prints when it goes well, the other prints always.
function rules.same_work(one, other)
  return { ("%q prints what %q prints when that goes well"):format(other, one), function(answer)
    local wanted = {}
    for _, outcome in ipairs(answer:explored(one).outcomes) do
      if outcome.ends == "well" then wanted[outcome.text] = true end
    end
    for _, outcome in ipairs(answer:explored(other).outcomes) do
      if not wanted[outcome.text] then
        return append({ "it prints:" }, append(lines_of(outcome.text, 4),
          { "why: the two must do the same work; only the order of steps may differ" }))
      end
    end
  end }
end

return rules
