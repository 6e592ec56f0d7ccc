# Writes text files into a C file: for each page.css a `const struct page_part page_css` (look/trace/page.h). Comment lines
# (`//` of .js, `/* */` of .css, alone on their lines) and indentation are left out.
#   cmake -DOUTPUT=x.c -DFILES=page.html,page.css,page.js -P embed_text.cmake
string(REPLACE "," ";" files "${FILES}")
set(bodies "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  string(MAKE_C_IDENTIFIER "${name}" name)
  file(READ "${file}" text)
  string(REGEX REPLACE "\n[ ]*//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "\n[ ]*/\\*[^\n]*\\*/(\n)" "\\1" text "${text}")
  string(REGEX REPLACE "\n[ \n]+" "\n" text "${text}")
  file(WRITE "${OUTPUT}.part" "${text}")
  file(READ "${OUTPUT}.part" hex HEX)
  file(REMOVE "${OUTPUT}.part")
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "((0x..,){20})" "\\1\n  " bytes "${bytes}")
  string(APPEND bodies "static const unsigned char ${name}_text[] = {\n  ${bytes}\n  0};\n"
                       "const struct page_part ${name} = {(const char *)${name}_text, ${size}};\n")
endforeach()
file(WRITE "${OUTPUT}" "/* Made by vendor/embed_text.cmake. */\n#include \"look/trace/page.h\"\n\n${bodies}")
