#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Agents are cut off from their masters, each in a network namespace of its own: a short cut changes nothing; a long one, in
# both directions or in either, makes tasks of partition-aware frameworks unreachable and those of others lost, until the
# agent is back. PING and PINGS are the seconds and the number of pings, SHORT the seconds of the short cut: 15, 5 and 55
# are those of Mesos.
source "$(dirname "$0")/net.sh"
ping=${PING:-1}
pings=${PINGS:-5}
short=${SHORT:-3}
least=$((ping * pings))

# cut HOST cable|hears|says and mend HOST cable|hears|says
cut() {
    case $2 in
    cable) ip link set "$1" down ;;
    hears) at "$1" nft add rule inet cut hears iifname != lo drop ;;
    says) at "$1" nft add rule inet cut says oifname != lo drop ;;
    esac
}
mend() {
    if [ "$2" = cable ]; then ip link set "$1" up; else at "$1" nft flush chain inet cut "$2"; fi
}

# begin_master NAME ADDRESS [FLAG…]
begin_master() {
    local name=$1 address=10.77.0.$2
    host "$name" "$2"
    shift 2
    start "$name" nsenter --net="/proc/${spaces[$name]}/ns/net" "$kaon" master --ip="$address" --port=5050 \
        --hostname="$name" --work_dir="$work/$name" --agent_ping_timeout="${ping}secs" --max_agent_ping_timeouts="$pings" "$@"
    await 30 fetch "http://$address:5050/health"
}
# begin_agent NAME ADDRESS MASTER
begin_agent() {
    host "$1" "$2"
    start "$1" nsenter --net="/proc/${spaces[$1]}/ns/net" "$kaon" agent --master="10.77.0.$3:5050" --ip="10.77.0.$2" \
        --port=5051 --hostname="$1" --work_dir="$work/$1" --runtime_dir="$work/$1-run" --resources='cpus:2;mem:512;disk:512'
}
# begin_scheduler MASTER AGENTS aware|plain LOG
begin_scheduler() {
    python3 tests/clients/partition.py "10.77.0.$1:5050" "$2" "$3" >>"$work/$4" 2>>"$work/client.log" &
    started+=("$!")
}

# heard LOG SINCE FRAMEWORK WHAT…: the seconds from then to the first line that begins so, if there is one.
heard() {
    local log=$1 since=$2
    shift 2
    awk -v since="$since" -v line="$*" '$1 >= since && index(substr($0, length($1) + 2), line) == 1 {
        printf "%.2f\n", $1 - since; found = 1; exit } END { exit !found }' "$work/$log"
}
now() { date +%s.%3N; }
running() { [ "$(grep -c TASK_RUNNING "$work/$1")" -ge "$2" ]; }
# between LEAST MOST WHAT SECONDS
between() {
    awk -v a="$1" -v b="$2" -v x="$4" 'BEGIN { exit !(x >= a && x <= b) }' || fail "$3 came after $4 s, not $1 to $2 s"
}

declare -A ways=([agent1]=cable [agent2]=hears [agent3]=says [agent4]=cable)
begin_master keeper 10
begin_master killer 20 --non_partition_aware_return=kill
begin_agent agent1 11 10
begin_agent agent2 12 10
begin_agent agent3 13 10
begin_agent agent4 14 20
for framework in aware plain; do
    begin_scheduler 10 3 "$framework" kept
    begin_scheduler 20 1 "$framework" killed
done
await 60 running kept 12
await 60 running killed 4
sleep "$ping"

# A cut that ends before the last ping is due: nobody hears anything.
cp "$work/kept" "$work/kept.before"
for agent in agent1 agent2 agent3; do cut "$agent" "${ways[$agent]}"; done
sleep "$short"
for agent in agent1 agent2 agent3; do mend "$agent" "${ways[$agent]}"; done
sleep $((2 * ping))
cmp -s "$work/kept" "$work/kept.before" || fail "a cut of $short s was heard of: $(diff "$work/kept.before" "$work/kept")"
fetch http://10.77.0.10:5050/metrics/snapshot | python3 -c '
import json, sys
metrics = json.load(sys.stdin)
unreachable, back = metrics["master/slave_unreachable_scheduled"], metrics["master/slave_reregistrations"]
sys.exit(f"{unreachable} agents were given up, {back} came back" if unreachable or back else 0)' ||
    fail "a cut of $short s was more than a link that is redialled"
grep -q 'Redialling 10.77.0.11:5051' "$work/keeper.log" || fail "the link was not noticed to be dead, nor dialled anew"
# What was lost on the way is sent again, by TCP or by us; the pings must be answered again before the next cut.
sleep $((ping * 2))

since=$(now)
for agent in "${!ways[@]}"; do cut "$agent" "${ways[$agent]}"; done
for agent in "${!ways[@]}"; do
    log=kept
    [ "$agent" = agent4 ] && log=killed
    for number in 1 2; do
        await $((6 * least)) heard "$log" "$since" "aware UPDATE $agent-aware-$number TASK_UNREACHABLE REASON_AGENT_REMOVED"
        await 5 heard "$log" "$since" "plain UPDATE $agent-plain-$number TASK_LOST REASON_AGENT_REMOVED"
    done
    for framework in aware plain; do
        await 5 heard "$log" "$since" "$framework FAILURE $agent"
        after=$(heard "$log" "$since" "$framework FAILURE $agent")
        between "$least" $((5 * (least + ping))) "FAILURE of $agent (${ways[$agent]})" "$after"
    done
    echo "$agent (${ways[$agent]}): unreachable $after s after the cut"
done
fetch http://10.77.0.10:5050/metrics/snapshot | grep -q '"master/slaves_unreachable":3' || fail "not all three are unreachable"

pids_of() { pgrep -f 'sleep 100000' | wc -l; }
[ "$(pids_of)" -eq 16 ] || fail "$(pids_of) tasks run on while their agents are cut off, not 16"
since=$(now)
for agent in "${!ways[@]}"; do mend "$agent" "${ways[$agent]}"; done
for agent in "${!ways[@]}"; do
    log=kept
    [ "$agent" = agent4 ] && log=killed
    for number in 1 2; do
        await 120 heard "$log" "$since" "aware UPDATE $agent-aware-$number TASK_RUNNING REASON_AGENT_REREGISTERED"
        if [ "$log" = kept ]; then
            await 5 heard "$log" "$since" "plain UPDATE $agent-plain-$number TASK_RUNNING REASON_AGENT_REREGISTERED"
        else
            await 20 heard "$log" "$since" "plain UPDATE $agent-plain-$number TASK_KILLED"
        fi
    done
    echo "$agent (${ways[$agent]}): back $(heard "$log" "$since" "aware UPDATE $agent-aware-1 TASK_RUNNING") s after the cut was mended"
done
# Those that were to be killed are; all others never stopped.
fourteen() { [ "$(pids_of)" -eq 14 ]; }
await 10 fourteen
grep -q 'plain UPDATE agent4-plain-[12] TASK_RUNNING REASON_AGENT_REREGISTERED' "$work/killed" &&
    fail "a task that is to be killed was told to be running"
begun=$(grep -c 'TASK_RUNNING -' "$work/kept")
[ "$begun" -eq 12 ] || fail "tasks ran $begun times, not 12"
