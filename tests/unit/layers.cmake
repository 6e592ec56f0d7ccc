# Checks the includes below src against the layers of DESIGN, section 8: which folder may include which, who may know Lua, who
# may know the system, who may print. Run by ctest:  cmake -DSOURCE=<src> -P layers.cmake
cmake_minimum_required(VERSION 3.20)

# Folders that a folder may include; a layer's own root includes all of its folders.
set(may_base "base")
set(may_wire "wire|base")
set(may_object "object|base")
set(may_look "look|object|base")
set(may_os_shared "os/shared|look|object|base")
set(may_os_sync "os/sync|${may_os_shared}")
set(may_os_queue "os/queue|${may_os_sync}")
set(may_os_process "os/process|${may_os_queue}")
set(may_os_supervisor "os/supervisor|${may_os_process}")
set(may_os "os|${may_os_supervisor}")
set(may_lua_codec "lua/codec|wire|object|base")
set(may_lua_state "lua/state|${may_lua_codec}")
set(may_lua_bind "lua/bind|${may_lua_state}")
set(may_term "term|base")
set(may_prompt "prompt|lua/[a-z]+|term|look|object|base")
set(may_host "host|prompt|term|lua/[a-z]+|os|os/[a-z]+|look|object|wire|base")
set(may_embed "embed|lua/[a-z]+|os|os/[a-z]+|look|object|wire|base")

set(know_lua "lua/codec|lua/state|lua/bind|prompt|host|embed")
set(know_no_system "wire|object|look|lua/codec|lua/state|lua/bind")
set(may_print "lua/codec|lua/state|lua/bind|prompt|host|embed")
set(system "signal|unistd|sched|poll|fcntl|sys/[a-z]+")

# What is not as it should be yet: "file: header". One that is not needed any more is a complaint, too.
set(debts
  "lua/bind/process.c: signal.h"
  "lua/bind/sandbox_lib.c: sched.h"
  "lua/bind/spawn.c: sched.h"
  "lua/codec/decode.c: lua/state/guard.h"
  "lua/codec/encode.c: lua/state/guard.h"
  "lua/state/child.c: lua/bind/program.h"
  "lua/state/feed.c: lua/bind/native.h"
  "lua/state/lib.c: lua/bind/native.h"
  "lua/state/lib.h: signal.h"
  "lua/state/prelude.c: lua/bind/sandbox_lib.h"
  "lua/state/report.c: fcntl.h"
  "lua/state/report.c: unistd.h"
  "lua/state/running.h: signal.h"
  "lua/state/traceback.c: lua/bind/sandbox_lib.h"
)

set(complaints "")
set(owed "")

macro(complain_of file header why)
  list(FIND debts "${file}: ${header}" found)
  if(found GREATER_EQUAL 0)
    list(APPEND owed "${file}: ${header}")
  else()
    list(APPEND complaints "${file}: includes ${header}, but ${why}")
  endif()
endmacro()

file(GLOB_RECURSE files RELATIVE "${SOURCE}" "${SOURCE}/*.[chdS]" "${SOURCE}/*.def")
list(LENGTH files count)
if(count EQUAL 0)
  message(FATAL_ERROR "no sources below '${SOURCE}'")
endif()

foreach(file IN LISTS files)
  string(REGEX REPLACE "/[^/]*$" "" folder "${file}")
  string(REPLACE "/" "_" key "${folder}")
  if(NOT DEFINED may_${key})
    list(APPEND complaints "${file}: the design has no folder '${folder}'")
    continue()
  endif()

  file(STRINGS "${SOURCE}/${file}" includes REGEX "^[ \t]*#[ \t]*include[ \t]")
  foreach(line IN LISTS includes)
    if(line MATCHES "\"([^\"]+)\"")
      set(header "${CMAKE_MATCH_1}")
      set(quoted TRUE)
    elseif(line MATCHES "<([^>]+)>")
      set(header "${CMAKE_MATCH_1}")
      set(quoted FALSE)
    else()
      continue()
    endif()
    if(header MATCHES "^(lua|lauxlib|lualib|luaconf)\\.h$|^sandbox/")
      if(NOT folder MATCHES "^(${know_lua})$")
        complain_of("${file}" "${header}" "${folder} knows no Lua")
      endif()
    elseif(quoted)
      string(REGEX REPLACE "/[^/]*$" "" of "${header}")
      if(NOT of MATCHES "^(${may_${key}})$")
        complain_of("${file}" "${header}" "${folder} may include only ${may_${key}}")
      endif()
    elseif(folder MATCHES "^(${know_no_system})$" AND header MATCHES "^(${system})\\.h$")
      complain_of("${file}" "${header}" "${folder} knows no system")
    endif()
  endforeach()

  if(NOT folder MATCHES "^(${may_print})$")
    file(STRINGS "${SOURCE}/${file}" prints REGEX "(^|[^a-z_])(v?f?printf|puts|fputs|putchar|perror|v?dprintf)[ ]?\\(")
    foreach(line IN LISTS prints)
      list(APPEND complaints "${file}: prints, but ${folder} returns codes: ${line}")
    endforeach()
  endif()
endforeach()

foreach(debt IN LISTS debts)
  if(NOT debt IN_LIST owed)
    list(APPEND complaints "${debt}: is in the list of debts, and need not be")
  endif()
endforeach()

list(JOIN complaints "\n  " text)
if(complaints)
  message(FATAL_ERROR "layers:\n  ${text}")
endif()
list(LENGTH owed debts_left)
message(STATUS "layers: ${count} files, all within bounds but for ${debts_left} includes that are listed")
