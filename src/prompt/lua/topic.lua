-- prompt/lua/topic.lua - a page of help without a prompt: `sandbox --help TOPIC`.
--
-- topic(name, host), where host has meta, color and width as for a session (see session.lua). Raises the errors of
-- help.
local _, use = ...
local _ENV <const> = use "std"

local help = use "help"

return function(name, host)
  local columns = host.width
  local session, functions = { host = { meta = host.meta, color = host.color }, functions = {} }, {}
  function session.host.width() return columns end
  help.install(session, functions)
  functions.help(name)
  flush()
end
