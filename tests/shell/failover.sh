#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Three masters, three ZooKeeper servers, three agents: the leader is killed again and again, while two frameworks keep long
# tasks and `kaon run` works. No task that was seen running is lost, none runs twice, and offers go on soon.
#
# KILLS, TASKS (of each framework) and SESSION (seconds) make it longer.
source "$(dirname "$0")/lib.sh"
kills=${KILLS:-2} tasks=${TASKS:-30} session=${SESSION:-4}

start_ensemble
for number in 0 1 2; do start_candidate "$number"; done
await 60 find_leader
for number in 0 1 2; do
    free_port
    start "agent$number" "$kaon" agent --master="$zk" --ip=127.0.0.1 --port="$port" --work_dir="$work/agent$number" \
        --runtime_dir="$work/agent$number-run" --resources='cpus:6;mem:2048;disk:1024'
done
await 30 has_agents 3

mkdir "$work/began"
all=$(IFS=,; echo "${masters[*]}")
for name in aware plain; do
    aware=
    if [ "$name" = aware ]; then aware=--partition-aware; fi
    start "$name" python3 tests/clients/failover.py --masters "$all" --name "$name" --tasks "$tasks" --folder "$work" $aware
    clients+=("$pid")
done
are_ready() { grep -q ready "$work/aware.history" && grep -q ready "$work/plain.history"; }
await 60 are_ready

count=$((kills * 20 * session / 4))
"$kaon" run --master "$zk" --cpus 0.5 --mem 32 --max-parallel 3 --tasks "$count" -- sh -c 'sleep 1; echo task {#}' \
    >"$work/out" 2>"$work/run.log" &
job=$!
started+=("$job")

# The times from each kill to the first offer that follows, for both frameworks.
offered_since() { awk -v since="$1" '$2 == "offered" && $1 > since { print $1; found = 1; exit } END { exit !found }' "$2"; }
both_offered() { offered_since "$1" "$work/aware.history" && offered_since "$1" "$work/plain.history"; }
for _ in $(seq "$kills"); do
    find_leader || fail "nobody leads"
    killed=$leader
    kill -KILL "${master_pids[killed]}"
    at=$EPOCHREALTIME
    wait "${master_pids[killed]}" 2>/dev/null || true
    await $((session * 10)) both_offered "$at"
    for name in aware plain; do
        echo "$at $(offered_since "$at" "$work/$name.history")" >>"$work/gaps"
    done
    start_candidate "$killed"
    await 30 fetch "http://${masters[killed]}/health"
    await 30 find_leader
    await 30 has_agents 3
done

wait "$job" || fail "the job failed: $(tail -n 5 "$work/run.log")"
seq -f 'task %g' "$count" | cmp - "$work/out" || fail "the output is not that of the tasks, in order"
# Before the frameworks are told to finish, which ends their tasks.
for pid in $(cat "$work"/began/*); do kill -0 "$pid" || fail "the task of process $pid is gone"; done
touch "$work/finish"
for client in "${clients[@]}"; do wait "$client" || fail "a framework has missed something"; done
for file in "$work"/began/*; do
    [ "$(wc -l <"$file")" -eq 1 ] || fail "task $(basename "$file") ran more than once"
done
[ "$(ls "$work/began" | wc -l)" -eq $((2 * tasks)) ] || fail "not all tasks ran"
grep -h confirmed "$work"/*.history

median=$(awk '{ print $2 - $1 }' "$work/gaps" | sort -n | awk '{ gap[NR] = $1 } END { print gap[int((NR + 1) / 2)] }')
echo "from kill to first offer: $(awk '{ printf "%.1f ", $2 - $1 }' "$work/gaps")median $median s"
awk -v median="$median" -v most="$((session + 2))" 'BEGIN { exit !(median <= most) }' ||
    fail "it took $median s until there were offers again, and $((session + 2)) s are allowed"
