#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A master and two agents as processes of their own, started by their Mesos names; an agent is killed in the middle of
# a job and started again: no task that was seen running dies of it.
source "$(dirname "$0")/lib.sh"

mkdir "$work/bin"
ln -s "$kaon" "$work/bin/mesos-master"
ln -s "$kaon" "$work/bin/mesos-agent"

free_port
master=127.0.0.1:$port
start master "$work/bin/mesos-master" --ip=127.0.0.1 --port="$port" --work_dir="$work/master"
await 30 fetch "http://$master/health"
ports=()
pids=()
for index in 0 1; do
    free_port
    ports[index]=$port
    start "agent$index" "$work/bin/mesos-agent" --master="$master" --ip=127.0.0.1 --port="$port" \
        --work_dir="$work/agent$index" --runtime_dir="$work/agent$index-run" --resources='cpus:2;mem:1024'
    pids[index]=$pid
done
await 30 has_agents 2

# Each task notes that it began, and that it ended, under its own number.
mkdir "$work/began" "$work/ended"
"$kaon" run --master "$master" --cpus 0.2 --mem 32 --tasks 40 --retries 0 -- \
    sh -c 'echo $$ >>'"$work"'/began/"$1"; sleep 1; echo done >>'"$work"'/ended/"$1"; echo task "$1"' task '{#}' \
    >"$work/out" 2>"$work/run.log" &
job=$!
started+=("$job")

ten_began() { [ "$(ls "$work/began" | wc -l)" -ge 10 ]; }
await 30 ten_began
kill -KILL "${pids[0]}"
wait "${pids[0]}" 2>/dev/null || true
start agent0 "$work/bin/mesos-agent" --master="$master" --ip=127.0.0.1 --port="${ports[0]}" \
    --work_dir="$work/agent0" --runtime_dir="$work/agent0-run" --resources='cpus:2;mem:1024'

wait "$job" || fail "the job failed, although no task may be lost: $(tail -n 5 "$work/run.log")"
[ "$(ls "$work/ended" | wc -l)" -eq 40 ] || fail "only $(ls "$work/ended" | wc -l) of 40 tasks ended"
for file in "$work"/began/*; do
    [ "$(wc -l <"$file")" -eq 1 ] || fail "task $(basename "$file") ran more than once"
done
seq -f 'task %g' 40 >"$work/expected"
cmp "$work/out" "$work/expected" || fail "the output is not that of the tasks, in order"
