#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rolling maintenance of six agents, each in a network namespace of its own, that run a service whose tasks are tried again:
# killed half-way and resumed, each agent is started anew once, and never two are out at a time.
source "$(dirname "$0")/net.sh"

hosts="h1 h2 h3 h4 h5 h6"

# keep NUMBER: an agent on a host of its own, which is started again whenever it ends, as systemd would, until $work/over is
# there.
keep() {
    while [ ! -e "$work/over" ]; do
        nsenter --net="/proc/${spaces[h$1]}/ns/net" "$kaon" agent --master="$master" --ip="10.77.0.1$1" --hostname="h$1" \
            --port=5051 --work_dir="$work/h$1" --runtime_dir="$work/h$1-run" --resources='cpus:2;mem:1024' \
            --attributes="rack:r$(($1 % 2))" >>"$work/h$1.log" 2>&1 &
        local agent=$!
        echo "$agent" >"$work/h$1.pid"
        wait "$agent" || true
        sleep 0.5
    done
}
# Whoever keeps an agent must stop first, or it would start another.
finish_all() {
    local status=$?
    touch "$work/over"
    for host in $hosts; do kill -USR1 "$(cat "$work/$host.pid" 2>/dev/null)" 2>/dev/null || true; done
    for keeper in "${keepers[@]}"; do wait "$keeper" 2>/dev/null || true; done
    finish "$status"
}
keepers=()
trap finish_all EXIT

master=10.77.0.1:5050
start master "$kaon" master --ip=10.77.0.1 --port=5050 --work_dir="$work/master"
await 30 fetch "http://$master/health"
for number in 1 2 3 4 5 6; do
    host "h$number" "1$number"
    keep "$number" &
    keepers+=("$!")
done
await 30 has_agents 6

# The service: more tasks than one machine can run.
start service "$kaon" run --master "$master" --cpus 0.5 --mem 32 --tasks 12 --retries 100 -- sleep 60
service=$pid
serves() { fetch "http://$master/metrics/snapshot" | grep -q '"master/tasks_running":12'; }
await 20 serves

# watch: how many machines are out at most, until $work/over is there.
watch() {
    local most=0
    while [ ! -e "$work/over" ]; do
        local out
        out=$("$kaon" maintenance show --master "$master" 2>/dev/null | tail -n +2 | wc -l)
        [ "$out" -le "$most" ] || most=$out
        echo "$most" >"$work/most"
        sleep 0.1
    done
}
watch &
keepers+=("$!")

journal=$work/roll.journal
roll() { "$kaon" maintenance roll --master "$master" --journal "$journal" "$@"; }

roll --all --at-a-time 1 --dry-run | grep -q '^6 machines, at most 1 at a time' || fail "the plan is another: $(roll --all --dry-run)"
[ ! -e "$journal" ] || fail "a dry run did something"

start roll "$kaon" maintenance roll --master "$master" --journal "$journal" --all --at-a-time 1 --notice 1s --grace 1s \
    --command "echo {} >>'$work/worked'"
roll=$pid
# A command that runs when the roll is killed runs again: it is killed when none does.
half() { [ "$(grep -c worked "$journal")" -ge 3 ]; }
await 40 half
kill -KILL "$roll"
wait "$roll" 2>/dev/null || true
if roll --all 2>"$work/again"; then fail "a roll that is not over was begun anew"; fi
grep -q -- '--resume' "$work/again" || fail "it was refused for another reason: $(cat "$work/again")"
roll --resume 2>"$work/resumed.log" || fail "it did not end well: $(cat "$work/resumed.log")"

[ "$(sort "$work/worked" | tr '\n' ' ')" = "$hosts " ] || fail "machines were worked on: $(tr '\n' ' ' <"$work/worked")"
[ "$(cat "$work/most")" -eq 1 ] || fail "$(cat "$work/most") machines were out at once"
await 20 has_agents 6
for host in $hosts; do
    lives=$(grep -c 'kaon: ready at' "$work/$host.log")
    registered=$(grep -c 'dmitted by the master\|ack with the master' "$work/$host.log")
    [ "$registered" -eq 2 ] || fail "$host registered $registered times, in $lives lives"
done
kill -0 "$service" 2>/dev/null || wait "$service" || fail "the service failed"
