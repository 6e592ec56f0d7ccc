-- The plain prompt, with lines from a pipe (-i), as lua has it. The one at a terminal is tested in tests/repl.
local run = require "cli.run"

local BANNER = run { "--version" }.out

-- What `-i` answers to these lines: what stands on stdout between the banner and the end, and stderr.
local function answers(lines, options)
  local t = { stdin = table.concat(lines, "\n") .. "\n" }
  for _, word in ipairs(options or {}) do t[#t + 1] = word end
  t[#t + 1] = "-i"
  local result = run(t)
  assert.equal(0, result.status)
  assert.equal(BANNER, result.out:sub(1, #BANNER))
  return result.out:sub(#BANNER + 1), result.err
end

describe("the prompt", function()
  it("prints the values of expressions", function()
    assert.same({ "> 2\n> nil\tfalse\n> > a\tb\n> \n", "" },
      { answers { "1 + 1", "nil, false", "x = 3", "'a', 'b'" } })
  end)

  it("runs statements, also those that print", function()
    assert.same({ "> > 5\n> \n", "" }, { answers { "x = 5", "print(x)" } })
  end)

  it("prints with the print of the moment", function()
    assert.same({ "> > <7>\n> \n", "" }, { answers { "print = function(v) io.write('<', v, '>\\n') end", "7" } })
    local _, err = answers { "print = nil", "7" }
    assert.truthy(err:match("^error calling 'print' %(attempt to call a nil value%)\n"))
  end)

  it("asks for the rest of a statement", function()
    assert.same({ "> >> >> 1\n2\n> \n", "" }, { answers { "for i = 1, 2 do", "print(i)", "end" } })
    assert.same({ "> >> 3\n> \n", "" }, { answers { "print(1 +", "2)" } })
    assert.same({ "> >> >> > \n", "" }, { answers { "s = [[", "", "]]" } })
  end)

  it("passes over empty lines and comments", function()
    assert.same({ "> > > > \n", "" }, { answers { "", "   ", "-- nothing" } })
  end)

  it("goes on after an error", function()
    local out, err = answers { "error('boom', 0)", "x = = 1", "1" }
    assert.equal("> > > 1\n> \n", out)
    assert.equal("boom\nstack traceback:\n\t[C]: in function 'error'\n\tstdin:1: in main chunk\n\t[C]: in ?\n" ..
      "stdin:1: unexpected symbol near '='\n", err)
  end)

  it("has no traceback of an earlier error", function()
    local _, err = answers { "error('boom', 0)", "x = = 1",
      "error(setmetatable({}, {__tostring = function() return 'obj' end}))" }
    assert.truthy(err:match("\nstdin:1: unexpected symbol near '='\nobj\n$"))
  end)

  it("tells of a statement that never ends", function()
    local out, err = answers { "print((" }
    assert.same({ "> >> > \n", "stdin:1: unexpected symbol near <eof>\n" }, { out, err })
  end)

  it("takes lines that begin with =, as lua does, but not within a chunk", function()
    assert.same({ "> 2\n> 1\t2\n> nil\n> \n", "" }, { answers { "=1+1", "=1,2", "=nil" } })
    local out, err = answers { "x =", "=3" }
    assert.same({ "> >> > \n", "stdin:2: unexpected symbol near '='\n" }, { out, err })
  end)

  it("can be changed", function()
    assert.same({ "> ? ! 1\n? \n", "" }, { answers { "_PROMPT, _PROMPT2 = '? ', '! '", "print(", "1)" } })
    assert.same({ "> 5> \n", "" }, { answers { "_PROMPT = '5> '" } })
    assert.same({ "> > \n", "" },
      { answers { "_PROMPT = setmetatable({}, {__tostring = function() return '> ' end})" } })
  end)

  it("shares standard input with io.read", function()
    assert.same({ "> given\n> \n", "" }, { answers { "io.read()", "given" } })
  end)

  it("takes a line without an end, and long ones", function()
    local result = run { "-i", stdin = "1 + 1" }
    assert.equal(BANNER .. "> 2\n> \n", result.out)
    assert.same({ "> 1000000\n> \n", "" }, { answers { "#'" .. ("x"):rep(1000000) .. "'" } })
    assert.same({ "> 3\n> \n", "" }, { answers { "#'a\0b'" } })
  end)

  it("comes after options and script", function()
    assert.same({ "e\n> 4\n> \n", "" }, { answers({ "x" }, { "-e", "x = 4 print 'e'" }) })
    local result = run { "-e", "error('boom', 0)", "-i", stdin = "1" }
    assert.equal(BANNER, result.out)
    assert.equal(1, result.status)
  end)

  it("knows processes", function()
    assert.same({ "> true\t42\n> \n", "" }, { answers { "spawn(function() return 42 end):join()" } })
  end)

  it("is left with the status of os.exit", function()
    local result = run { "-i", stdin = "os.exit(5)\nprint(1)\n" }
    assert.same({ BANNER .. "> ", "", 5 }, { result.out, result.err, result.status })
  end)
end)
