#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An agent that is started again with more resources keeps its id and its tasks; with less it does not start; with
# --recover=cleanup it ends what ran, and itself, and the next one tells what that came to.
source "$(dirname "$0")/lib.sh"

start_master
free_port
agent_port=$port
begin() { start_agent agent --port="$agent_port" "$@"; }
crash() {
    kill -KILL "$agent"
    wait "$agent" 2>/dev/null || true
}
metric() { fetch "http://$master/metrics/snapshot" | grep -qE "\"$1\":$2(\.0)?[,}]"; }
begin --resources='cpus:1;mem:256;disk:256'
agent=$pid
await 30 has_agents 1
"$kaon" run --master "$master" --cpus 0.1 --mem 32 --tasks 2 --retries 0 -- sh -c 'echo $$ >>'"$work"'/pids; exec sleep 100000' \
    >"$work/run.log" 2>&1 &
job=$!
started+=("$job")
await 30 metric master/tasks_running 2

crash
begin --resources='cpus:2;mem:512;disk:256' --reconfiguration_policy=additive
agent=$pid
await 30 metric master/cpus_total 2
await 30 has_agents 1
metric master/tasks_running 2 || fail "the tasks are no longer known to run"
metric master/slave_registrations 1 || fail "the agent has another id"

crash
begin --resources='cpus:1;mem:512;disk:256' --reconfiguration_policy=additive
if wait "$pid"; then fail "an agent with less than before started"; fi
grep -q "Value of scalar resource 'cpus' decreased from 2 to 1" "$work/agent.log" || fail "it did not say why"
while read -r task; do kill -0 "$task" || fail "a task died with the agent that did not start"; done <"$work/pids"

begin --resources='cpus:2;mem:512;disk:256' --recover=cleanup
wait "$pid" || fail "the agent that was to clean up failed"
while read -r task; do ! kill -0 "$task" 2>/dev/null || fail "a task outlived the cleanup"; done <"$work/pids"
begin --resources='cpus:2;mem:512;disk:256'
await 30 has_agents 1
if wait "$job"; then fail "the job succeeded although its tasks were ended"; fi
metric master/tasks_killed 2 || fail "it is not told that the tasks were killed: $(tail -n 3 "$work/run.log")"
