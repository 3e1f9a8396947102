#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What operators are told: of an agent that is unreachable, that it is there no more.
source "$(dirname "$0")/lib.sh"

start_master --agent_ping_timeout=1secs --max_agent_ping_timeouts=2
start_agent agent1 --port=0 --hostname=host1 --resources='cpus:2;mem:1024;disk:1024'
agent=$pid
await 30 has_agents 1
agents() { "$kaon" agents --master "$master" -o wide; }

kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
is_unreachable() { agents | grep -q ' unreachable '; }
await 20 is_unreachable
[ "$(agents | wc -l)" -eq 2 ] || fail "there was one agent: $(agents)"
