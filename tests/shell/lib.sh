# SPDX-License-Identifier: Apache-2.0
# What the shell tests share: processes that are started, awaited and ended by id.

set -euo pipefail
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
kaon=$(readlink -f "${KAON:-target/debug/kaon}")
work=$(mktemp -d "${TMPDIR:-/tmp}/kaon-test.XXXXXX")
started=()
agents=()
clients=()

# finish [STATUS]: leaves nothing behind, and ends with the status.
finish() {
    status=${1:-$?}
    trap - EXIT INT TERM
    if [ "$status" -ne 0 ]; then
        for log in "$work"/*.log; do
            [ -e "$log" ] && { echo "--- $(basename "$log")"; tail -n 30 "$log"; } >&2
        done
    fi
    # An agent that is told to drain ends its tasks before it goes; a master just goes.
    end USR1 "${agents[@]}"
    end TERM "${started[@]}"
    rm -rf "$work"
    exit "$status"
}

# end SIGNAL PID…: asks each process to end, and kills what has not after ten seconds.
end() {
    local signal=$1
    shift
    for pid in "$@"; do kill "-$signal" "$pid" 2>/dev/null || true; done
    for pid in "$@"; do
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Ports from a range that is this script's own: a port must still be free when what listened there is started again.
port_from=$((20000 + ${KAON_PORT_RANGE:-$$} % 200 * 50))
free_port() {
    while (exec 3<>"/dev/tcp/127.0.0.1/$port_from") 2>/dev/null; do port_from=$((port_from + 1)); done
    port=$port_from
    port_from=$((port_from + 1))
}

# start NAME COMMAND…: in the background, with its log in $work/NAME.log; its id is then in $pid.
start() {
    local name=$1
    shift
    "$@" >>"$work/$name.log" 2>&1 &
    pid=$!
    case $name in
    agent*) agents+=("$pid") ;;
    *) started+=("$pid") ;;
    esac
}

# await SECONDS COMMAND…: until the command succeeds.
await() {
    local tries=$(($1 * 10))
    shift
    for _ in $(seq "$tries"); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "after $((tries / 10)) s still not: $*"
}

# fetch URL: the body of an answer.
fetch() {
    python3 - "$1" <<'PY'
import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
PY
}

# has_agents N: whether the master has that many active agents.
has_agents() {
    fetch "http://$master/metrics/snapshot" | python3 -c '
import json, sys
sys.exit(json.load(sys.stdin)["master/slaves_active"] != float(sys.argv[1]))' "$1"
}

# start_master [FLAG…]: its address is then in $master, its id in $master_pid.
start_master() {
    free_port
    master=127.0.0.1:$port
    start master "$kaon" master --ip=127.0.0.1 --port="$port" --work_dir="$work/master" "$@"
    master_pid=$pid
    await 30 fetch "http://$master/health"
}

# start_agent NAME [FLAG…]: the id of its process is then in $pid.
start_agent() {
    local name=$1
    shift
    start "$name" "$kaon" agent --master="$master" --ip=127.0.0.1 --work_dir="$work/$name" \
        --runtime_dir="$work/$name-run" "$@"
}

# start_ensemble: three ZooKeeper servers; where masters meet is then in $zk, their own ports in ${zk_ports[@]}, and their
# ids in ${zk_pids[@]}.
start_ensemble() {
    scripts/ensure zookeeper || fail "ZooKeeper cannot be installed"
    local number servers='' hosts='' ports=()
    for number in 1 2 3; do
        free_port; ports+=("$port")
        free_port; servers+="server.$number=127.0.0.1:$port"
        free_port; servers+=":$port"$'\n'
        hosts+=${hosts:+,}127.0.0.1:${ports[number - 1]}
    done
    zk=zk://$hosts/kaon zk_ports=("${ports[@]}") zk_pids=()
    for number in 1 2 3; do
        mkdir -p "$work/zookeeper$number"
        echo "$number" >"$work/zookeeper$number/myid"
        printf 'tickTime=500\ninitLimit=20\nsyncLimit=5\ndataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n%s' \
            "$work/zookeeper$number" "${ports[number - 1]}" "$servers" >"$work/zookeeper$number.cfg"
        start_zookeeper "$number"
    done
}

# start_zookeeper NUMBER: one server of the ensemble.
start_zookeeper() {
    start "zookeeper$1" java -Xmx96m -XX:TieredStopAtLevel=1 -cp /usr/share/java/zookeeper.jar \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$work/zookeeper$1.cfg"
    zk_pids[$1 - 1]=$pid
}

# start_candidate NUMBER [FLAG…]: a master that stands for election, always at the same address; its address is then in
# ${masters[NUMBER]}, its id in ${master_pids[NUMBER]}.
masters=()
master_pids=()
start_candidate() {
    local number=$1
    shift
    if [ -z "${masters[number]:-}" ]; then free_port; masters[number]=127.0.0.1:$port; fi
    start "master$number" "$kaon" master --ip=127.0.0.1 --port="${masters[number]##*:}" --hostname=127.0.0.1 \
        --zk="$zk" --zk_session_timeout="${SESSION:-4}secs" "$@"
    master_pids[number]=$pid
}

# find_leader: its number is then in $leader, its address in $master.
find_leader() {
    for leader in "${!masters[@]}"; do
        master=${masters[leader]}
        if fetch "http://$master/metrics/snapshot" 2>/dev/null | grep -q '"master/elected":1'; then return 0; fi
    done
    return 1
}
