#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two masters and three ZooKeeper servers: the PyPI package pymesos, unmodified, finds the leader by zk://; then ZooKeeper
# loses its majority and gets it back, while long tasks run; the registry is looked at.
source "$(dirname "$0")/lib.sh"

scripts/ensure pymesos || fail "pymesos cannot be installed"
python=$(readlink -f target/tools)/pymesos/bin/python

start_ensemble
for number in 0 1; do start_candidate "$number"; done
await 60 find_leader
for number in 0 1; do
    free_port
    start "agent$number" "$kaon" agent --master="$zk" --ip=127.0.0.1 --port="$port" --work_dir="$work/agent$number" \
        --runtime_dir="$work/agent$number-run" --resources='cpus:3;mem:1024;disk:1024'
done
await 30 has_agents 2

timeout 120 "$python" -B tests/clients/pymesos_scheduler.py "$zk" "$work/journal" >"$work/pymesos.log" 2>&1 ||
    fail "pymesos did not do its work"
grep 'ends:' "$work/pymesos.log"

mkdir "$work/began"
start client python3 tests/clients/failover.py --masters "${masters[0]},${masters[1]}" --name long --tasks 10 --folder "$work"
client=$pid
is_ready() { grep -q ready "$work/long.history"; }
await 60 is_ready
kill -KILL "${zk_pids[0]}" "${zk_pids[1]}"
nobody_leads() { ! find_leader; }
await 30 nobody_leads
"$kaon" status --master "${masters[0]},${masters[1]}" 2>"$work/status.log" && fail "somebody answers who does not lead"
grep -q 'No leader elected' "$work/status.log" || fail "it says: $(cat "$work/status.log")"
start_zookeeper 1
start_zookeeper 2
await 60 find_leader
await 60 has_agents 2
touch "$work/finish"
wait "$client" || fail "the framework has missed something"

"$kaon" registry show --zk "$zk" | grep -q '^agents  *2$' || fail "the registry does not know two agents"
"$kaon" registry export --zk "$zk" | python3 -c 'import json, sys; assert len(json.load(sys.stdin)["slaves"]["slaves"]) == 2'
