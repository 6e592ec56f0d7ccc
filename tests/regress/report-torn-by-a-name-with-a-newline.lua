-- A name could hold newlines and escape codes: reports and tags ran over several lines. Now it is refused.
for _, name in ipairs { "evil\n[fake]", "\27[31mred", "a\0b", "" } do
  assert(not pcall(spawn, { name = name }, print))
  assert(not pcall(queue, { name = name }))
end
assert(spawn({ name = "größe 1" }, function() return sandbox.self().name end):result() == "größe 1")
