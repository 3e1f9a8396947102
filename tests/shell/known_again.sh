#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The leader of many emulated agents is killed: the next one soon knows each agent and each task again, as it counts them.
#
# AGENTS (with ten tasks each), SESSION (seconds) and FLAGS (of `kaon-load failover`) are for the figures of record.
source "$(dirname "$0")/lib.sh"
load=$(readlink -f "${KAON_LOAD:-target/debug/kaon-load}")
agents=${AGENTS:-200} session=${SESSION:-4}

start_ensemble
for number in 0 1; do start_candidate "$number"; done
await 60 find_leader
standby=${masters[1 - leader]}
"$load" failover --master "$master" --standbys "$standby" --agents "$agents" --tasks 10 --frameworks 5 ${FLAGS:-} |
    tee "$work/figures"
figure() { awk -v what="$1" 'index($0, what) { print $1; found = 1 } END { exit !found }' "$work/figures"; }
waited=$(figure 'from the kill')
awk -v waited="$waited" -v session="$session" 'BEGIN { exit !(waited > 0 && waited <= 5 * session) }' ||
    fail "another master led $waited s after the kill"
figure 'until all tasks were known' >/dev/null || fail "not all tasks were known"
