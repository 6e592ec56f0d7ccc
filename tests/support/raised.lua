-- raised(text, f, ...) - f(...) must raise an error that holds `text`, as it is. Returns the error.
return function(text, f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok, "no error")
  assert(tostring(e):find(text, 1, true), tostring(e))
  return e
end
