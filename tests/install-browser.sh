#!/usr/bin/env bash
# Installs the requirements of the tests of the operator's page: Chromium, node, and playwright-core, with which node drives Chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing=()
command -v chromium >/dev/null 2>&1 || missing+=(chromium)
command -v node >/dev/null 2>&1 || missing+=(nodejs)
command -v npm >/dev/null 2>&1 || missing+=(npm)
if ((${#missing[@]} > 0)); then
    as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo -n)
    if command -v apt-get >/dev/null 2>&1 && "${as_root[@]}" true 2>/dev/null; then
        echo "Installing ${missing[*]} (apt-get install) …"
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "Install them, for the tests of the operator's page: ${missing[*]}" >&2
        exit 1
    fi
fi

browser=SagaRecovery.AspNetCore.Tests/browser
[[ $browser/node_modules/.package-lock.json -nt $browser/package-lock.json ]] ||
    npm ci --prefix "$browser" --ignore-scripts --no-audit --no-fund --silent
