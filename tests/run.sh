#!/usr/bin/env bash
# Builds everything, with warnings as errors, and runs every test, those on real Postgres servers and real processes included. Without
# arguments, the tests of the Postgres store then run once more on the newest PostgreSQL, if npm can install it.
# Needs the .NET SDK; installs the Postgres server, Patroni, etcd, pgbouncer, pgpool-II, the packet filter and a browser through the system's
# package manager if they are missing. Ends with a line "N passed, N failed". Arguments are passed to "dotnet test": tests/run.sh --filter FenceTests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash samples/install-postgres.sh
bash tests/install-nftables.sh
bash tests/install-ha.sh
bash tests/install-browser.sh

source tests/throwaway-folder.sh
results=$TMPDIR/results

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
dotnet build SagaRecovery.sln -c Release --nologo -v quiet -warnaserror
dotnet pack SagaRecovery.sln -c Release --no-build --nologo -v quiet -warnaserror -o "$TMPDIR/packages" # validates the packages

# One project after the other: several of them run servers and measure themselves against deadlines, on perhaps two cores.
status=0
dotnet test SagaRecovery.sln -c Release --no-build --nologo -m:1 "$@" | tee "$results" || status=$?

# The run above used the system's server, which is usually an older one.
newest=18
if (($# == 0)) && [[ -n $(bash tests/install-postgres-versions.sh "$newest") ]]; then
    bash tests/postgres-versions.sh "$newest" | tee -a "$results" || status=$?
fi

passed=$(grep -oE 'Passed: +[0-9]+' "$results" | awk '{ sum += $2 } END { print sum + 0 }')
failed=$(grep -oE 'Failed: +[0-9]+' "$results" | awk '{ sum += $2 } END { print sum + 0 }')
if ((passed + failed == 0 && status == 0)); then
    echo "no test was run" >&2
    status=1
fi

echo "$passed passed, $failed failed"
exit "$status"
