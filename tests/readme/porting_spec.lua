-- The tables of src/doc/from-*.md: all code in our column runs, and nothing of Python's is forgotten.
local shell = require "support.shell"
local script = require "support.script"

local PAGES = { "python", "erlang", "go", "mpi" }

-- The rows of a page's table: { line=, theirs = text, here = text, more = text }.
local function rows(page)
  local list, number = {}, 0
  for line in shell.read("src/doc/from-" .. page .. ".md"):gmatch("(.-)\n") do
    number = number + 1
    local theirs, here, more = line:match("^| (.-) | (.-) |(.*)|$")
    if theirs and here ~= "" and here ~= "here" and not here:find("^%-+$") then
      list[#list + 1] = { line = number, theirs = theirs, here = here, more = more }
    end
  end
  return list
end

-- The pieces of code in a cell.
local function code_in(cell)
  local pieces = {}
  for code in cell:gmatch("`(.-)`") do pieces[#pieces + 1] = code end
  return pieces
end

-- What the text above the table says that the names stand for, each made when it is first used.
local NAMES = [[
function f(a, b) return (a or 0) + (b or 0) end
list, x = { 1, 2, 3 }, "item"
local make = {
  p = function() return spawn({ name = "p", quiet = true }, f, 1, 2) end,
  q = function() local q = queue() q:put("first") return q end,
  a = function() a, b = sandbox.pipe() return a end,
  b = function() a, b = sandbox.pipe() return b end,
  l = function() return sandbox.lock() end,
  s = function() return sandbox.semaphore(3) end,
  e = function() return sandbox.event() end,
  c = function() return sandbox.condition() end,
  w = function() return sandbox.barrier(1) end,
  v = function() return sandbox.value(0) end,
  d = function() return sandbox.dict() end,
  pool = function() return sandbox.pool(2) end,
  t = function() return pool:submit(f, 1, 2) end,
  r = function() local r = queue() r:put("first") return r end,
  team = function() return sandbox.team(2, function() end) end,
}
setmetatable(_G, { __index = function(_, name)
  if make[name] then _G[name] = make[name]() end
  return rawget(_G, name)
end })
local function show(...)
  local t = table.pack(...)
  for i = 1, t.n do t[i] = tostring(t[i]) end
  io.write("= ", table.concat(t, "\t"), "\n")
end
]]

-- What pieces of code must give, where the table promises it, or it can be said.
local GIVES = {
  ["p:join()"] = "true\t3", ["p:join(5)"] = "true\t3", ["p:result()"] = "3", ["p.name"] = "p", ["p.daemon"] = "false",
  ["sandbox.select { p }"] = "1\ttrue\t3", ["sandbox.parent()"] = "nil", ["p:stop(5)"] = "true",
  ["p:pause()"] = "true", ["p:resume()"] = "true",
  ["q:put(x)"] = "true", ["q:put(x, 1)"] = "true", ["q:try_put(x)"] = "true", ["q:get(0)"] = "first",
  ["q:try_get()"] = "first", ["#q"] = "1", ["q:empty()"] = "false", ["q:full()"] = "false", ["q:peek()"] = "first",
  ["q:task_done()"] = "true", ["q:join()"] = "true", ["q:close()"] = "true", ["b:recv()"] = "item",
  ["a:recv()"] = "nil\tclosed", ["a:poll(1)"] = "false",
  ["l:acquire()"] = "true", ["l:acquire(0)"] = "true", ["l:release()"] = "true",
  ["s:acquire()"] = "true", ["s:value()"] = "3", ["e:set()"] = "true", ["e:is_set()"] = "true", ["e:wait(1)"] = "true",
  ["c:wait(0.1)"] = "nil\ttimeout", ["c:wait_for(function() return true end, 1)"] = "true",
  ["w:wait(1)"] = "1", ["w:wait()"] = "nil\tbroken", ["v:get()"] = "0", ["v:add(1)"] = "1",
  ["v:cas(0, 1)"] = "true", ["v:update(function(old) return old + 1 end)"] = "2",
  ['d:update("k", function(n) return (n or 0) + 1 end)'] = "1", ["d.lock:acquire(1)"] = "true",
  ["pool:submit(f, 1, 2):result()"] = "3", ["t:result(1)"] = "3", ["pool:join()"] = "true",
}

-- A script out of a cell's pieces: expressions show what they give.
local function script_of(pieces)
  local lines = { NAMES }
  for _, code in ipairs(pieces) do
    lines[#lines + 1] = load("return " .. code) and ("show(%s)"):format(code) or code
  end
  return table.concat(lines, "\n") .. "\n"
end

local used = {}

for _, page in ipairs(PAGES) do
  describe("the table of those who come from " .. page, function()
    for _, row in ipairs(rows(page)) do
      local pieces = code_in(row.here)
      for _, code in ipairs(pieces) do used[code] = true end
      if #pieces > 0 then
        it(("line %d: %s"):format(row.line, row.here), function()
          local result = script.run(script_of(pieces), { args = "--speed 10 --timeout 15" })
          assert.are.same({ err = "", status = 0 }, { err = result.err, status = result.status })
          local shown = {}
          for line in result.out:gmatch("= ([^\n]*)") do shown[#shown + 1] = line end
          for _, code in ipairs(pieces) do
            local gives = load("return " .. code) and table.remove(shown, 1)
            if page == "python" and GIVES[code] then assert.are.equal(GIVES[code], gives, code) end
          end
        end)
      else
        it(("line %d: says what to do instead of %s"):format(row.line, row.theirs), function()
          assert.are.equal("–", row.here)
          assert.is_truthy(row.more:find("%S") or page == "python", "and says nothing")
        end)
      end
    end
  end)
end

describe("the tables", function()
  it("give what the test knows of", function()
    for code in pairs(GIVES) do assert.is_true(used[code], code .. " is not in the table") end
  end)
end)

-- What Python 3.11 has in multiprocessing and concurrent.futures, but for internals and threads.
local PYTHON = [[
Array AuthenticationError Barrier BoundedSemaphore BufferTooShort Condition Event JoinableQueue Lock Manager Pipe Pool
Process ProcessError Queue RLock RawArray RawValue Semaphore SimpleQueue TimeoutError Value active_children
allow_connection_pickling cpu_count current_process freeze_support get_all_start_methods get_context get_logger
get_start_method log_to_stderr parent_process set_executable set_forkserver_preload set_start_method
ALL_COMPLETED BrokenExecutor CancelledError FIRST_COMPLETED FIRST_EXCEPTION ProcessPoolExecutor as_completed wait
apply apply_async close imap imap_unordered join map map_async starmap starmap_async terminate initializer
maxtasksperchild chunksize max_workers
get ready successful add_done_callback cancel cancelled done exception result running submit shutdown
authkey daemon exitcode ident is_alive kill name pid run sentinel start
cancel_join_thread empty full get_nowait join_thread put put_nowait qsize task_done Empty Full
get_value clear is_set set notify notify_all wait_for abort broken n_waiting parties reset BrokenBarrierError
closed fileno poll readable recv recv_bytes recv_bytes_into send send_bytes writable Listener Client
SharedMemory ShareableList SharedMemoryManager buf unlink Namespace dict list BaseManager BaseProxy SyncManager register
connect get_server address get_lock synchronized copy
Future set_result set_exception set_running_or_notify_cancel ThreadPoolExecutor ThreadPool next max_tasks_per_child
mp_context reducer reduction resource_tracker]]

describe("the Python column", function()
  local mentioned = {}
  for _, row in ipairs(rows "python") do
    for _, code in ipairs(code_in(row.theirs)) do
      for word in code:gmatch("[%a_]+") do mentioned[word] = true end
    end
  end

  for word in PYTHON:gmatch("%S+") do
    it("has " .. word, function() assert.is_true(mentioned[word]) end)
  end
end)
