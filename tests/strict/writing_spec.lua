-- The corpus of strict mode: strict/cases/writing.lua.
require "strict.hold" (_ENV, "writing")
