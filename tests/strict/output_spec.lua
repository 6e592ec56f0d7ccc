-- The corpus of strict mode: strict/cases/output.lua.
require "strict.hold" (_ENV, "output")
