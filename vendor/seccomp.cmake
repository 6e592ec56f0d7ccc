# The filter of system calls for strict mode: SANDBOX_SECCOMP_TABLE, a C file. vendor/seccomp_table.c writes it with libseccomp,
# which the program does not need when it runs. Without libseccomp the filter is empty, and --strict says so.
find_path(SECCOMP_INCLUDE seccomp.h)
find_library(SECCOMP_LIBRARY seccomp)
mark_as_advanced(SECCOMP_INCLUDE SECCOMP_LIBRARY)
set(SANDBOX_SECCOMP_TABLE "${PROJECT_BINARY_DIR}/seccomp_table_data.c")
if(SECCOMP_INCLUDE AND SECCOMP_LIBRARY AND NOT CMAKE_CROSSCOMPILING)
  add_executable(seccomp_table vendor/seccomp_table.c)
  target_compile_definitions(seccomp_table PRIVATE _GNU_SOURCE)
  target_include_directories(seccomp_table PRIVATE "${SECCOMP_INCLUDE}")
  target_link_libraries(seccomp_table PRIVATE "${SECCOMP_LIBRARY}")
  add_custom_command(OUTPUT "${SANDBOX_SECCOMP_TABLE}" COMMAND seccomp_table > "${SANDBOX_SECCOMP_TABLE}"
                     DEPENDS seccomp_table VERBATIM)
else()
  message(STATUS "libseccomp was not found: --strict will say that it was not built (Debian: libseccomp-dev)")
  file(WRITE "${SANDBOX_SECCOMP_TABLE}"
    "#include \"os/jail/seccomp_table.h\"\nconst struct seccomp_table seccomp_script, seccomp_programs;\n")
endif()
