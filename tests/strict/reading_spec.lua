-- The corpus of strict mode: strict/cases/reading.lua.
require "strict.hold" (_ENV, "reading")
