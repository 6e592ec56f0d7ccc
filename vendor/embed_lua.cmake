# Writes Lua sources into a C file: a table `NAME` of struct prelude_source (lua/state/prelude.h), terminated by a NULL.
#   cmake -DOUTPUT=x.c -DNAME=prelude_sources -DFILES=a.lua,b.lua -P embed_lua.cmake
string(REPLACE "," ";" files "${FILES}")
set(bodies "")
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "((0x..,){20})" "\\1\n  " bytes "${bytes}")
  string(APPEND bodies "static const unsigned char ${name}_text[] = {\n  ${bytes}\n  0};\n")
  string(APPEND rows "  {\"${name}\", (const char *)${name}_text, ${size}},\n")
endforeach()
file(WRITE "${OUTPUT}" "/* Made by vendor/embed_lua.cmake. */\n#include \"lua/state/prelude.h\"\n\n${bodies}\n"
                       "const struct prelude_source ${NAME}[] = {\n${rows}  {NULL, NULL, 0}};\n")
