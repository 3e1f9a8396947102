#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What operators are told: of a drain that does not end, which framework holds it up, and how to end that; of an agent that
# is unreachable, that it is.
source "$(dirname "$0")/lib.sh"

start_master --agent_ping_timeout=1secs --max_agent_ping_timeouts=2
start_agent agent1 --port=0 --hostname=host1 --resources='cpus:2;mem:1024;disk:1024'
agent=$pid
await 30 has_agents 1
agents() { "$kaon" agents --master "$master" -o wide; }

start careless python3 tests/clients/careless.py "$master"
careless=$pid
await 20 grep -q 'two TASK_RUNNING' "$work/careless.log"
"$kaon" agent drain host1 --wait --grace 1s --master "$master" >"$work/drain.out" 2>"$work/drain.log" &
drain=$!
started+=("$drain")
await 20 grep -q 'acknowledge the end of one of careless, two of careless' "$work/drain.log"
! grep -q teardown "$work/drain.log" || fail "the framework is there: $(cat "$work/drain.log")"
kill -KILL "$careless"
await 10 grep -q 'careless (.*) is disconnected' "$work/drain.log"
form=$(grep -o 'curl -d frameworkId=[^ ]* http://MASTER/master/teardown' "$work/drain.log" | cut -d' ' -f3)
python3 - "http://$master/master/teardown" "$form" <<'PY' || fail "the framework cannot be ended with $form"
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], sys.argv[2].encode(), timeout=10).read()
PY
await 20 grep -q 'host1 .* is drained' "$work/drain.out"
wait "$drain" || fail "the drain ended with $?"

kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
is_unreachable() { agents | grep -q ' unreachable '; }
await 20 is_unreachable
[ "$(agents | wc -l)" -eq 2 ] || fail "there was one agent: $(agents)"
