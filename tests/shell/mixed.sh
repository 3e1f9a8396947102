#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every way in which a command task ends, on two agents: exits, signals, kills, checks, deadlines, fetched files.
source "$(dirname "$0")/lib.sh"

start_master
for number in 1 2; do
    free_port
    start_agent "agent$number" --port="$port" --fetcher_cache_dir="$work/cache" \
        --resources='cpus:4;mem:1024;disk:1024'
done
await 30 has_agents 2
timeout 120 python3 tests/clients/mixed.py --master "$master" --tasks 70 --agents 2 --within 100 --cache
