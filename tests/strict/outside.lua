-- strict/outside.lua - what of the specs cannot be the same in strict mode, and why; see strict/spec.lua.
return {
  -- the whole of spec/NAME_spec.lua
  specs = {
  },

  -- single tests, by the end of their names
  tests = {
  },
}
