#!/bin/sh
# Install into an empty prefix, then use what is there as other programs do: the program, the library by pkg-config and
# by find_package, the module in the stock Lua. Run by ctest.
#
#   test_install.sh CMAKE CC CFLAGS LUA NM      (and the environment that tests/CMakeLists.txt sets)
set -eu
cmake=$1 cc=$2 cflags=$3 lua=$4 nm=$5

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
fail() { cat "$work/log"; exit 1; }
step() { printf -- '-- %s\n' "$*"; }

step "install into $prefix"
"$cmake" --install "$SANDBOX_BUILD" --prefix "$prefix" > "$work/log" 2>&1 || fail

pc=$(dirname "$(find "$prefix" -name sandbox.pc)")
export PKG_CONFIG_PATH="$pc"
for file in bin/sandbox include/sandbox/sandbox.h share/sandbox/scripts/queue.lua \
            share/sandbox/luals/library/sandbox.lua share/sandbox/luacheck/sandbox.luacheckrc \
            share/man/man1/sandbox.1.gz share/bash-completion/completions/sandbox \
            share/zsh/site-functions/_sandbox share/fish/vendor_completions.d/sandbox.fish \
            share/doc/sandbox/README.md share/doc/sandbox/library.md share/doc/sandbox/LICENSE; do
  [ -e "$prefix/$file" ] || { echo "missing: $file"; exit 1; }
done
[ -x "$(pkg-config --variable=scriptdir sandbox)/queue.lua" ]

step "the program, as a script's interpreter, and elsewhere"
PATH="$prefix/bin:$PATH" "$prefix/share/sandbox/scripts/globals.lua"
(cd / && "$prefix/bin/sandbox" --speed 100 "$prefix/share/sandbox/scripts/queue.lua")

step "every link of the documents leads somewhere"
"$prefix/bin/sandbox" "$SANDBOX_SOURCE/tests/support/links.lua" "$prefix"/share/doc/sandbox/*.md "$prefix/share/sandbox/scripts/README.md"

step "--init finds the descriptions"
mkdir "$work/editor"
(cd "$work/editor" && "$prefix/bin/sandbox" --init)
grep -q "\"$prefix/share/sandbox/luals/library\"" "$work/editor/.luarc.json"

step "check finds the lessons"
"$prefix/bin/sandbox" check | grep -q "^the lessons are scripts: $prefix/share/sandbox/scripts/course$"
"$prefix/bin/sandbox" check 4 "$SANDBOX_SOURCE/tests/course/lesson-4/right.lua"

step "the library keeps its inner names to itself"
archive=$(find "$prefix" -name libsandbox.a)
names=$("$nm" -g --defined-only "$archive" | awk 'NF == 3 { print $3 }')
echo "$names" | grep -q '^sandbox_open$'
# shellcheck disable=SC2086 # one name a line
if printf '%s\n' $names | grep -v -E '^(sandbox_|luaopen_sandbox$|_*(asan|odr|ubsan|gcov|llvm)|\.)'; then
  echo "these names of libsandbox.a are global"
  exit 1
fi

step "a host, by pkg-config"
# shellcheck disable=SC2046,SC2086 # lists of flags
$cc $cflags "$SANDBOX_SOURCE/tests/embed/host.c" $(pkg-config --cflags --libs sandbox lua5.4) -o "$work/host"
"$work/host" "$SANDBOX_SOURCE/tests/embed/experiment.lua"

step "a host, by find_package"
mkdir "$work/project"
cp "$SANDBOX_SOURCE/tests/install/project.cmake" "$work/project/CMakeLists.txt"
cp "$SANDBOX_SOURCE/tests/embed/host.c" "$work/project"
{ "$cmake" -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="$cflags" &&
  "$cmake" --build "$work/project/build"; } > "$work/log" 2>&1 || fail
"$work/project/build/host" "$SANDBOX_SOURCE/tests/embed/experiment.lua"

cmod=$(pkg-config --variable=cmoddir sandbox)
[ -e "$cmod/sandbox.so" ] || { echo "missing: $cmod/sandbox.so"; exit 1; }
if [ -z "$SANDBOX_SANITIZED" ]; then # a stock program lacks the sanitizers' library
  step "the module, in the stock Lua"
  LUA_CPATH="$cmod/?.so" "$lua" -e 'local s = require "sandbox"; print(s.spawn(function() return "a result" end):result())'
fi
step "uninstall"
"$cmake" --build "$SANDBOX_BUILD" --target uninstall > "$work/log" 2>&1 || fail
[ -z "$(find "$prefix" ! -type d)" ] || { echo "still there:"; find "$prefix" ! -type d; exit 1; }
echo ok
