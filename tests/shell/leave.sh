#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An agent with fifty tasks of two frameworks gets SIGUSR1: both frameworks hear at once that their tasks are lost, the tasks
# have their grace, no process is left, and no master knows of the agent any more.
source "$(dirname "$0")/lib.sh"

start_master
free_port
start_agent agent1 --port="$port" --hostname=host1 --resources='cpus:4;mem:1024;disk:1024'
agent=$pid
await 30 has_agents 1
mkdir "$work/began"
for name in aware plain; do
    aware=
    if [ "$name" = aware ]; then aware=--partition-aware; fi
    start "$name" python3 tests/clients/emptied.py --masters "$master" --name "$name" --host host1 --polite 20 --stubborn 5 \
        --folder "$work" $aware
done
are_ready() { grep -q ready "$work/aware.history" && grep -q ready "$work/plain.history"; }
await 60 are_ready
pids=$(cat "$work"/began/*)
[ "$(wc -w <<<"$pids")" -eq 50 ] || fail "there are $(wc -w <<<"$pids") tasks, not 50"

since() { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.2f", to - from }'; }
# within SECONDS LEAST MOST: on machines that do other things too, five times the most is allowed.
within() { awk -v is="$1" -v least="$2" -v most="$3" 'BEGIN { exit !(is >= least && is <= 5 * most) }'; }

signalled=$EPOCHREALTIME
kill -USR1 "$agent"
lost() { grep -c 'TASK_LOST REASON_AGENT_REMOVED ' "$work/$1.history" || true; }
all_lost() { [ "$(lost aware)" -eq 25 ] && [ "$(lost plain)" -eq 25 ]; }
await 30 all_lost
for name in aware plain; do
    last=$(awk '/TASK_LOST/ { at = $1 } END { print at }' "$work/$name.history")
    took=$(since "$signalled" "$last")
    echo "$name heard that its 25 tasks are lost within $took s"
    within "$took" 0 1 || fail "$name heard after $took s"
    [ "$(grep -c ' failure$' "$work/$name.history")" -eq 1 ] || fail "$name was not told once that the agent has failed"
done

# Five seconds are the agent's, of which each command's executor leaves itself two.
alive() { for pid in $pids; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }
all_ended() { ! alive; }
await 35 all_ended
took=$(since "$signalled" "$EPOCHREALTIME")
echo "no process is left after $took s"
within "$took" 3 7 || fail "the last process ended after $took s, and three to seven are right"
await 10 eval '! kill -0 '"$agent"
wait "$agent" || fail "the agent ended with $?"

[ "$("$kaon" agents --master "$master" -o json)" = "[]" ] || fail "the master lists the agent"
fetch "http://$master/registrar(1)/registry" | python3 -c '
import json, sys
registry = json.load(sys.stdin)
for which in ("slaves", "unreachable", "gone"):
    assert not registry.get(which, {}).get("slaves"), registry'
