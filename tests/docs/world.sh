#!/bin/bash
# world.sh FOLDER COMMAND…: runs COMMAND where the names of the documentation are servers of this machine, and nothing in the repository
# but build/ and bin/, which npx makes ready, can be written to. Needs network and mount namespaces of its own (tests/docs/world.ts makes them).
# FOLDER has: hosts, nsswitch.conf, leaf.pem, key.pem, work/.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
folder=$1
shift
ip link set lo up
mount --bind "$folder/hosts" /etc/hosts
mount --bind "$folder/nsswitch.conf" /etc/nsswitch.conf
mount --rbind "$repository" "$repository"
for writable in build bin; do mount --bind "$repository/$writable" "$repository/$writable"; done
# Flags that are there already must be named where the namespace is a user's.
mount -o remount,bind,ro,nosuid,nodev "$repository"
mkfifo "$folder/listening"
"$repository/node_modules/.bin/node" "$here/servers.ts" "$folder" >"$folder/listening" &
servers=$!
trap 'kill $servers' EXIT
read -r _ <"$folder/listening"
cd "$folder/work"
# A pipe, as a shell user has: what starts this may have made a socket of stdout.
"$@" | cat
