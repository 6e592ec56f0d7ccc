# The files that `cmake --install` installs, and how other builds find them.
#
#   bin/sandbox                        the program
#   lib/libsandbox.a                   the library for C programs that embed it
#   include/sandbox/sandbox.h          its header
#   share/pkgconfig/sandbox.pc         pkg-config --cflags --libs sandbox
#   lib/cmake/sandbox/                 find_package(sandbox) -> sandbox::sandbox, with Lua's headers
#   <Lua's C modules>/sandbox.so       require "sandbox" in the stock lua5.4
#   share/sandbox/scripts/             the example scripts
#   share/sandbox/luals/library/       the description of the library for the Lua language server
#   share/sandbox/luacheck/            the description of the library for luacheck
#   share/doc/sandbox/                 README.md, the pages of src/doc, their pictures, the licence
#   share/man/man1/                    the manual page (package.cmake)
#   share/bash-completion/completions/, share/zsh/site-functions/, share/fish/vendor_completions.d/
#
# Neither the library nor the module contains a Lua: they use the host's. All paths are relative, so the tree can be moved.
include(CMakePackageConfigHelpers)

# Lua's C modules, relative to the prefix. Debian's Lua looks in /usr/lib/<machine>/lua/5.4, but under /usr/local only in lib/lua/5.4.
set(_cmod "${Lua54_CMOD}")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr/local" AND NOT Lua54_PREFIX STREQUAL "/usr/local")
  set(_cmod "lib/lua/5.4")
endif()
set(SANDBOX_INSTALL_CMOD "${_cmod}" CACHE STRING "Where sandbox.so goes, relative to the prefix")
set(_cmakedir "${CMAKE_INSTALL_LIBDIR}/cmake/sandbox")
set(_pcdir "${CMAKE_INSTALL_DATADIR}/pkgconfig")

install(TARGETS sandbox RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS libsandbox EXPORT sandbox-targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS sandbox_module LIBRARY DESTINATION "${SANDBOX_INSTALL_CMOD}")
install(FILES "${PROJECT_SOURCE_DIR}/include/sandbox/sandbox.h"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sandbox")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/scripts/" DESTINATION "${CMAKE_INSTALL_DATADIR}/sandbox/scripts"
        USE_SOURCE_PERMISSIONS)
install(FILES "${PROJECT_SOURCE_DIR}/src/lua/meta/sandbox.lua"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/sandbox/luals/library")
install(FILES "${PROJECT_SOURCE_DIR}/src/lua/meta/sandbox.luacheckrc"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/sandbox/luacheck")

# The documents, with links that are right where they are installed.
set(_docs "${PROJECT_BINARY_DIR}/share/doc/sandbox")
file(GLOB _pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/doc/*.md" "${PROJECT_SOURCE_DIR}/src/doc/pictures/*")
file(RELATIVE_PATH _scripts "/${CMAKE_INSTALL_DOCDIR}" "/${CMAKE_INSTALL_DATADIR}/sandbox/scripts")
add_custom_command(
  OUTPUT "${_docs}/README.md"
  COMMAND "${CMAKE_COMMAND}" -D "SOURCE=${PROJECT_SOURCE_DIR}" -D "TARGET=${_docs}" -D "SCRIPTS=${_scripts}"
          -P "${CMAKE_CURRENT_LIST_DIR}/install_pages.cmake"
  DEPENDS "${PROJECT_SOURCE_DIR}/README.md" ${_pages} "${CMAKE_CURRENT_LIST_DIR}/install_pages.cmake"
  COMMENT "Documents" VERBATIM)
add_custom_target(sandbox_documents ALL DEPENDS "${_docs}/README.md")
install(DIRECTORY "${_docs}/" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# Completions, where the shells look for them. The program writes them, so it must run here.
if(NOT CMAKE_CROSSCOMPILING)
  set(_shells bash share/bash-completion/completions/sandbox zsh share/zsh/site-functions/_sandbox
      fish share/fish/vendor_completions.d/sandbox.fish)
  while(_shells)
    list(POP_FRONT _shells _shell _file)
    get_filename_component(_folder "${_file}" DIRECTORY)
    add_custom_command(
      OUTPUT "${PROJECT_BINARY_DIR}/${_file}"
      COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/${_folder}"
      COMMAND "$<TARGET_FILE:sandbox>" --completions ${_shell} > "${PROJECT_BINARY_DIR}/${_file}"
      DEPENDS sandbox)
    list(APPEND _completions "${PROJECT_BINARY_DIR}/${_file}")
    string(REGEX REPLACE "^share/" "${CMAKE_INSTALL_DATADIR}/" _folder "${_folder}")
    install(FILES "${PROJECT_BINARY_DIR}/${_file}" DESTINATION "${_folder}")
  endwhile()
  add_custom_target(sandbox_completions ALL DEPENDS ${_completions})
endif()

add_custom_target(uninstall
  COMMAND "${CMAKE_COMMAND}" -D "MANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt"
          -P "${CMAKE_CURRENT_LIST_DIR}/uninstall.cmake" VERBATIM)

file(RELATIVE_PATH PC_PREFIX "/${_pcdir}" "/")
configure_file("${CMAKE_CURRENT_LIST_DIR}/sandbox.pc.in" "${PROJECT_BINARY_DIR}/sandbox.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/sandbox.pc" DESTINATION "${_pcdir}")

install(EXPORT sandbox-targets NAMESPACE sandbox:: DESTINATION "${_cmakedir}")
file(WRITE "${PROJECT_BINARY_DIR}/sandbox-config.cmake" [[
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/sandbox-targets.cmake")
# The header includes lua.h of Lua 5.4; which Lua is linked, the host chooses.
find_path(SANDBOX_LUA_INCLUDE_DIR lua.h PATH_SUFFIXES lua5.4 lua-5.4 lua54 lua)
set(_version)
if(SANDBOX_LUA_INCLUDE_DIR)
  file(STRINGS "${SANDBOX_LUA_INCLUDE_DIR}/lua.h" _version REGEX "^#define[ \t]+LUA_VERSION_NUM[ \t]+504")
endif()
if(NOT _version)
  set(sandbox_FOUND FALSE)
  set(sandbox_NOT_FOUND_MESSAGE
      "the headers of Lua 5.4 are missing: install them (Debian: liblua5.4-dev), or set SANDBOX_LUA_INCLUDE_DIR to their folder")
  return()
endif()
target_include_directories(sandbox::sandbox INTERFACE "${SANDBOX_LUA_INCLUDE_DIR}")
]])
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sandbox-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sandbox-config.cmake" "${PROJECT_BINARY_DIR}/sandbox-config-version.cmake"
        DESTINATION "${_cmakedir}")
