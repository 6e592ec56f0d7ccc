# Read by cpack before it makes a package: the time that its files get is that of the commit, unless SOURCE_DATE_EPOCH says
# another one. Outside a git tree it is the time at which the files were installed.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -C "${CPACK_SANDBOX_SOURCE}" log -1 --format=%ct
                  OUTPUT_VARIABLE time OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(time)
    set(ENV{SOURCE_DATE_EPOCH} "${time}")
  endif()
endif()
