#!/bin/sh
# tests/reproducible.sh [COMMIT]: build the release of a commit (HEAD) in two folders, and compare what came out, byte by byte. Where
# it is built, and when, must not show. Takes as long as two builds, so it is run by hand, before a release.
set -eu
cd "$(dirname "$0")/.."
commit=${1:-HEAD}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folders="$work/a $work/another/and/deeper"
for folder in $folders; do
  mkdir -p "$folder"
  git archive "$commit" | tar -x -C "$folder"
  (cd "$folder" && cmake --preset release && cmake --build --preset release) >"$work/log" 2>&1 || { tail -20 "$work/log"; exit 1; }
  (cd "$folder/build/release" && find . -type f \( -name sandbox -o -name '*.a' -o -name '*.so*' \) -exec sha256sum {} + | sort -k 2) \
    >"$folder/sums"
done
cat "$work/a/sums"
for folder in $folders; do
  diff "$work/a/sums" "$folder/sums" || { echo "the same commit gave other bytes in $folder"; exit 1; }
done
grep -q '  ./sandbox$' "$work/a/sums" || { echo "no program was built"; exit 1; }
echo "the same bytes"
