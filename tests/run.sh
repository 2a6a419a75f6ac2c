#!/usr/bin/env bash
# Builds everything, with warnings as errors, and runs every test, those on real Postgres servers and real processes included. The tests of
# the Postgres store run on the newest PostgreSQL, if npm can install it, and all others on the system's, which is usually older.
# Needs the .NET SDK; installs the Postgres server, Patroni, etcd, pgbouncer, pgpool-II, the packet filter, a browser, promtool and, except for
# the everyday run, clang through the system's package manager if they are missing. Ends with a line "N passed, N failed".
#   tests/run.sh                       everything, as CI does
#   tests/run.sh everyday              without the stress runs and the benchmarks, which are minutes of load, and without native code
#   tests/run.sh --filter FenceTests   arguments are passed to "dotnet test"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

loads=() # projects that are left out
native=$(($# == 0)) # whether samples/AotWorker is compiled to native code
if [[ ${1:-} == everyday ]]; then
    loads=(tests/SagaRecovery.Stress tests/SagaRecovery.Benchmarks)
    shift
fi

bash samples/install-postgres.sh
bash tests/install-nftables.sh
bash tests/install-ha.sh
bash tests/install-browser.sh
bash tests/install-promtool.sh >/dev/null

source tests/throwaway-folder.sh
results=$TMPDIR/results

export DOTNET_TieredPGO=0 DOTNET_TC_CallCountThreshold=500 # most processes of the tests end before optimized code pays
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1

# A compiler server of this run's own: the analyzers are loaded once, not once for each project. It would stay for ten minutes.
compiler=saga-recovery-$$
end_compiler() { pkill -f -- "-pipename:$compiler" || true; }
trap 'end_compiler; remove_throwaway_folder' EXIT
dotnet build SagaRecovery.sln -c Release --nologo -v quiet -warnaserror -p:UseSharedCompilation=true -p:SharedCompilationId="$compiler"
end_compiler
dotnet pack SagaRecovery.sln -c Release --no-build --nologo -v quiet -warnaserror -o "$TMPDIR/packages" # validates the packages

# Two projects at a time, for two processors. The longest are first, so that none ends alone.
longest=(Stress AspNetCore.Tests Testing.Tests Tests)
longest=("${longest[@]/#/tests/SagaRecovery.}")
all=$(dotnet sln SagaRecovery.sln list | grep -E '^(tests|samples/TestingASaga)/' | grep -vE '^tests/(VersionWorker|SagaRecovery.Benchmarks.Peers)/' | xargs -n 1 dirname)
mapfile -t projects < <(printf '%s\n' "${longest[@]}"; grep -vxF "$(printf '%s\n' "${longest[@]}")" <<< "$all")
export newest=18 newest_bin
newest_bin=$(bash tests/install-postgres-versions.sh "$newest")

if ((native)); then
    SAGA_RECOVERY_AOT_WORKER=$(bash tests/publish-aot-worker.sh "$TMPDIR/aot-worker")
    export SAGA_RECOVERY_AOT_WORKER
fi

run_tests() {
    local log status=0 TIMEFORMAT="$1: %0R s, of the processors %0U and %0S s"
    log=$(mktemp "$TMPDIR/test-XXXXXX")
    case $1 in
        tests/SagaRecovery.Tests) [[ -z $newest_bin ]] || export PATH=$newest_bin:$PATH SAGA_RECOVERY_TEST_POSTGRES=$newest ;;
        tests/SagaRecovery.Benchmarks) export TMPDIR=$THROWAWAY_ON_DISK ;; # commits are compared on a disk
    esac
    {
        time dotnet test "$1" -c Release --no-build --nologo "${@:2}" || status=$?
    } &> "$log"
    cat "$log" # in one piece
    return "$status"
}
export -f run_tests

status=0
printf '%s\n' "${projects[@]}" | grep -vxF "$(printf '%s\n' "${loads[@]}")" | xargs -d '\n' -P 2 -I {} bash -c 'run_tests "$@"' _ {} "$@" | tee "$results" || status=$?

passed=$(grep -oE 'Passed: +[0-9]+' "$results" | awk '{ sum += $2 } END { print sum + 0 }')
failed=$(grep -oE 'Failed: +[0-9]+' "$results" | awk '{ sum += $2 } END { print sum + 0 }')
if ((passed + failed == 0 && status == 0)); then
    echo "no test was run" >&2
    status=1
fi

echo "$passed passed, $failed failed"
exit "$status"
