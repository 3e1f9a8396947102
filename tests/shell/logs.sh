#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `kaon task logs`: of a task of a group it shows what that task wrote.
source "$(dirname "$0")/lib.sh"

start_master
free_port
agent_port=$port
begin_agent() { start_agent agent --port="$agent_port" --resources='cpus:2;mem:1024;disk:1024'; agent=$pid; }
begin_agent
await 30 has_agents 1
start careless python3 tests/clients/careless.py "$master"
await 20 grep -q 'two TASK_RUNNING' "$work/careless.log"
logs() { "$kaon" task logs "$@" --master "$master"; }
for task in one two; do
    [ "$(logs "$task")" = "$task" ] || fail "task $task of a group wrote: $(logs "$task")"
    logs "$task" --stderr | grep -q "^$task\$" || fail "task $task of a group wrote to stderr: $(logs "$task" --stderr)"
done
