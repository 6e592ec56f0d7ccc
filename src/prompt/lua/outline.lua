-- prompt/lua/outline.lua - what a chunk has at its top level: locals, which end with it; labels; returns.
local _, use = ...
local _ENV <const> = use "std"

local opens <const> = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }

-- Add the names that the `local` at token i declares to a list.
local function add_names(tokens, i, list)
  local expects = true
  if tokens[i + 1] and tokens[i + 1].text == "function" then i = i + 1 end
  for k = i + 1, #tokens do
    local token = tokens[k]
    if expects and token.kind ~= "name" then return end
    if expects then list[#list + 1] = token.text end
    if token.text == "=" then return end
    expects = token.text == ","
    if token.kind == "keyword" then return end
  end
end

-- The module is one function: for the tokens of a chunk (lex.code) it returns { locals = names declared at the top
-- level, labels = whether there are labels or gotos at the top level, returns = whether there is a return outside of
-- functions }.
return function(tokens)
  local stack, functions, found = {}, 0, { locals = {}, labels = false, returns = false }
  for i, token in ipairs(tokens) do
    local word = token.kind ~= "string" and token.text
    if #stack == 0 and word == "local" then add_names(tokens, i, found.locals) end
    if #stack == 0 and (word == "goto" or word == "::") then found.labels = true end
    if functions == 0 and word == "return" then found.returns = true end
    if opens[word] then
      stack[#stack + 1] = word
      if word == "function" then functions = functions + 1 end
    elseif word == "end" or word == "until" then
      if table.remove(stack) == "function" then functions = functions - 1 end
    end
  end
  return found
end
