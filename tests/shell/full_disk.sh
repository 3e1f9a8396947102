#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The disk of an agent gets full: it takes no more tasks, says so, and goes on when there is room again. A second time it is
# to be drained meanwhile; a third time it is killed, and the next one finds the disk full.
#
# The disk is a small one of memory, in namespaces of mounts and processes that end with the test.
if [ "${1:-}" != inside ]; then
    cd "$(dirname "$0")/../.." || exit 1
    own=(--mount --pid --fork --kill-child --mount-proc)
    [ "$(id -u)" = 0 ] || own+=(--user --map-root-user)
    USER=root exec unshare "${own[@]}" bash "tests/shell/full_disk.sh" inside
fi
source "$(dirname "$0")/lib.sh"
disk=$work/agent
mkdir "$disk"
mount -t tmpfs -o size=2m none "$disk"
trap 'status=$?; umount --lazy "$disk"; (exit "$status"); finish' EXIT

start_master
free_port
agent_port=$port
begin() { start_agent agent --port="$agent_port" --hostname=host --resources='cpus:2;mem:512;disk:512'; }
begin
agent=$pid
await 30 has_agents 1
touch "$disk/token"
timeout 90 python3 tests/clients/full_disk.py "$master" "$disk" >"$work/client.log" 2>&1 || fail "$(cat "$work/client.log")"
grep -q 'Taking no more tasks: cannot .*No space left on device' "$work/agent.log" || fail "it did not say so"
grep -q 'There is room on the disk again' "$work/agent.log" || fail "it did not say that it goes on"

# One that is to be drained on a full disk kills what runs all the same; that it is drained is known when there is room.
"$kaon" run --master "$master" --retries 0 'sleep 4321' >/dev/null 2>&1 &
runs() { pgrep -f '^sleep 4321' >/dev/null; }
await 30 runs
fill() { dd if=/dev/zero of="$disk/ballast" bs=4k 2>/dev/null || true; }
fill
"$kaon" agent drain host --master "$master" --yes >/dev/null || fail "it cannot be drained"
ended() { ! runs; }
await 30 ended
is() { "$kaon" agents --master "$master" | grep -qi " $1"; }
is draining || fail "it is said to be $("$kaon" agents --master "$master")"
rm "$disk/ballast"
await 60 is drained
"$kaon" agent reactivate host --master "$master" >/dev/null
await 30 has_agents 1

# An agent that finds its disk full registers all the same, and ends when it is told to.
fill
kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
begin
agent=$pid
full() { fetch "http://127.0.0.1:$agent_port/metrics/snapshot" | grep -q '"kaon/disk_full":1'; }
await 30 full
await 30 has_agents 1
kill -TERM "$agent"
gone() { ! kill -0 "$agent" 2>/dev/null; }
await 15 gone
