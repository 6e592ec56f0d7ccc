-- The corpus of strict mode: strict/cases/cheating.lua.
require "strict.hold" (_ENV, "cheating")
