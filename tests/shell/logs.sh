#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `kaon task logs`: of a task of a group it shows what that task wrote, and it follows a task while its master and its agent
# are killed and come back.
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

start job "$kaon" run --master="$master" --cpus 0.1 --mem 32 --name job -- \
    sh -c "n=0; while [ ! -e $work/stop ]; do n=\$((n + 1)); echo line \$n; sleep 0.2; done; echo last; touch $work/stopped"
task=
find_task() { task=$("$kaon" tasks --master "$master" --framework job -o json | grep -o '"id": "[^"]*"' | cut -d'"' -f4); [ -n "$task" ]; }
await 20 find_task
started_to_write() { logs "$task" | grep -q 'line 3'; }
await 20 started_to_write
logs "$task" --follow >"$work/followed" 2>"$work/follow.log" &
follow=$!
started+=("$follow")
await 5 grep -q 'line 3' "$work/followed"

# A new master lists the task when its agent has come back, and not before.
kill -KILL "$master_pid" "$agent"
wait "$master_pid" "$agent" 2>/dev/null || true
sleep 3
start master "$kaon" master --ip=127.0.0.1 --port="${master##*:}" --work_dir="$work/master"
await 30 fetch "http://$master/health"
sleep 4
kill -0 "$follow" 2>/dev/null || fail "it no longer follows: $(cat "$work/follow.log")"
begin_agent
await 30 has_agents 1
reached=$(grep -c line "$work/followed")
goes_on() { [ "$(grep -c line "$work/followed")" -gt $((reached + 10)) ]; }
await 30 goes_on
touch "$work/stop"
await 10 eval "! kill -0 $follow"
wait "$follow" || fail "it ended with $?: $(cat "$work/follow.log")"
[ "$(tail -n 1 "$work/followed")" = last ] || fail "it missed the end: $(tail -n 3 "$work/followed")"
awk '$1 == "line" && $2 != ++number { exit 1 }' "$work/followed" || fail "lines are missing, or there twice"
[ "$(wc -l <"$work/follow.log")" -le 4 ] || fail "it tells what is amiss again and again: $(cat "$work/follow.log")"
