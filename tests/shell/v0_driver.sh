#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A scheduler and an executor of the v0 API, of raw sockets: each message with the master, and with the agent.
source "$(dirname "$0")/lib.sh"

start_master
free_port
mkdir "$work/notes"
start walk python3 tests/clients/v0_scheduler.py "$master" "$work/notes" \
    "$kaon" agent --master="$master" --ip=127.0.0.1 --port="$port" --resources='cpus:1;mem:512' \
    --work_dir="$work/agent" --runtime_dir="$work/agent-run"
wait "$pid" || fail "the walk ended with status $?"
grep -q '^all walked' "$work/walk.log" || fail "it did not get to its end"
