#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make run` without a terminal: a real job on a real cluster, equal to a shell pipeline, and nothing left behind.
source "$(dirname "$0")/lib.sh"

# Daemons are named after the binary, supervisors say what they are.
processes() { ps -eo pid=,comm= | awk '$2 ~ /^kaon(-supervisor)?$/' | sort; }
processes >"$work/before"
scripts/run-demo "$kaon" >"$work/demo.log" 2>&1 </dev/null || fail "the demo ended with status $?"
grep -q 'kaon: ready at http://127.0.0.1:' "$work/demo.log" || fail "it did not say where the cluster is"
grep -q 'counts the same' "$work/demo.log" || fail "it did not compare its counts"
processes >"$work/after"
[ -z "$(comm -13 "$work/before" "$work/after")" ] || fail "processes are left: $(comm -13 "$work/before" "$work/after")"
