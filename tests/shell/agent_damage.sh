#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Of two tasks, what the agent remembers of one is damaged while there is no agent: the next one refuses to start, and says
# where; with --no-strict it sets that one aside, and the other never notices.
source "$(dirname "$0")/lib.sh"

start_master
free_port
agent_port=$port
begin() { start_agent agent --port="$agent_port" --resources='cpus:1;mem:256;disk:256' "$@"; }
running() { fetch "http://$master/metrics/snapshot" | grep -qE "\"master/tasks_running\":$1(\.0)?[,}]"; }
begin
agent=$pid
await 30 has_agents 1
mkdir "$work/tasks"
# One that is lost is launched anew: it must not count as one that still runs.
"$kaon" run --master "$master" --cpus 0.1 --mem 32 --tasks 2 --retries 0 -- \
    sh -c '[ ! -e '"$work"'/tasks/"$1" ] || exit 0; echo $$ >'"$work"'/tasks/"$1"; exec sleep 100000' task '{#}' \
    >"$work/run.log" 2>&1 &
job=$!
started+=("$job")
await 30 running 2
kill -KILL "$agent"
wait "$agent" 2>/dev/null || true

damaged=$(find "$work/agent/meta/slaves" -name task.info | sort | head -n 1)
bytes=$(stat -c %s "$damaged")
printf '\xff' | dd of="$damaged" bs=1 seek=$((bytes / 2)) conv=notrunc 2>/dev/null
truncate -s $((bytes - 1)) "$damaged"

begin
if wait "$pid"; then fail "it started on what is damaged"; fi
grep -q "Cannot read the agent's state: ${damaged#"$work/agent/"} is damaged at byte [0-9]" "$work/agent.log" || fail "it did not say where"
for file in "$work"/tasks/*; do kill -0 "$(cat "$file")" || fail "a task died with the agent that did not start"; done

begin --no-strict
await 30 has_agents 1
await 30 running 1
alive=0
for file in "$work"/tasks/*; do if kill -0 "$(cat "$file")" 2>/dev/null; then alive=$((alive + 1)); fi; done
[ "$alive" -eq 1 ] || fail "$alive tasks live, not the one that is still known"
fetch "http://127.0.0.1:$agent_port/metrics/snapshot" | grep -qE '"slave/recovery_errors":1(\.0)?[,}]' || fail "nothing was set aside"
