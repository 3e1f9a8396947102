#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Agents are killed again and again, at random moments under load: no task that was seen running dies of it, updates come
# in order, and each task ends once. KILLS is how often each agent is killed, AGENTS how many there are.
source "$(dirname "$0")/lib.sh"
kills=${KILLS:-4}
count=${AGENTS:-2}

start_master
ports=()
pids=()
# begin NUMBER: starts that agent, in place of the one that was killed.
begin() {
    start_agent "agent$1" --port="${ports[$1]}" --resources='cpus:8;mem:4096;disk:4096' \
        --executor_reregistration_timeout=15secs
    pids[$1]=$pid
}
for number in $(seq "$count"); do
    free_port
    ports[number]=$port
    begin "$number"
done
await 30 has_agents "$count"

mkdir "$work/tasks" "$work/tasks/began" "$work/tasks/ended"
python3 tests/clients/steady.py "$master" "$work/tasks" >"$work/updates" 2>"$work/client.log" &
client=$!
started+=("$client")
ran() { [ "$(grep -c TASK_RUNNING "$work/updates")" -ge $((4 * count)) ]; }
await 30 ran

begun=$SECONDS
for round in $(seq "$kills"); do
    for number in $(seq "$count"); do
        # From the first milliseconds of a recovery to the middle of an orderly life.
        sleep "$((RANDOM % 3)).$((RANDOM % 10))"
        kill -0 "$client" 2>/dev/null || fail "the scheduler gave up in round $round: $(tail -n 20 "$work/client.log")"
        kill -KILL "${pids[$number]}" 2>/dev/null || fail "agent $number had ended by itself in round $round"
        wait "${pids[$number]}" 2>/dev/null || true
        begin "$number"
    done
done
spent=$((SECONDS - begun))

await 60 has_agents "$count"
touch "$work/tasks/stop"
wait "$client" || fail "not all went well: $(cat "$work/client.log")"
echo "$((kills * count)) kills of agents in $spent s: $(tail -n 1 "$work/updates")"
