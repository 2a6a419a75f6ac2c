#!/usr/bin/env bash
# Installs the programs of the fail-over and pooler tests: Patroni, etcd, pgbouncer and pgpool-II, at the versions of the
# system's package manager. Without them those tests report that they are not available. The packages' own services are neither started nor
# left enabled: the tests run each program by themselves, on loopback ports and in throw-away folders.
set -euo pipefail

programs=(patroni etcd pgbouncer pgpool)
packages=(patroni etcd-server pgbouncer pgpool2)
PATH=$PATH:/usr/sbin # Debian puts pgbouncer and pgpool there
missing=()
for i in "${!programs[@]}"; do
    command -v "${programs[i]}" >/dev/null 2>&1 || missing+=("${packages[i]}")
done
((${#missing[@]} > 0)) || exit 0

as_root=()
[[ $(id -u) == 0 ]] || as_root=(sudo -n)

# Debian starts a service as soon as it is installed, unless a policy file forbids it. An existing file stays as it is.
policy=/usr/sbin/policy-rc.d
put_policy_back() { :; }
keep_services_down() {
    if [[ ! -e $policy ]]; then
        put_policy_back() { "${as_root[@]}" rm -f "$policy"; }
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
    elif ! grep -q '^exit 101' "$policy"; then
        echo "$policy is there and is not ours: the services may be started." >&2
    fi
}

# Only services that were installed here: an earlier one belongs to the user.
disable_services() {
    local service
    for service in "${missing[@]/%-server/}"; do
        if [[ -d /run/systemd/system ]]; then
            "${as_root[@]}" systemctl disable --now --quiet "$service" 2>/dev/null || true
        else
            "${as_root[@]}" deb-systemd-helper disable "$service.service" >/dev/null 2>&1 || true
            "${as_root[@]}" update-rc.d "$service" disable >/dev/null 2>&1 || true
        fi
    done
}

if command -v apt-get >/dev/null 2>&1 && "${as_root[@]}" true 2>/dev/null; then
    echo "Installing ${missing[*]} (apt-get install) …"
    trap 'put_policy_back' EXIT
    keep_services_down
    "${as_root[@]}" apt-get update -qq || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || true
    disable_services
fi

for program in "${programs[@]}"; do
    command -v "$program" >/dev/null 2>&1 || echo "$program was not found: the fail-over or the pooler tests will not be available." >&2
done
