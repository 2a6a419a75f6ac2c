#!/usr/bin/env bash
# Runs the tests that need a Postgres server on each of the named major versions (15 16 17 18; default: all), after "dotnet build
# tests/SagaRecovery.Tests -c Release". Ends with one line for each version; the exit code is 1 if a test failed or a version is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
source tests/throwaway-folder.sh
results=$TMPDIR/results

(($# > 0)) || set -- 15 16 17 18
status=0
summary=()
for major; do
    bin=$(bash tests/install-postgres-versions.sh "$major")
    if [[ -z $bin ]]; then
        summary+=("PostgreSQL $major: FAILED, there is no server to test on")
        status=1
        continue
    fi

    # A test compares the version that the server reports with the one in the variable.
    version=$("$bin/postgres" --version)
    version=${version##* }
    echo "PostgreSQL $version, from $bin"
    outcome=ok
    PATH=$bin:$PATH SAGA_RECOVERY_TEST_POSTGRES=$major \
        dotnet test tests/SagaRecovery.Tests -c Release --no-build --nologo --filter FullyQualifiedName~Postgres | tee "$results" || outcome=FAILED
    counts=$(sed -nE 's/.*Failed: +([0-9]+), Passed: +([0-9]+).*/\2 passed, \1 failed/p' "$results")
    [[ -n $counts ]] || outcome=FAILED
    [[ $outcome == ok ]] || status=1
    summary+=("PostgreSQL $version: $outcome, ${counts:-no test was run}")
done

printf '%s\n' "${summary[@]}"
exit "$status"
