#!/bin/sh
# with_engine.sh COMMAND...: run a command with a redis-server of its own, whose address is in ENGINE. Status 77: there is none
# here. The server is on a unix socket in a new folder, and ends with the command.
command -v redis-server >/dev/null 2>&1 || { echo "left out: there is no redis-server here"; exit 77; }
folder=$(mktemp -d /tmp/sandbox-engine-XXXXXX) || exit 1
redis-server --port 0 --unixsocket "$folder/s" --save '' --dir "$folder" --daemonize no >"$folder/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 143' TERM INT HUP
tries=0
while [ "$(redis-cli -s "$folder/s" ping 2>/dev/null)" != PONG ]; do # the socket is there before it listens
  tries=$((tries + 1))
  [ $tries -lt 600 ] || { cat "$folder/log"; exit 1; }
  sleep 0.05
done
ENGINE="unix://$folder/s" "$@"
