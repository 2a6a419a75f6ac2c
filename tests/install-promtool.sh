#!/usr/bin/env bash
# Prints the path of promtool, with which the tests of the alerts evaluate their rules, and installs it where it is missing: from Debian's package
# "prometheus", of which nothing else is installed and no service is started. It is in a cache folder outside the repository. If it cannot be
# installed, stderr gives the reason and the exit code stays 0.
set -euo pipefail

command -v promtool && exit 0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/saga-recovery/promtool
if [[ ! -x $cache/promtool ]]; then
    install() (
        mkdir -p "$cache" || exit
        work=$(mktemp -d "$cache/XXXXXX") || exit
        trap 'rm -rf "$work"' EXIT
        cd "$work" || exit
        apt-get download -qq -o APT::Sandbox::User=root prometheus || { apt-get update -qq && apt-get download -qq -o APT::Sandbox::User=root prometheus; } || exit
        dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool || exit
        mv usr/bin/promtool "$cache/promtool" # in place with one rename: an interrupted run leaves no half of it
    )
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "promtool was not installed: apt-get was not found." >&2
        exit 0
    fi

    if ! output=$(install 2>&1); then
        echo "promtool was not installed: ${output%%$'\n'*}" >&2
        exit 0
    fi
fi

echo "$cache/promtool"
