#!/usr/bin/env bash
# Installs the Postgres server binaries with apt-get if they are missing, or prints how to install them.
set -euo pipefail

found() {
    command -v initdb >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || compgen -G '/opt/homebrew/opt/postgresql*/bin/initdb' >/dev/null
}

found && exit 0
as_root=()
[[ $(id -u) == 0 ]] || as_root=(sudo -n)
if command -v apt-get >/dev/null 2>&1 && "${as_root[@]}" true 2>/dev/null; then
    echo 'Installing the Postgres server (apt-get install postgresql) …'
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
fi

found || {
    echo "PostgreSQL server binaries were not found. Install them: apt-get install postgresql (Debian, Ubuntu), dnf install postgresql-server (Fedora), brew install postgresql (macOS)." >&2
    exit 1
}
