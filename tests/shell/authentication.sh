#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CRAM-MD5: a master that demands it of drivers and agents, those who have the secret, and those who have not.
source "$(dirname "$0")/lib.sh"

umask 077
echo '{"credentials": [{"principal": "walker", "secret": "tanstaaf"}, {"principal": "agent", "secret": "a secret"}]}' \
    >"$work/credentials"
echo '{"principal": "agent", "secret": "a secret"}' >"$work/credential"
echo '{"principal": "agent", "secret": "another"}' >"$work/wrong"

if "$kaon" master --ip=127.0.0.1 --port=0 --registry=in_memory --authenticate_agents >"$work/none.log" 2>&1; then
    fail "a master that knows nobody demands proofs"
fi
grep -q -- '--authenticate_agents needs --credentials' "$work/none.log" || fail "it did not say what it lacks"

start_master --credentials="$work/credentials" --authenticate_frameworks --authenticate_agents
python3 tests/clients/v0_authentication.py "$master" walker tanstaaf >"$work/walk.log" 2>&1 ||
    fail "the walk through CRAM-MD5 failed"
grep -q '^all walked' "$work/walk.log" || fail "it did not get to its end"

free_port
start_agent agent-right --port="$port" --credential="$work/credential"
await 30 has_agents 1
free_port
start_agent agent-none --port="$port"
free_port
begun=$SECONDS
start_agent agent-wrong --port="$port" --credential="$work/wrong"
wait "$pid" && fail "an agent with the wrong secret ended well"
[ $((SECONDS - begun)) -le 30 ] || fail "it took $((SECONDS - begun)) s to give up"
grep -q "refused authentication" "$work/agent-wrong.log" || fail "it did not say why it ended"
sleep 3
has_agents 1 || fail "an agent that proved nothing was admitted"
