-- The corpus of strict mode: strict/cases/language.lua.
require "strict.hold" (_ENV, "language")
