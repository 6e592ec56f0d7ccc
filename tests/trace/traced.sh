#!/bin/sh
# traced.sh <program> <busted> [spec ...]: run specs with every run recorded, by themselves and those that they start: no result,
# no output and no exit status changes. Each run leaves a whole trace, but for those whose supervisor was killed.
program=$1 busted=$2
shift 2
[ $# -gt 0 ] || set -- fork interrupt kill queue_promises scope whole
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/traces"
cat >"$folder/sandbox" <<END
#!/bin/sh
exec "$program" --trace "$folder/traces/\$\$.pftrace" "\$@"
END
chmod +x "$folder/sandbox"
SANDBOX=$folder/sandbox && export SANDBOX
status=0
for spec; do
  "$SANDBOX" --timeout 100 "$busted" --output=plainTerminal "--lpath=$PWD/?.lua" "spec/${spec}_spec.lua" || status=1
done
count=$(find "$folder/traces" -name '*.pftrace' -size +0 | wc -l)
echo "$count traces"
[ "$count" -gt 50 ] || status=1
exit $status
