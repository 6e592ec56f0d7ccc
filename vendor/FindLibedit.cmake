# Finds the headers of libedit (Debian: libedit-dev), the line editor of the prompt. Defines the target Libedit::Libedit.
# Nothing is linked: src/term/libedit.c loads the library when it is needed.
find_path(Libedit_INCLUDE_DIR histedit.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libedit REQUIRED_VARS Libedit_INCLUDE_DIR
                                  REASON_FAILURE_MESSAGE "run vendor/bootstrap.sh, or install libedit-dev")
if(Libedit_FOUND AND NOT TARGET Libedit::Libedit)
  add_library(Libedit::Libedit INTERFACE IMPORTED)
  set_target_properties(Libedit::Libedit PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Libedit_INCLUDE_DIR}"
                                                    INTERFACE_LINK_LIBRARIES "${CMAKE_DL_LIBS}")
endif()
mark_as_advanced(Libedit_INCLUDE_DIR)
