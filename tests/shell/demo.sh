#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make run` without a terminal: a real job on a real cluster, equal to a shell pipeline, and nothing left behind.
source "$(dirname "$0")/lib.sh"

TMPDIR=$work scripts/run-demo "$kaon" >"$work/demo.log" 2>&1 </dev/null || fail "the demo ended with status $?"
grep -q 'kaon: ready at http://127.0.0.1:' "$work/demo.log" || fail "it did not say where the cluster is"
grep -q 'counts the same' "$work/demo.log" || fail "it did not compare its counts"
# Daemons and supervisors alike carry the folder that they work in among their arguments.
left=$(ps -eo pid=,args= | grep -F "$work/kaon-demo" | grep -v grep || true)
[ -z "$left" ] || fail "processes are left: $left"
