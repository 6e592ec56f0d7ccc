-- The corpus of strict mode: strict/cases/cpu.lua.
require "strict.hold" (_ENV, "cpu")
