#!/usr/bin/env bash
# Builds everything, with warnings as errors, and runs every test, those on real Postgres servers and real processes included.
# Needs the .NET SDK; installs the Postgres server, Patroni, etcd, pgbouncer, the packet filter and a browser through the system's package
# manager if they are missing. Ends with a line "N passed, N failed". Arguments go to "dotnet test": tests/run.sh --filter FenceTests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash samples/install-postgres.sh
bash tests/install-nftables.sh
bash tests/install-ha.sh
bash tests/install-browser.sh

# Clusters and folders of the tests lie in a folder of our own, so that nothing is left behind even if a test run is cut off.
TMPDIR=$(mktemp -d)
export TMPDIR
chmod 755 "$TMPDIR" # run as root, the servers run as another user
results=$(mktemp)
clean_up() {
    # Patroni before its Postgres, which it would start again. A process id is believed only of a process that was started on our folder.
    find "$TMPDIR" -maxdepth 4 \( -name patroni.pid -o -name etcd.pid -o -name pgbouncer.pid \) -exec head -n 1 {} \; | while read -r server; do
        grep -qF -- "$TMPDIR" "/proc/$server/cmdline" 2>/dev/null && kill -KILL "$server" 2>/dev/null || true
    done
    find "$TMPDIR" -maxdepth 4 -name postmaster.pid -exec head -n 1 {} \; | while read -r server; do kill -QUIT "$server" 2>/dev/null || true; done
    rm -rf "$TMPDIR" "$results"
}
trap clean_up EXIT

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
dotnet build SagaRecovery.sln -c Release --nologo -v quiet -warnaserror
dotnet pack SagaRecovery.sln -c Release --no-build --nologo -v quiet -warnaserror -o "$TMPDIR/packages" # validates the packages

# One project after the other: several of them run servers and measure themselves against deadlines, on perhaps two cores.
status=0
dotnet test SagaRecovery.sln -c Release --no-build --nologo -m:1 "$@" | tee "$results" || status=$?

passed=$(grep -oE 'Passed: +[0-9]+' "$results" | awk '{ sum += $2 } END { print sum + 0 }')
failed=$(grep -oE 'Failed: +[0-9]+' "$results" | awk '{ sum += $2 } END { print sum + 0 }')
if ((passed + failed == 0 && status == 0)); then
    echo "no test was run" >&2
    status=1
fi

echo "$passed passed, $failed failed"
exit "$status"
