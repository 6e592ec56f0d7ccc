-- An interrupt found the coroutine that was started first, not the one that ran; and pcall ended it.
local ready = queue()
local loops = {
  function() coroutine.wrap(function() ready:put(1) while true do end end)() end,
  function() ready:put(1) while true do pcall(function() while true do end end) end end,
  function()
    ready:put(1)
    while true do coroutine.resume(coroutine.create(function() while true do pcall(sleep, 1000) end end)) end
  end,
}
for _, loop in ipairs(loops) do
  local p = spawn({ quiet = true }, loop)
  ready:get()
  p:interrupt()
  local ok, failure = p:join(20)
  assert(ok == nil and failure.exitcode == 130, tostring(failure))
end
