-- The corpus of strict mode: strict/cases/memory.lua.
require "strict.hold" (_ENV, "memory")
