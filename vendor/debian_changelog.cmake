# Writes OUTPUT.gz, a changelog as Debian wants it: one entry, with the time of the commit (package_time.cmake).
#   cmake -D SOURCE=<source tree> -D VERSION=... -D "BY=name <address>" -D GZIP=... -D OUTPUT=<file> -P debian_changelog.cmake
set(CPACK_SANDBOX_SOURCE "${SOURCE}")
include("${CMAKE_CURRENT_LIST_DIR}/package_time.cmake")
string(TIMESTAMP time "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE "${OUTPUT}" "sandbox (${VERSION}) unstable; urgency=medium

  * What is new stands in CHANGELOG.md, beside this file.

 -- ${BY}  ${time}
")
execute_process(COMMAND "${GZIP}" -9nf "${OUTPUT}" COMMAND_ERROR_IS_FATAL ANY)
