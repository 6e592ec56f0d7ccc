# Packages: `cpack --config build/release/CPackConfig.cmake` makes a .deb and a .tar.gz; a rock is made by
# `luarocks --lua-version 5.4 make vendor/sandbox-scm-1.rockspec`.
#
# The same commit gives the same bytes, in whatever folder it is built: paths of the source tree are no part of what is
# built (CMakeLists.txt), and the times in a package are that of the commit, or SOURCE_DATE_EPOCH if it is set.
find_program(SANDBOX_GZIP gzip)

set(CPACK_GENERATOR "TGZ")
find_program(SANDBOX_DPKG dpkg)
if(SANDBOX_DPKG)
  list(APPEND CPACK_GENERATOR "DEB")
endif()
set(CPACK_PACKAGE_NAME "sandbox")
set(CPACK_PACKAGE_VENDOR "The sandbox authors")
set(CPACK_PACKAGE_CONTACT "The sandbox authors <sandbox@localhost.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "scriptable laboratory for concurrency")
set(CPACK_PACKAGE_DESCRIPTION
    "Runs Lua scripts whose spawn, join, queue_put, queue_get and sleep are
real processes and pipes, shows what each process did, provokes orders
that are rare, and tries every order in a simulator.")
set(CPACK_PACKAGING_INSTALL_PREFIX "/usr")
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 1)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION "interpreters")
set(CPACK_DEBIAN_PACKAGE_PRIORITY "optional")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "lua5.4, liblua5.4-dev")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_CURRENT_LIST_DIR}/package_time.cmake")
set(CPACK_SANDBOX_SOURCE "${PROJECT_SOURCE_DIR}")
include(CPack)

# Debian wants a copyright file, and a changelog in a form of its own, which points to CHANGELOG.md.
install(FILES "${PROJECT_SOURCE_DIR}/CHANGELOG.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(SANDBOX_DPKG AND SANDBOX_GZIP)
  install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" -D \"SOURCE=${PROJECT_SOURCE_DIR}\" -D VERSION=${PROJECT_VERSION}
    -D \"BY=${CPACK_PACKAGE_CONTACT}\" -D \"GZIP=${SANDBOX_GZIP}\" -D \"OUTPUT=${PROJECT_BINARY_DIR}/share/changelog\"
    -P \"${CMAKE_CURRENT_LIST_DIR}/debian_changelog.cmake\" COMMAND_ERROR_IS_FATAL ANY)")
  install(FILES "${PROJECT_BINARY_DIR}/share/changelog.gz" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
endif()
configure_file("${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_BINARY_DIR}/share/copyright" COPYONLY)
install(FILES "${PROJECT_BINARY_DIR}/share/copyright" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(SANDBOX_GZIP)
  add_custom_command(
    OUTPUT "${PROJECT_BINARY_DIR}/share/sandbox.1.gz"
    COMMAND "${SANDBOX_GZIP}" -9nc "${PROJECT_SOURCE_DIR}/src/doc/sandbox.1" > "${PROJECT_BINARY_DIR}/share/sandbox.1.gz"
    DEPENDS "${PROJECT_SOURCE_DIR}/src/doc/sandbox.1")
  add_custom_target(sandbox_compressed ALL DEPENDS "${PROJECT_BINARY_DIR}/share/sandbox.1.gz")
  install(FILES "${PROJECT_BINARY_DIR}/share/sandbox.1.gz" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
else()
  install(FILES "${PROJECT_SOURCE_DIR}/src/doc/sandbox.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
endif()
