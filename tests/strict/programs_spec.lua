-- The corpus of strict mode: strict/cases/programs.lua.
require "strict.hold" (_ENV, "programs")
