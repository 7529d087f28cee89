#!/bin/sh
# Makes the live ones of the recorded hosts in fixtures/hosts anew: as root, on a Linux with all eight kinds of namespace.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cc -pthread -o "$folder/odd-process" test/support/odd-process.c
chmod 755 "$folder"
export PATH="$folder:$PATH:/usr/sbin:/sbin"

# Everything below runs in mount and network namespaces of its own.
case "${1-all}" in
all)
    for host in idle thirty-namespaces hidepid; do
        unshare --mount --net "$0" "$host" >"$folder/$host.ndjson"
        mv "$folder/$host.ndjson" fixtures/hosts/
    done
    exit
    ;;
esac

below() { # the processes that descend from process $1
    for child in $(pgrep -P "$1"); do
        echo "$child"
        below "$child"
    done
}
trap 'for pid in $(below $$); do kill -KILL "$pid" 2>/dev/null || true; done; rm -rf "$folder"' EXIT

capture() {
    node --import tsx scripts/capture-host.ts --anonymise "$@"
}

wait_for() { # a process below this shell whose command line is $1
    until pgrep -fx "$1" >/dev/null; do sleep 0.05; done
}

case "$1" in
idle)
    capture --below self --note 'idle, as root: the kernel, process 1, and who looks'
    ;;

thirty-namespaces)
    mount -t tmpfs tmpfs /run
    mkdir /run/netns
    ip netns add blue
    ip netns add green
    ip netns set blue 42
    ip netns exec green sleep 1001 &
    touch '/run/two words' && mount --bind /run/netns/blue '/run/two words'
    # Eight, and in them once more user, pid and mnt; with a mount that only they have.
    unshare -muinpUCT -r --fork --mount-proc sh -c '
        mount -t tmpfs tmpfs /run; touch /run/uts; mount --bind /proc/self/ns/uts /run/uts
        unshare -Upm -r --fork sleep 1002 & sleep 1003' &
    # A chain: each in the pid namespace of the one before.
    unshare -p --fork unshare -p --fork unshare -p --fork sleep 1004 &
    # As plain users, one below the other.
    setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Unui -r unshare -UC -r sleep 1005 &
    unshare -niu odd-process threads 4c000000 >/dev/null &
    unshare -C odd-process zombie >/dev/null &
    odd-process user-zombie >/dev/null &
    unshare -u odd-process words 'two words' '' >/dev/null &
    unshare -iT sleep 1006 &
    for pid in 1001 1002 1003 1004 1005 1006; do wait_for "sleep $pid"; done
    wait_for '.*threads 4c000000'
    wait_for 'two words.*'
    sleep 0.5
    capture --below $$ --kernel-threads 8 \
        --note 'namespaces of all kinds, threads that left their process, zombies, eight of the kernel threads'
    ;;

hidepid)
    mount -t proc -o hidepid=2 proc /proc
    plain='setpriv --reuid=65534 --regid=65534 --clear-groups'
    $plain unshare -Unu -r sleep 1001 &
    $plain sleep 1002 &
    sleep 0.5
    # The checkout may lie where a plain user cannot read: one file, in a place where all can.
    node_modules/.bin/esbuild scripts/capture-host.ts --bundle --platform=node --format=esm --external:koffi \
        --banner:js="import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" \
        --outfile="$folder/capture-host.mjs" --log-level=warning
    mkdir -p "$folder/node_modules/@koromix"
    cp -r node_modules/koffi "$folder/node_modules/" && cp -r node_modules/@koromix/koffi-linux-* "$folder/node_modules/@koromix/"
    chmod -R a+rX "$folder"
    $plain node "$folder/capture-host.mjs" --anonymise --below $$ --note 'a plain user under hidepid=2'
    ;;
esac
