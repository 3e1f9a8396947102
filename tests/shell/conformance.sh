#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A master and an agent as processes of their own, by their Mesos names, answer what was recorded of Mesos 1.11.
source "$(dirname "$0")/lib.sh"

cargo build --quiet --bin kaon-conformance
mkdir "$work/bin"
ln -s "$kaon" "$work/bin/mesos-master"
ln -s "$kaon" "$work/bin/mesos-agent"

free_port
master=127.0.0.1:$port
start master "$work/bin/mesos-master" --ip=127.0.0.1 --port="$port" --hostname=localhost --work_dir="$work/master"
await 30 fetch "http://$master/health"
free_port
start agent "$work/bin/mesos-agent" --master="$master" --ip=127.0.0.1 --port="$port" --hostname=localhost \
    --work_dir="$work/agent" --runtime_dir="$work/agent-run" \
    --resources='cpus:4;mem:1024;disk:1024;ports:[31000-32000]'
await 30 has_agents 1
target/debug/kaon-conformance --master "$master" --agent "127.0.0.1:$port" >"$work/conformance.out" ||
    fail "not as Mesos: $(grep -A 9 DIFFERENT "$work/conformance.out" | head -n 60)"
tail -n 1 "$work/conformance.out"
