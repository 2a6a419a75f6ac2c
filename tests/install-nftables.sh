#!/usr/bin/env bash
# Installs the packet filter with which the stress tests cut a service off from its database (in a network namespace of
# their own). Without it, or without the right to make such a namespace, that one scenario reports that it is not available.
set -euo pipefail

command -v nft >/dev/null 2>&1 && command -v ip >/dev/null 2>&1 && exit 0
as_root=()
[[ $(id -u) == 0 ]] || as_root=(sudo -n)
if command -v apt-get >/dev/null 2>&1 && "${as_root[@]}" true 2>/dev/null; then
    echo 'Installing the packet filter (apt-get install nftables iproute2) …'
    "${as_root[@]}" apt-get update -qq || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nftables iproute2 >/dev/null || true
fi

command -v nft >/dev/null 2>&1 || echo 'nft was not found: the scenario "partition" will not be available.' >&2
