# The CMakeLists.txt of a program that embeds an installed sandbox.
cmake_minimum_required(VERSION 3.20)
project(host LANGUAGES C)

find_package(sandbox 0.1 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.4)

add_executable(host host.c)
target_link_libraries(host PRIVATE sandbox::sandbox PkgConfig::LUA)
