-- two consumers, one item: it is gone between the question and the get
local q = queue()
q:put("the only one")
local function take() if #q > 0 then q:get() end end
local first, second = spawn(take), spawn(take)
first:join() second:join()
