#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ctrl-C ends `kaon run` whatever it waits for: a master that is not there, one that does not answer, or whoever reads what
# it prints. The first ends the job in order, the second leaves at once.
source "$(dirname "$0")/lib.sh"

# interrupted NAME SECONDS: that it ends by the interrupt within that time.
interrupted() {
    local job=$pid status=0
    await "$2" eval "! kill -0 $job"
    wait "$job" || status=$?
    [ "$status" -eq 130 ] || fail "$1: it ended with $status: $(cat "$work/$1.log" 2>&1)"
}
says() { grep -q "$2" "$work/$1.log"; }
run() {
    local name=$1
    shift
    start "$name" "$kaon" run --master="$master" --cpus 0.1 --mem 32 "$@"
}

free_port
master=127.0.0.1:$port
run absent -- true
await 10 says absent 'no master leads'
kill -INT "$pid"
interrupted absent 2

start_master
start_agent agent1 --port=0 --resources='cpus:4;mem:1024;disk:1024'
await 30 has_agents 1

run silent -- sh -c "echo >$work/began; sleep 600"
await 30 test -e "$work/began"
kill -STOP "$master_pid"
kill -INT "$pid"
await 2 says silent 'once more to leave at once'
kill -INT "$pid"
interrupted silent 3
kill -CONT "$master_pid"

# Nobody reads, neither what tasks have written nor what there is to say: as with a pager that stands still.
is_over() { "$kaon" frameworks --all --master "$master" | grep -q "^$1 .* completed "; }
mkfifo "$work/unread"
exec 3<>"$work/unread"
"$kaon" run --name pager --master="$master" --cpus 0.1 --mem 32 --tasks 4 -- head -c 100000 /dev/zero \
    >"$work/unread" 2>"$work/pager.log" &
pid=$! && started+=("$pid")
await 20 is_over pager
kill -TERM "$pid"
await 2 says pager 'once more to leave at once'
kill -TERM "$pid"
interrupted pager 3

"$kaon" run --name mixed --master="$master" --cpus 0.1 --mem 32 --tasks 4 -- head -c 100000 /dev/zero \
    >"$work/unread" 2>&1 &
pid=$! && started+=("$pid")
await 20 is_over mixed
kill -INT "$pid"
sleep 1
kill -INT "$pid"
interrupted mixed 6
