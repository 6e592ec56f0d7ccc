# Find Lua 5.4, headers and library.
#
# Reads
#   SANDBOX_LUA_DIR   a Lua 5.4 source tree to build instead of using the system's (upstream's release with src/, or its
#                     flat git tree); empty: vendor/lua/ if it is there, else the system's
# Makes
#   Lua54::headers    the headers, nothing to link: for targets that must not bring a Lua of their own
#   Lua54::whole      headers and the whole library, so that a program exports every lua_* symbol and ordinary C modules for
#                     Lua load into it (the program also needs ENABLE_EXPORTS)
#   Lua54_VERSION, Lua54_FOUND, Lua54_SOURCE (a description of what was found)
#   Lua54_CMOD        where the system's Lua looks for C modules, relative to its prefix; Lua54_PREFIX that prefix
#   Lua54_PKG         the pkg-config name under which it was found; empty if it was not
#
# The static library is preferred: the program then starts faster and needs no liblua at run time.

set(SANDBOX_LUA_DIR "" CACHE PATH "A Lua 5.4 source tree to build instead of the system's Lua")

set(_lua54_tree "${SANDBOX_LUA_DIR}")
if(NOT _lua54_tree AND EXISTS "${PROJECT_SOURCE_DIR}/vendor/lua")
  set(_lua54_tree "${PROJECT_SOURCE_DIR}/vendor/lua")
endif()

set(Lua54_PKG "")
set(Lua54_PREFIX "/usr")
set(Lua54_CMOD "lib/lua/5.4")

# Sets `ret` to the version in a folder's lua.h ("5.4.6"); empty if there is none or it is not 5.4.
function(_lua54_version folder ret)
  set(version "")
  if(EXISTS "${folder}/lua.h")
    file(STRINGS "${folder}/lua.h" lines REGEX "^#define[ \t]+LUA_VERSION_(NUM|RELEASE)[ \t]")
    if(lines MATCHES "LUA_VERSION_NUM[ \t]+504")
      set(version "5.4")
      if(lines MATCHES "LUA_VERSION_RELEASE[ \t]+\"([0-9]+)\"")
        string(APPEND version ".${CMAKE_MATCH_1}")
      endif()
    endif()
  endif()
  set(${ret} "${version}" PARENT_SCOPE)
endfunction()

# A source tree: compile it into the program, with the flags (and sanitizers) of the build.
function(_lua54_from_tree tree)
  get_filename_component(tree "${tree}" ABSOLUTE BASE_DIR "${CMAKE_SOURCE_DIR}")
  set(src "${tree}")
  if(EXISTS "${tree}/src/lua.h")
    set(src "${tree}/src")
  endif()
  _lua54_version("${src}" version)
  if(NOT version OR NOT EXISTS "${src}/lvm.c")
    message(FATAL_ERROR "${tree} is not a Lua 5.4 source tree: neither it nor its src/ holds lvm.c and a lua.h of "
                        "version 5.4.\nUnset SANDBOX_LUA_DIR (and remove vendor/lua/) to use the system's Lua.")
  endif()
  file(GLOB sources "${src}/*.c")
  list(FILTER sources EXCLUDE REGEX "/(lua|luac|onelua|ltests)\\.c$")

  add_library(sandbox_lua54 OBJECT ${sources})
  target_include_directories(sandbox_lua54 PUBLIC "${src}")
  # As in upstream's `make linux`. Its symbols are not hidden, since they are the interface of C modules.
  target_compile_definitions(sandbox_lua54 PRIVATE _GNU_SOURCE LUA_USE_LINUX LUA_COMPAT_5_3)
  set_target_properties(sandbox_lua54 PROPERTIES C_VISIBILITY_PRESET default C_EXTENSIONS ON)

  add_library(Lua54::headers INTERFACE IMPORTED GLOBAL)
  target_include_directories(Lua54::headers INTERFACE "${src}")
  add_library(Lua54::whole INTERFACE IMPORTED GLOBAL)
  target_sources(Lua54::whole INTERFACE $<TARGET_OBJECTS:sandbox_lua54>)
  target_link_libraries(Lua54::whole INTERFACE Lua54::headers m ${CMAKE_DL_LIBS})

  set(Lua54_VERSION "${version}" PARENT_SCOPE)
  set(Lua54_SOURCE "the source tree ${src}" PARENT_SCOPE)
  set(Lua54_FOUND TRUE PARENT_SCOPE)
endfunction()

# The system's library, whose name depends on the distribution.
function(_lua54_from_system)
  set(hints_include "")
  set(hints_lib "")
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND)
    foreach(name lua5.4 lua-5.4 lua54 lua)
      pkg_check_modules(PC_LUA54 QUIET "${name}>=5.4" "${name}<5.5")
      if(PC_LUA54_FOUND)
        set(Lua54_PKG "${name}" PARENT_SCOPE)
        pkg_get_variable(hints_lib "${name}" libdir)
        pkg_get_variable(hints_include "${name}" includedir)
        pkg_get_variable(prefix "${name}" prefix)
        pkg_get_variable(cmod "${name}" INSTALL_CMOD)
        if(prefix AND cmod)
          file(RELATIVE_PATH cmod "${prefix}" "${cmod}")
          set(Lua54_PREFIX "${prefix}" PARENT_SCOPE)
          set(Lua54_CMOD "${cmod}" PARENT_SCOPE)
        endif()
        break()
      endif()
    endforeach()
  endif()

  find_path(LUA54_INCLUDE_DIR lua.h HINTS ${PC_LUA54_INCLUDE_DIRS} ${hints_include}
            PATH_SUFFIXES lua5.4 lua-5.4 lua54 include/lua5.4)
  _lua54_version("${LUA54_INCLUDE_DIR}" version)
  find_library(LUA54_LIBRARY HINTS ${PC_LUA54_LIBRARY_DIRS} ${hints_lib}
               NAMES liblua5.4.a liblua-5.4.a liblua54.a lua5.4 lua-5.4 lua54 lua)
  mark_as_advanced(LUA54_INCLUDE_DIR LUA54_LIBRARY)
  if(NOT version OR NOT LUA54_LIBRARY)
    set(Lua54_FOUND FALSE PARENT_SCOPE)
    # Do not cache a wrong version: the next run must search again.
    unset(LUA54_INCLUDE_DIR CACHE)
    unset(LUA54_LIBRARY CACHE)
    return()
  endif()

  add_library(Lua54::headers INTERFACE IMPORTED GLOBAL)
  target_include_directories(Lua54::headers SYSTEM INTERFACE "${LUA54_INCLUDE_DIR}")
  add_library(Lua54::whole INTERFACE IMPORTED GLOBAL)
  if(LUA54_LIBRARY MATCHES "\\.a$")
    target_link_libraries(Lua54::whole INTERFACE
      "-Wl,--whole-archive,${LUA54_LIBRARY},--no-whole-archive" m ${CMAKE_DL_LIBS})
  else()
    target_link_libraries(Lua54::whole INTERFACE "${LUA54_LIBRARY}" m ${CMAKE_DL_LIBS})
  endif()
  target_link_libraries(Lua54::whole INTERFACE Lua54::headers)

  set(Lua54_VERSION "${version}" PARENT_SCOPE)
  set(Lua54_SOURCE "${LUA54_LIBRARY}" PARENT_SCOPE)
  set(Lua54_FOUND TRUE PARENT_SCOPE)
endfunction()

if(_lua54_tree)
  _lua54_from_tree("${_lua54_tree}")
else()
  _lua54_from_system()
endif()

if(Lua54_FOUND)
  message(STATUS "Lua ${Lua54_VERSION}: ${Lua54_SOURCE}")
elseif(Lua54_FIND_REQUIRED)
  message(FATAL_ERROR
    "Lua 5.4 was not found: its headers or its library are missing.\n"
    "  Debian, Ubuntu:  apt-get install liblua5.4-dev   (or run vendor/bootstrap.sh, which installs all that is needed)\n"
    "  Fedora:          dnf install lua-devel\n"
    "  elsewhere:       -DSANDBOX_LUA_DIR=<a Lua 5.4 source tree>, or put one into vendor/lua/")
endif()
