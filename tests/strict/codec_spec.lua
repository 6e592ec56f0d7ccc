-- The corpus of strict mode: strict/cases/codec.lua.
require "strict.hold" (_ENV, "codec")
