#!/usr/bin/env bash
# Breaks the pure bookkeeping (src/SagaRecovery.Core) in some hundreds of ways, one at a time, and runs its tests against each: a change that
# they do not notice is not tested. Prints the score and each change that was not noticed; fails below 95 % noticed. Takes a quarter of an
# hour, so it is no part of run.sh. Needs the .NET SDK and nothing else; leaves nothing behind. Arguments are passed to Stryker: a part of
# the core is tested by tests/mutation.sh --mutate "**/StartInbox.cs".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
threshold=95

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/copy" "$scratch/tmp"
export TMPDIR="$scratch/tmp" # test hosts that are ended at the time limit leave their pipes behind
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1

# On a copy: a run that is cut off would leave a broken SagaRecovery.Core.dll in bin, which no later build replaces.
tar -c --exclude=bin --exclude=obj Directory.*.props .editorconfig README.md SagaRecovery.sln src/*.* src/SagaRecovery.Core \
    tests/Directory.Build.props tests/Shared tests/SagaRecovery.Core.Tests | tar -x -C "$scratch/copy"
cp tests/mutation.cs "$scratch/report.cs" # away from the copy, whose build settings are not for it

dotnet tool install dotnet-stryker --version 5.1.0 --tool-path "$scratch/tool" >/dev/null
cd "$scratch/copy/tests/SagaRecovery.Core.Tests"
# One run at a time: two on two cores slow each other down until they count as endless.
"$scratch/tool/dotnet-stryker" --project SagaRecovery.Core.csproj --configuration Release --concurrency 1 --skip-version-check \
    --break-on-initial-test-failure --reporter json --output "$scratch/result" "$@"
cd "$scratch"
XDG_DATA_HOME="$scratch" dotnet run report.cs -- result/reports/mutation-report.json "$threshold"
