# SPDX-License-Identifier: Apache-2.0
# Hosts with a network namespace each, for tests that source this before lib.sh: the test begins anew in namespaces of
# networks, mounts and processes that end with it; those of the machine are not touched.

if [ "${1:-}" != inside ]; then
    cd "$(dirname "$0")/../.." && scripts/ensure iproute && scripts/ensure nftables
    own=(--net --mount --pid --fork --kill-child --mount-proc)
    [ "$(id -u)" = 0 ] || own+=(--user --map-root-user)
    # Tasks run as the user that the tests' scheduler names: the only one that is mapped.
    USER=root exec unshare "${own[@]}" bash "tests/shell/$(basename "$0")" inside
fi
source "$(dirname "$0")/lib.sh"

# Where the test itself is: in the middle, at 10.77.0.1.
ip link set lo up
ip link add name middle type bridge
ip link set middle up
ip address add 10.77.0.1/24 dev middle

# host NAME N: a namespace with a cable to the middle, at 10.77.0.N; commands run there by `at NAME`.
declare -A spaces
host() {
    unshare --net sleep infinity &
    spaces[$1]=$!
    started+=("$!")
    await 5 in_own_space "$1"
    ip link add name "$1" type veth peer name uplink netns "${spaces[$1]}"
    ip link set "$1" master middle up
    at "$1" ip link set lo up
    at "$1" ip link set uplink up
    at "$1" ip address add "10.77.0.$2/24" dev uplink
    at "$1" nft add table inet cut
    at "$1" nft add chain inet cut hears '{ type filter hook input priority 0; policy accept; }'
    at "$1" nft add chain inet cut says '{ type filter hook output priority 0; policy accept; }'
}
in_own_space() { [ "$(readlink "/proc/${spaces[$1]}/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
at() {
    local space=${spaces[$1]}
    shift
    nsenter --net="/proc/$space/ns/net" "$@"
}
