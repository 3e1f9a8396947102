#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who gets what: shares by weight, strict priority, filters that are kept, offers that are rescinded in time.
#
# SECONDS_OF_LOAD=60 for the figures of record, in cpus. The default is short: how what was used was divided, since a busy
# machine may not keep 30 tasks running.
source "$(dirname "$0")/lib.sh"

load=${SECONDS_OF_LOAD:-12}

# mean FROM SECONDS: the mean cpus used by each role, polled four times a second.
mean() {
    python3 - "$master" "$1" <<'PY'
import json, sys, time, urllib.request
master, seconds = sys.argv[1], float(sys.argv[2])
sums, polls, end = {"a": 0.0, "b": 0.0}, 0, time.monotonic() + seconds
while time.monotonic() < end:
    state = json.load(urllib.request.urlopen(f"http://{master}/state", timeout=10))
    for framework in state["frameworks"]:
        sums[framework["roles"][0]] += framework["used_resources"]["cpus"]
    polls += 1
    time.sleep(0.25)
print(sums["a"] / polls, sums["b"] / polls)
PY
}

# shares NAME EXPECTED_A EXPECTED_B [FLAG…]: two endless frameworks on 30 cpus.
shares() {
    local name=$1 a=$2 b=$3
    shift 3
    start_master --weights='a=1,b=2' "$@"
    free_port
    start_agent "agent-$name" --port="$port" --resources='cpus:30;mem:4096'
    await 30 has_agents 1
    start endless-a python3 tests/clients/endless.py "$master" a
    local first=$pid
    start endless-b python3 tests/clients/endless.py "$master" b
    local second=$pid
    sleep $((load / 2))
    mean $((load - load / 2)) >"$work/$name.mean"
    echo "$name: $(cat "$work/$name.mean") cpus, expected $a $b"
    awk -v a="$a" -v b="$b" -v load="$load" '
        function near(x, y, bound) { return x >= y - bound && x <= y + bound }
        load >= 60 { exit !(near($1, a, 1) && near($2, b, 1)) }
        { exit !($1 + $2 > 10 && near($1 / ($1 + $2), a / (a + b), 0.07)) }' "$work/$name.mean" ||
        fail "$name: the mean use of a and b is $(cat "$work/$name.mean"), expected $a and $b"
    end TERM "$first" "$second"
    end USR1 "${agents[@]}"
    end TERM "$master_pid"
}

shares drf 10 20
shares priority 0 30 --allocator=priority

# One framework declines for an hour, one never answers: the third is offered what the others do not take.
start_master --offer_timeout=2secs
free_port
start_agent agent-filters --port="$port" --resources='cpus:4;mem:512'
await 30 has_agents 1
start decliner python3 tests/clients/endless.py "$master" a 3600
sleep 6
[ "$(grep -c offers "$work/decliner.log")" -eq 1 ] ||
    fail "a framework that declined for an hour was asked $(grep -c offers "$work/decliner.log") times"
start sleeper python3 tests/clients/endless.py "$master" b sleep
rescinded() { grep -q rescind "$work/sleeper.log"; }
await 10 rescinded
start taker python3 tests/clients/endless.py "$master" c
offered() { grep -q offers "$work/taker.log"; }
await 10 offered
