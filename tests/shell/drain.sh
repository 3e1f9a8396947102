#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `kaon agent drain --wait` of one of two agents, while the leading of two masters is killed, and the agent too: polite tasks
# end by themselves, stubborn ones are killed when their grace is over, nothing new lands, and the host can be taken back.
#
# GRACE (seconds) is what the operator gives.
source "$(dirname "$0")/lib.sh"
grace=${GRACE:-8}

start_ensemble
for number in 0 1; do start_candidate "$number"; done
await 60 find_leader
ports=()
for number in 0 1; do free_port; ports+=("$port"); done
run_agent() {
    start "agent$1" "$kaon" agent --master="$zk" --ip=127.0.0.1 --port="${ports[$1]}" --hostname="host$1" \
        --work_dir="$work/agent$1" --runtime_dir="$work/agent$1-run" --resources='cpus:3;mem:1024;disk:1024'
}
run_agent 1
run_agent 0
agent=$pid
await 30 has_agents 2
mkdir "$work/began"
history=$work/web.history
start web python3 tests/clients/emptied.py --masters "${masters[0]},${masters[1]}" --name web --host host0 --polite 2 \
    --stubborn 2 --folder "$work" --partition-aware --more
await 60 grep -q ready "$history"

asked=$EPOCHREALTIME
"$kaon" agent drain host0 --grace "${grace}s" --wait --master "$zk" >"$work/drain.out" 2>"$work/drain.log" &
drain=$!
started+=("$drain")
state() { "$kaon" agents --master "$zk" -o json | python3 -c '
import json, sys
print(*[agent["state"] for agent in json.load(sys.stdin) if agent["hostname"] == "host0"])'; }
is_draining() { [ "$(state)" = draining ]; }
await 10 is_draining
ordered=$EPOCHREALTIME
polite_ended() { for pid in $(cat "$work"/began/web-polite-*); do ! kill -0 "$pid" 2>/dev/null || return 1; done; }
await 5 polite_ended
kill -KILL "${master_pids[leader]}" "$agent"
wait "${master_pids[leader]}" "$agent" 2>/dev/null || true
run_agent 0

stubborn=$(cat "$work"/began/web-stubborn-*)
alive() { for pid in $stubborn; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }
all_ended() { ! alive; }
await $((5 * grace)) all_ended
took=$(awk -v from="$asked" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.2f", to - from }')
echo "stubborn tasks were killed after $took s, of a grace of $grace s"
awk -v is="$took" -v least="$grace" 'BEGIN { exit !(is >= least) }' || fail "after $took s a grace of $grace s is not over"

wait "$drain" || fail "the drain failed: $(cat "$work/drain.log")"
grep -q '^host0 .* is drained$' "$work/drain.out" || fail "it says: $(cat "$work/drain.out")"
grep -q 'tasks left' "$work/drain.log" || fail "it did not say what is left: $(cat "$work/drain.log")"
[ "$(state)" = drained ] || fail "host0 is $(state)"
find_leader && [ "$(fetch "http://$master/metrics/snapshot" | python3 -c 'import json, sys; print(json.load(sys.stdin)["master/slaves_inactive"])')" = 1.0 ] ||
    fail "the new master counts host0 as active"
told() { grep -c "web-$1-.* TASK_KILLED REASON_AGENT_DRAINING Command $2\$" "$history" || true; }
[ "$(told polite 'exited with status 0')" -eq 2 ] || fail "polite tasks are not told to have ended by themselves"
[ "$(told stubborn 'terminated with signal Killed')" -eq 2 ] || fail "stubborn tasks are not told to have been killed"
grep -q 'TASK_KILLING' "$history" && fail "TASK_KILLING is told to a framework that does not know it"
[ "$(ls "$work/began" | wc -l)" -eq 4 ] || fail "a task has landed on a host that is drained"
awk -v since="$ordered" '$1 > since && $2 == "offered" && $3 == "host0" { found = 1 } END { exit found }' "$history" ||
    fail "host0 was offered"

"$kaon" agent reactivate host0 --master "$zk" || fail "host0 cannot be taken back"
lands() { [ "$(ls "$work/began" | wc -l)" -gt 4 ]; }
await 20 lands
