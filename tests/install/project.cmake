# The CMakeLists.txt of a program that embeds an installed sandbox.
cmake_minimum_required(VERSION 3.20)
project(host LANGUAGES C)

find_package(sandbox 0.1 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LUA REQUIRED lua5.4) # the library alone: find_package(sandbox) has brought the headers

add_executable(host host.c)
target_link_libraries(host PRIVATE sandbox::sandbox ${LUA_LIBRARIES})
