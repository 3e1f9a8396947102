#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A health check goes on over the death of its agent: the next one sees that the task is no longer healthy, and ends it.
source "$(dirname "$0")/lib.sh"

start_master
free_port
agent_port=$port
begin_agent() { start_agent agent --port="$agent_port" --resources='cpus:2;mem:512;disk:512'; }
begin_agent
await 30 has_agents 1
python3 tests/clients/checked.py "$master" "$work/sick" >"$work/updates" 2>"$work/client.log" &
client=$!
started+=("$client")
await 20 grep -q '^TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED True' "$work/updates"
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
begin_agent
touch "$work/sick"
await 30 grep -q '^TASK_KILLED' "$work/updates"
wait "$client"
diff - "$work/updates" <<'UPDATES' || fail "these are not the updates of a task that fell ill"
TASK_STARTING - -
TASK_RUNNING - -
TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED True
TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED False
TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED False
TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED False
TASK_KILLED - False
UPDATES
