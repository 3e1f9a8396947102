#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The PyPI package pymesos, unmodified: a scheduler and an executor of it run 200 tasks, of which some fail and some are
# killed, with messages both ways; half-way the scheduler dies and another process takes its place.
source "$(dirname "$0")/lib.sh"

scripts/ensure pymesos || fail "pymesos cannot be installed"
python=$(readlink -f target/tools)/pymesos/bin/python

start_master
for index in 0 1; do
    free_port
    start_agent "agent$index" --port="$port" --resources='cpus:2;mem:1024'
done
await 30 has_agents 2

start first "$python" -B tests/clients/pymesos_scheduler.py "$master" "$work/journal" 80
status=0
wait "$pid" || status=$?
[ "$status" -eq 42 ] || fail "the first scheduler ended with status $status, not where it should die"
[ "$(grep -c '^end' "$work/journal")" -eq 80 ] || fail "it died at another moment"

start second "$python" -B tests/clients/pymesos_scheduler.py "$master" "$work/journal"
wait "$pid" || fail "the second scheduler failed"
grep -q 'registered again' "$work/second.log" || fail "it did not take the framework over"
[ "$(grep -c '^framework' "$work/journal")" -eq 1 ] || fail "there was more than one framework"
grep 'ends:' "$work/second.log"
# One executor on each agent ran them all.
executors=$(find "$work"/agent?/slaves -path '*/executors/*/runs/*' -name stderr | wc -l)
[ "$executors" -eq 2 ] || fail "$executors executors ran, where two are enough"
