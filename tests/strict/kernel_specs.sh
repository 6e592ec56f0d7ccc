#!/bin/sh
# strict/kernel_specs.sh PROGRAM BUSTED NAME - run spec/NAME_spec.lua under busted as a strict run that the kernel holds alone: the
# language layer, which would let no busted in, is left out, and its C modules are loaded before the layers go on. For a build for
# tests. The language layer has the same specs: strict/spec.lua.
set -eu
program=$1 busted=$2 name=$3
here=$(pwd)
modules=$("$program" -e '
  for _, name in ipairs { "lfs", "system.core", "term.core", "cjson", "yaml" } do
    local path = package.searchpath(name, package.cpath)
    if path then io.write(path, ":") end
  end')
folders=$("$program" -e '
  local seen, list = {}, {}
  for template in (package.path .. ";" .. package.cpath):gmatch("[^;]+") do
    local folder = template:match("^(/.-/lua)/5%.4/%?") -- distributions link from one version to another
    if folder and not seen[folder] and io.open(folder) then seen[folder] = true list[#list + 1] = folder end
  end
  print(table.concat(list, ","))')
real=$(for m in $(echo "$modules" | tr : ' '); do readlink -f "$m"; done | tr '\n' ',')
exec env SANDBOX_STRICT_LAYERS=FSNR "SANDBOX_STRICT_PRELOAD=$modules" "$program" --strict --time 290 --cpu 290 --memory 4G \
  --max-procs 512 --output-limit 64M "--allow-read=$here,$busted,$real$folders" \
  --allow-env=SANDBOX,SANDBOX_SOURCE,SANDBOX_BUILD,SANDBOX_MODULE,SANDBOX_SANITIZED,SANDBOX_UNCOUNTED,HOME,SANDBOX_SHARE \
  "$busted" --output=plainTerminal "--lpath=$here/?.lua" --helper=strict/kernel_helper.lua "spec/${name}_spec.lua"
