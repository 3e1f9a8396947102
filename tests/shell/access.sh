#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Operators who prove to a master who they are, or do not, and what they may do, by the command line; tasks that may not
# run as their user.
source "$(dirname "$0")/lib.sh"

umask 077
echo '{"credentials": [{"principal": "walker", "secret": "tanstaaf"}]}' >"$work/credentials"
echo '{"principal": "walker", "secret": "tanstaaf"}' >"$work/walker"
start_master --credentials="$work/credentials" --authenticate_http --authenticate_http_readonly \
    --acls='{"drain_agents": [{"principals": {"values": ["walker"]}, "agents": {"type": "NONE"}}]}'
if "$kaon" agents --master "$master" 2>"$work/said"; then fail "it told a stranger of its agents"; fi
grep -q '401 Unauthorized.*--credential' "$work/said" || fail "a stranger was told: $(cat "$work/said")"
export KAON_CREDENTIAL=$work/walker
"$kaon" agents --master "$master" >/dev/null || fail "it did not know who called"
free_port
start_agent agent-drained --port="$port" --hostname=drained
listed() { "$kaon" agents --master "$master" | grep -q drained; }
await 30 listed
if "$kaon" agent drain drained --master "$master" 2>"$work/said"; then fail "it drained for whom it must not"; fi
grep -q '403 Forbidden.*--acls' "$work/said" || fail "who may not was told: $(cat "$work/said")"
"$kaon" agent deactivate drained --master "$master" >/dev/null || fail "it did not deactivate for whom it may"

# A host refuses what its master would allow.
nobody='{"run_tasks": [{"principals": {"type": "NONE"}, "users": {"type": "ANY"}}]}'
free_port
start_agent agent-strict --port="$port" --hostname=strict --acls="$nobody"
both() { [ "$("$kaon" agents --master "$master" | grep -c ' active')" = 1 ]; }
await 30 both
refused() {
    if "$kaon" run --retries 0 --master "$master" true 2>"$work/said"; then fail "a task ran that must not"; fi
    grep -q "$1" "$work/said" || fail "of a task that must not run was told: $(cat "$work/said")"
}
refused "is not authorized to launch task .* under user"
unset KAON_CREDENTIAL
kill "$master_pid"
wait "$master_pid" 2>/dev/null || true
start_master --acls="$nobody"
free_port
start_agent agent-open --port="$port"
await 30 has_agents 1
refused "Principal '.*' no authorized to launch task .* under user"
