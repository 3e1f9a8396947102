#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A scheduler of raw sockets and JSON, using nothing of ours.
source "$(dirname "$0")/lib.sh"

start_master
free_port
start_agent agent --port="$port" --resources='cpus:1;mem:512'
await 30 has_agents 1
python3 tests/clients/raw_http.py "$master" >"$work/raw.log" 2>&1 || fail "the raw scheduler failed"
grep -q 'the stream has ended' "$work/raw.log" || fail "it did not get to its end"
