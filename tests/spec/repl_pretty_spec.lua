-- How the prompt prints values: src/prompt/lua/pretty.lua.
local prompt = require "support.prompt"

local pretty, width_of = prompt.modules() "pretty", prompt.modules() "width"

local function show(value, width, o)
  o = o or {}
  o.width = width or 80
  return pretty.value(value, o)
end

-- Every line of a text is at most so wide.
local function fits(text, width)
  for line in text:gmatch("[^\n]+") do
    if width_of(line) > width then return false, line end
  end
  return true
end

describe("numbers", function()
  local cases = {
    { 1, "1" }, { 1.0, "1.0" }, { 0.1, "0.1" }, { -0.0, "-0.0" }, { 1e15, "1e15" }, { 1e100, "1e100" },
    { 1e-7, "1e-7" },
    { 2 ^ 53, "9007199254740992.0" }, { 1 / 3, "0.3333333333333333" }, { 0.1 + 0.2, "0.30000000000000004" },
    { math.maxinteger, "9223372036854775807" }, { math.mininteger, "-9223372036854775808" }, { 1 / 0, "inf" },
    { -1 / 0, "-inf" }, { 0 / 0, "nan" }, { -(0 / 0), "nan" }, { 123456.75, "123456.75" },
  }
  for _, case in ipairs(cases) do
    it("prints " .. case[2], function()
      local text = show(case[1])
      assert.are.equal(case[2], text)
      if case[1] == case[1] and math.abs(case[1]) ~= 1 / 0 then assert.are.equal(case[1], tonumber(text)) end
    end)
  end

  it("are read back as the same number", function()
    for _ = 1, 1000 do
      local x = string.unpack("d", string.pack("i8", math.random(0)))
      local text = show(x)
      if x == x and math.abs(x) ~= 1 / 0 then
        assert.are.equal(x, tonumber(text))
        assert.are.equal("float", math.type(tonumber(text)))
      end
    end
  end)
end)

describe("strings", function()
  it("are quoted, with escapes that read back", function()
    for _, s in ipairs { "", "a", "tab\tnew\nline", "\0\1\27\127\200\255", 'a "quoted" \\ word', "\\n", "\r\n" } do
      local text = show(s)
      assert.are.equal(s, load("return " .. text)())
      assert.is_nil(text:find("%c"), text)
    end
    assert.are.equal([["a\n\t\"\\\x00\x1B"]], show("a\n\t\"\\\0\27"))
  end)

  it("keep UTF-8, and escape what is not", function()
    assert.are.equal('"grün 日本 €"', show("grün 日本 €"))
    assert.are.equal([["\xFFü\xC3"]], show("\xffü\xc3"))
    assert.are.equal([["\xED\xA0\x80"]], show("\xed\xa0\x80")) -- a surrogate
  end)

  it("never change the order or the colour of what is read", function()
    assert.are.equal([["\u{202E}abc\u{9B}1m\u{2028}"]], show("\u{202E}abc\u{9b}1m\u{2028}"))
  end)

  it("are cut between characters when they are long, and say how long", function()
    local text = show(("ü"):rep(5000))
    assert.is_truthy(text:find('^"[\xc3\xbc]+" %.%.%. %(10,000 bytes%)$'))
    assert.is_truthy(utf8.len(text))
    assert.is_true(#text < 2100)
    assert.are.equal('"' .. ("x"):rep(2000) .. '"', show(("x"):rep(2000)))
  end)

  it("of random bytes read back", function()
    for _ = 1, 200 do
      local bytes = {}
      for i = 1, math.random(0, 40) do bytes[i] = string.char(math.random(0, 255)) end
      local s = table.concat(bytes)
      assert.are.equal(s, load("return " .. show(s))())
    end
  end)
end)

describe("tables", function()
  it("stand on one line when they fit", function()
    assert.are.equal("{}", show {})
    assert.are.equal("{1, 2, 3}", show { 1, 2, 3 })
    assert.are.equal('{1, {2, "x"}, a = 1, b = {c = true}}', show { 1, { 2, "x" }, b = { c = true }, a = 1 })
  end)

  it("sort keys: numbers, strings, others", function()
    local f = function() end
    local text = show({ [10] = 1, [2.5] = 1, [-1] = 1, b = 1, a = 1, ["a b"] = 1, ["end"] = 1, [true] = 1, [false] = 1,
      [f] = 1 }, 200)
    assert.is_truthy(text:find('^{%[%-1%] = 1, %[2.5%] = 1, %[10%] = 1, a = 1, %["a b"%] = 1, b = 1, %["end"%] = 1, ' ..
      '%[false%] = 1, %[true%] = 1, %[function: [^%]]+%] = 1}$'), text)
  end)

  it("show a gap, not a nil", function() assert.are.equal("{1, [3] = 3, n = 3}", show(table.pack(1, nil, 3))) end)

  it("are indented when they do not fit, within the width", function()
    local t = { name = "a long name", list = {}, nested = { x = ("y"):rep(15), z = { 1, 2, 3 } } }
    for i = 1, 40 do t.list[i] = i * 1000 end
    for _, width in ipairs { 30, 40, 60, 80, 120 } do
      local text = show(t, width)
      assert.is_true(fits(text, width), text)
      assert.are.same(t, load("return " .. text)())
    end
    assert.are.equal("{\n  \"aaaaaaaaaaaaa\", \"bbbbbbbbbbb\",\n  c = 1\n}",
      show({ "aaaaaaaaaaaaa", "bbbbbbbbbbb", c = 1 }, 34))
  end)

  it("count wide characters as two columns", function()
    local t = {}
    for i = 1, 20 do t[i] = "日本語" end
    assert.is_true(fits(show(t, 40), 40))
  end)

  it("mark cycles and what is met twice", function()
    local t = { 1 }
    t.self, t.list = t, { t }
    assert.are.equal("<1>{1, list = {<table 1>}, self = <table 1>}", show(t))
    local shared = { "s" }
    assert.are.equal('{<1>{"s"}, <table 1>, {<table 1>}}', show { shared, shared, { shared } })
    local a, b = {}, {}
    a.b, b.a = b, a
    assert.are.equal("{<1>{b = <2>{a = <table 1>}}, <table 2>}", show { a, b })
  end)

  it("stop at the depth", function()
    assert.are.equal("{{{{{...}}}}}", show { { { { { { 1 } } } } } })
    assert.are.equal("{{{{{}}}}}", show { { { { {} } } } })
    assert.are.equal("{{...}, {...}}", show({ { 1 }, { { 2 } } }, 80, { depth = 1 }))
    local deep = {}
    for _ = 1, 100000 do deep = { deep } end
    assert.are.equal("{{{{{...}}}}}", show(deep))
  end)

  it("say how much is left out", function()
    local t = {}
    for i = 1, 12345 do t[i] = i end
    assert.is_truthy(show(t):find("99, 100,\n  ... 12,245 more\n}$"))
    t = {}
    for i = 1, 300 do t["k" .. i] = i end
    local text = show(t)
    assert.is_truthy(text:find("\n  ... 200 more\n}$"), text)
    assert.is_truthy(text:find("{\n  k1 = 1,\n  k10 = 10,\n  k100 = 100,\n  k101 = 101,", 1, true), text)
  end)

  it("do not take longer because they are huge", function()
    local list, map = {}, {}
    for i = 1, 1000000 do list[i] = i end
    list.x = "here"
    for i = 1, 300000 do map["k" .. i] = { i } end
    local start = os.clock()
    local text = show(list)
    assert.is_truthy(text:find('x = "here",\n  ... 999,900 more', 1, true), text)
    assert.is_truthy(show(map):find("... many more", 1, true))
    assert.is_truthy(show({ list, list, map, map, { map, list } }))
    assert.is_true(os.clock() - start < 5)
  end)

  it("within tables cannot grow without bounds, whatever refers to what", function()
    local layers = {}
    for _ = 1, 6 do
      local layer = {}
      for i = 1, 60 do layer[i] = { table.unpack(layers, 1, 60) } end
      layers = layer
    end
    assert.is_true(#show(layers) < 100000)
    assert.is_true(#show(_G) < 200000)
  end)

  it("call no metamethod but __tostring", function()
    local function no() error("a metamethod was called") end
    local t = setmetatable({ 1, x = 2 }, { __index = no, __newindex = no, __pairs = no, __len = no, __eq = no,
      __call = no, __lt = no, __concat = no, __name = "Point" })
    assert.are.equal("Point {1, x = 2}", show(t))
    assert.are.equal("{Point {1, x = 2}}", show { t })
  end)

  it("tell themselves with __tostring, also a broken one", function()
    assert.are.equal("(1, 2)", show(setmetatable({ 1, 2 }, { __tostring = function() return "(1, 2)" end })))
    assert.are.equal("{1, 2}", show(setmetatable({ 1, 2 }, { __tostring = function() return "(1, 2)" end }), 80,
      { raw = true }))
    local broken = setmetatable({}, { __tostring = function() error("no text", 0) end })
    assert.are.equal("<__tostring failed: no text>", show(broken))
    local wrong = setmetatable({}, { __tostring = function() return {} end })
    assert.is_truthy(show(wrong):find("^<__tostring failed: "))
    local sly = setmetatable({}, { __tostring = function() return "\27[31mred" end })
    assert.are.equal("\\x1B[31mred", show(sly))
  end)

  it("with a protected metatable are looked at all the same", function()
    assert.are.equal("T {1}", show(setmetatable({ 1 }, { __metatable = "locked", __name = "T" })))
  end)
end)

describe("other values", function()
  it("tell what they are", function()
    assert.are.equal("nil", show(nil))
    assert.are.equal("true", show(true))
    assert.are.equal("function: print [C]", show(print))
    assert.are.equal("function: string.format [C]", show(string.format))
    assert.is_truthy(show(function() end):find("^function: .*repl_pretty_spec.lua:%d+$"))
    assert.is_truthy(show(coroutine.create(print)):find("^thread: 0x%x+ %(suspended%)$"))
    assert.are.equal("sandbox.null", show(sandbox.null))
    assert.are.equal("{sandbox.null}", show { sandbox.null })
  end)

  it("of the library show their state", function()
    local q = queue { name = "jobs", max = 5 }
    q:put(1)
    assert.is_truthy(show(q):find("^queue: jobs#%d+ %(1 of 5 items%)$"))
    local p = spawn({ quiet = true, name = "bad" }, error, "boom")
    local _, failure = p:join()
    assert.is_truthy(show(p):find("^process: bad#%d+ %(pid %d+, failed%)$"))
    assert.is_truthy(show(failure):find("^failure: boom %(process bad#%d+, pid %d+%)$"))
  end)
end)

describe("several values", function()
  it("stand on one line, or each on its own", function()
    assert.are.equal('nil, "timeout"', pretty.values({ nil, "timeout", n = 2 }, { width = 80 }))
    assert.are.equal('"' .. ("x"):rep(30) .. '"\n{1, 2}', pretty.values({ ("x"):rep(30), { 1, 2 }, n = 2 },
      { width = 35 }))
  end)
end)

describe("one line", function()
  it("is cut at the limit", function()
    assert.are.equal('{1, "a\\nb", {x = 1}}', pretty.line({ 1, "a\nb", { x = 1 } }, 100))
    local t = {}
    for i = 1, 1000 do t[i] = "ü" end
    local text = pretty.line(t, 50)
    assert.is_true(#text <= 54)
    assert.is_truthy(utf8.len(text))
    assert.is_nil(text:find("\n"))
  end)
end)

describe("colour", function()
  it("changes nothing but the colour", function()
    local t = { 1, "x", { a = true, b = print }, n = 2 ^ 0.5, list = {} }
    for i = 1, 50 do t.list[i] = i * 77 end
    for _, width in ipairs { 40, 80 } do
      local plain, colored = show(t, width), show(t, width, { color = true })
      assert.is_truthy(colored:find("\27[32m\"x\"\27[0m", 1, true))
      assert.are.equal(plain, (colored:gsub("\27%[[%d;]*m", "")))
    end
  end)
end)
