-- The corpus of strict mode: strict/cases/processes.lua.
require "strict.hold" (_ENV, "processes")
