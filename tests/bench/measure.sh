#!/bin/sh
# tests/bench/measure.sh [ROUNDS]: the figures of the foundation, ours, the C floor's and Python's taken in turn in one run.
# Prints the median of each (least..most), and ratios of medians. Needs build/release/sandbox, cc, lua5.4, python3.
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-5}
sandbox=build/release/sandbox
work=tests/bench/work.lua
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cc -O2 -o "$dir/floor" tests/bench/floor.c

# startup COMMAND...: milliseconds of one start, over 50
startup() {
  begin=$(date +%s%N)
  for _ in 1 2 3 4 5 6 7 8 9 10; do "$@"; "$@"; "$@"; "$@"; "$@"; done
  echo $((($(date +%s%N) - begin) / 50000)) | awk '{ printf "%.3f\n", $1 / 1000 }'
}

take() { # take NAME COMMAND...: one more figure for NAME
  name=$1
  shift
  "$@" >>"$dir/$name" 2>>"$dir/log"
}

for _ in $(seq "$rounds"); do
  take fork.c "$dir/floor" fork 1000
  take spawn.sandbox $sandbox $work spawn
  take spawn.python python3 tests/bench/peer.py spawn
  take pipe.c "$dir/floor" pipe 300000
  take integers.pipe $sandbox $work integers pipe
  take integers.shm $sandbox $work integers shm
  take integers.python python3 tests/bench/peer.py integers
  take roundtrip.pipe $sandbox $work roundtrip pipe
  take roundtrip.shm $sandbox $work roundtrip shm
  take roundtrip.python python3 tests/bench/peer.py roundtrip
  take joined.pipe $sandbox $work joined pipe
  take joined.shm $sandbox $work joined shm
  take alive.sandbox $sandbox --max-procs 2100 $work alive
  take start.sandbox startup $sandbox -e ''
  take start.lua startup lua5.4 -e ''
done

median() { sort -g "$dir/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
row() { # row NAME UNIT
  sort -g "$dir/$1" | awk -v name="$1" -v unit="$2" \
    '{ v[NR] = $1 } END { printf "%-18s %10.3f %-6s (%.3f..%.3f)\n", name, v[int((NR + 1) / 2)], unit, v[1], v[NR] }'
}
ratio() { # ratio TEXT A B
  awk -v a="$(median "$2")" -v b="$(median "$3")" -v text="$1" 'BEGIN { printf "%-52s %7.2f\n", text, a / b }'
}

row fork.c us; row spawn.sandbox us; row spawn.python us
row pipe.c M/s; row integers.pipe M/s; row integers.shm M/s; row integers.python M/s
row roundtrip.pipe us; row roundtrip.shm us; row roundtrip.python us
row joined.pipe s; row joined.shm s; row alive.sandbox s; row start.sandbox ms; row start.lua ms
echo
ratio "spawn+join / C fork+waitpid" spawn.sandbox fork.c
ratio "Python's / our spawn+join" spawn.python spawn.sandbox
ratio "integers, pipe / C pipe floor" integers.pipe pipe.c
ratio "integers, pipe / Python" integers.pipe integers.python
ratio "integers, shm / Python" integers.shm integers.python
ratio "round trip, Python / pipe" roundtrip.python roundtrip.pipe
ratio "start-up / lua5.4" start.sandbox start.lua
