# Find hiredis 0.14 or later, the client library of Redis. Optional: without it, sandbox has no --engine.
#
# Makes
#   Hiredis::client   what to link; the static library is preferred, so that the program needs none at run time
#   Hiredis_FOUND

find_path(HIREDIS_INCLUDE_DIR hiredis/hiredis.h)
find_library(HIREDIS_LIBRARY NAMES libhiredis.a hiredis)
mark_as_advanced(HIREDIS_INCLUDE_DIR HIREDIS_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Hiredis REQUIRED_VARS HIREDIS_LIBRARY HIREDIS_INCLUDE_DIR)

if(Hiredis_FOUND AND NOT TARGET Hiredis::client)
  add_library(Hiredis::client UNKNOWN IMPORTED)
  set_target_properties(Hiredis::client PROPERTIES IMPORTED_LOCATION "${HIREDIS_LIBRARY}"
                                                   INTERFACE_INCLUDE_DIRECTORIES "${HIREDIS_INCLUDE_DIR}")
endif()
