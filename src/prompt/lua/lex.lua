-- prompt/lua/lex.lua - splits a Lua text into tokens, to find what it mentions without running it.
local _, use = ...
local _ENV <const> = use "std"

local lex = {}

local WORDS <const> = [[and break do else elseif end false for function goto if in local nil not or repeat return then
  true until while]]

-- The keywords, as a set and as a list.
lex.keywords, lex.keyword_list = {}, {}
for word in string.gmatch(WORDS, "%a+") do
  lex.keywords[word] = true
  table.insert(lex.keyword_list, word)
end

-- Can the text be a field name after a dot?
function lex.is_name(text) return string.find(text, "^[%a_][%w_]*$") ~= nil and not lex.keywords[text] end

-- The end of the long bracket that begins at `at`; nil if it has none.
local function long_end(text, level, at)
  local _, stop = string.find(text, "]" .. level .. "]", at, true)
  return stop
end

-- The end of a string in quotes; a newline ends it, wrongly.
local function short_end(text, quote, at)
  while true do
    local stop = string.find(text, "[\\\n" .. quote .. "]", at)
    if not stop then return nil end
    local c = string.sub(text, stop, stop)
    if c == quote or c == "\n" then return stop end
    at = stop + 2
  end
end

-- The kinds of tokens: pattern, kind, and a function that finds the end of what the pattern began.
local rules <const> = {
  { "^%-%-%[(=*)%[", "comment", long_end },
  { "^%-%-[^\n]*", "comment" },
  { "^%[(=*)%[", "string", long_end },
  { "^([\"'])", "string", short_end },
  { "^[%a_][%w_]*", "name" },
  { "^0[xX][%x.]*[pP]?[+-]?%x*", "number" },
  { "^%d[%d.]*[eE][+-]?%d+", "number" },
  { "^%.?%d[%d.]*", "number" },
  { "^::", "symbol" },
  { "^%.%.%.?", "symbol" },
  { "^[^%w_%s]", "symbol" },
}

-- The token at `at`: { kind =, text =, at =, stop =, open = true for a string or comment without its end }.
local function token_at(text, at)
  for _, rule in ipairs(rules) do
    local from, stop, bracket = string.find(text, rule[1], at)
    if from then
      local found = stop
      if rule[3] then found = rule[3](text, bracket, stop + 1) end
      local token = { kind = rule[2], at = at, stop = found or #text, open = found == nil or nil }
      token.text = string.sub(text, at, token.stop)
      if token.kind == "name" and lex.keywords[token.text] then token.kind = "keyword" end
      return token
    end
  end
  return { kind = "symbol", at = at, stop = at, text = string.sub(text, at, at) } -- a byte that is not Lua
end

-- All tokens of a text; kinds: name keyword string number comment symbol.
function lex.tokens(text)
  local list = {}
  local at = string.find(text, "%S")
  while at do
    local token = token_at(text, at)
    list[#list + 1] = token
    at = string.find(text, "%S", token.stop + 1)
  end
  return list
end

-- The tokens without comments.
function lex.code(text)
  local list = {}
  for _, token in ipairs(lex.tokens(text)) do
    if token.kind ~= "comment" then list[#list + 1] = token end
  end
  return list
end

-- Is token i a variable, not a field, a method or a label? (The key of `{ x = 1 }` counts as one.)
function lex.is_variable(tokens, i)
  local before = tokens[i - 1] and tokens[i - 1].text
  return tokens[i].kind == "name" and before ~= "." and before ~= ":" and before ~= "::" and before ~= "goto"
end

return lex
