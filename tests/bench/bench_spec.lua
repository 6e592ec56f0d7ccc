-- The benchmark, a hundredth of it once: all of the table comes out, and the JSON is JSON. What it measures here means nothing.
local shell = require "support.shell"
local json = require "cjson"

describe("the benchmark", function()
  it("brings out the whole table", function()
    if os.getenv "SANDBOX_SANITIZED" ~= "" then return pending("too slow with sanitizers") end
    local result <close> = shell.file("")
    local build = assert(os.getenv "SANDBOX_BUILD")
    local output, status = shell.run(("%s %s --quick --json %s %s/bench/floor 2>&1"):format(shell.quote(shell.program),
      shell.quote(shell.source .. "/tests/bench/bench.lua"), result.name, shell.quote(build)))
    assert.are.equal(0, status, output)
    assert.is_nil(output:find("bench: failed", 1, true), output)
    local file = assert(io.open(result.name))
    local report = json.decode(file:read("a"))
    file:close()

    local rows = dofile(shell.source .. "/tests/bench/rows.lua")
    assert.are.equal(#rows, #report.rows)
    local goals = {}
    for _, goal in ipairs(report.goals) do goals[goal.key .. goal.what] = goal end
    for i, row in ipairs(rows) do
      assert.are.equal(row.key, report.rows[i].key)
      assert.is_truthy(output:find(row.title, 1, true), row.title)
      for _, contender in ipairs(row.who) do
        local figure = report.rows[i].who[contender[1]]
        local needed = contender[1] == "ours" or contender[1] == "c" or contender[1] == "lua" -- Python and Node may be missing
        if needed or figure then assert.is_true(figure.median > 0, row.key .. ", " .. contender[1]) end
      end
      for _, goal in ipairs(row.goals) do
        local peer = goal[2] .. " " .. (goal[3] or "")
        local got = goals[row.key .. goal[1]]
        if got or not peer:find("python") then
          assert.are.equal(("%s %s"):format(goal[4], goal[5]), got.target)
          assert.are.equal("boolean", type(got.met))
        end
      end
    end
  end)
end)
