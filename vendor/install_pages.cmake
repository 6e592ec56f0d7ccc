# Installs the documents below share/doc/sandbox: README.md, the pages of src/doc beside it, their pictures.
#
# In the source tree the pages are in src/doc, and the scripts at the top; installed, all pages are in one folder, and the
# scripts in share/sandbox/scripts. So links are rewritten; the text of a link to what is not installed (the sources, the
# tests) stays, without the link.
#
#   cmake -D SOURCE=<source tree> -D TARGET=<folder> -D SCRIPTS=<path from TARGET to the scripts> -P install_pages.cmake
file(GLOB pages "${SOURCE}/src/doc/*.md")
foreach(page "${SOURCE}/README.md" ${pages})
  get_filename_component(name "${page}" NAME)
  file(READ "${page}" text)
  string(REPLACE "[" "@(@" text "${text}") # CMake takes brackets and semicolons for lists
  string(REPLACE "]" "@)@" text "${text}")
  string(REPLACE ";" "@s@" text "${text}")
  string(REPLACE "@)@(../../README.md" "@)@(README.md" text "${text}")
  string(REPLACE "@)@(src/doc/" "@)@(" text "${text}")
  string(REGEX REPLACE "@\\)@\\((\\.\\./\\.\\./)?scripts(/?)" "@)@(${SCRIPTS}\\2" text "${text}")
  string(REGEX REPLACE "@\\(@([^@]*)@\\)@\\((\\.\\./\\.\\./)?(\\.\\./|src/|tests/|vendor/|LICENSE)[^)]*\\)" "\\1" text "${text}")
  string(REPLACE "@(@" "[" text "${text}")
  string(REPLACE "@)@" "]" text "${text}")
  string(REPLACE "@s@" ";" text "${text}")
  file(WRITE "${TARGET}/${name}" "${text}")
endforeach()
file(COPY "${SOURCE}/src/doc/pictures" DESTINATION "${TARGET}")
