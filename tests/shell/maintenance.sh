#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two machines, a batch on the SDK, and a scheduler on pymesos: both are asked for a machine, and say yes and no; the status
# shows it, over a change of masters too. When the enforced window begins, what was not given back is taken, the machine goes
# down by itself, and comes up when the window is over.
source "$(dirname "$0")/lib.sh"

scripts/ensure pymesos || fail "pymesos cannot be installed"
python=$(readlink -f target/tools)/pymesos/bin/python

free_port; first_port=$port
free_port; second_port=$port
# machine NAME ADDRESS PORT: an agent on a machine of its own; started again, it is the same.
machine() {
    start "agent-$1" "$kaon" agent --master="$master" --ip="$2" --hostname="$1" --port="$3" \
        --work_dir="$work/$1" --runtime_dir="$work/$1-run" --resources='cpus:4;mem:2048'
}
plan() { "$kaon" maintenance "$@" --master "$master"; }
# shows TEXT: whether the plan for the first machine says so.
shows() { plan show -o wide | grep '^first' | grep -q -- "$1"; }
ends() { ! kill -0 "$1" 2>/dev/null; }

start_master
machine first 127.0.0.1 "$first_port"
first=$pid
await 30 has_agents 1

# Both have a task on the first machine; the second joins later.
start batch "$kaon" run --master "$master" --cpus 0.5 --mem 64 -- sh -c 'echo "on $(hostname)"; sleep 12'
batch=$pid
start pymesos "$python" -B tests/clients/pymesos_asked.py "$master"
pymesos=$pid
has() { grep -q -- "$2" "$work/$1.log"; }
await 20 has pymesos 'task TASK_RUNNING'
running() { fetch "http://$master/metrics/snapshot" | grep -q '"master/tasks_running":2'; }
await 20 running
machine second 127.0.0.2 "$second_port"
await 30 has_agents 2

# A window far away: nothing is killed, both are asked. pymesos says yes, and no when it is asked again.
plan schedule --hosts first --start +1h --duration 1h
await 10 shows scheduled
await 10 has pymesos 'asked: accepted'
await 10 has pymesos 'asked: declined'
await 10 shows '1 accepted, 1 declined'
if plan schedule --hosts first --start +2h 2>"$work/twice"; then fail "a machine was scheduled twice"; fi
grep -q 'scheduled already' "$work/twice" || fail "it was refused for another reason: $(cat "$work/twice")"

# The answers are there when the master is started again.
kill -KILL "$master_pid"
wait "$master_pid" 2>/dev/null || true
start master "$kaon" master --ip=127.0.0.1 --port="${master##*:}" --work_dir="$work/master"
await 30 has_agents 2
shows '1 accepted, 1 declined' || fail "the answers are gone: $(plan show)"
plan cancel --hosts first
[ "$(plan show | wc -l)" -eq 1 ] || fail "something is scheduled still: $(plan show)"

# An enforced one.
begun=$SECONDS
plan schedule --hosts first --start +4s --duration 8s --enforce --grace 2s --up-again
await 10 shows 'yes, grace 2s, up again'
ends "$first" && fail "the agent ended before the window began"
await 20 has pymesos 'task ended: '
[ $((SECONDS - begun)) -ge 3 ] || fail "the window was enforced $((SECONDS - begun)) s after it was planned, not 4"
await 20 shows down
await 10 ends "$first"
await 10 has_agents 1
await 5 has pymesos 'lost agent'

# While it is down it may not come back; when the window is over it may.
machine first 127.0.0.1 "$first_port"
await 10 ends "$pid"
up() { [ "$(plan show | wc -l)" -eq 1 ]; }
await 20 up
[ $((SECONDS - begun)) -ge 11 ] || fail "the machine came up $((SECONDS - begun)) s after it was planned, not 12"
machine first 127.0.0.1 "$first_port"
await 20 has_agents 2

# The batch was killed on the first machine, and succeeds elsewhere.
wait "$batch" || fail "the batch failed"
kill -TERM "$pymesos"
