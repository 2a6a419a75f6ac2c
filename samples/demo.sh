#!/usr/bin/env bash
# Kills a control plane under load, restarts it and checks that no saga was lost, in under a minute.
#
#   bash samples/demo.sh              runs the demo; needs the .NET SDK, and installs PostgreSQL if it is missing
#   DEMO_KEEP=1 bash samples/demo.sh  keeps the folder with the logs and the database, and leaves the database running
#
# Exits with 0 only if the reconciliation at the end succeeds. The last line contains the figures in a machine-readable form.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

readonly clients=64 demo_sagas=24
bold='' dim='' red='' green='' plain=''
if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '   %s\n' "$*"; }
die() { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; exit 1; }

# Prerequisites
command -v dotnet >/dev/null || die 'The .NET SDK was not found. Install it: https://dotnet.microsoft.com/download'

postgres_bin() {
    local folder
    for folder in ${PATH//:/ } $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
        if [[ -x $folder/initdb && -x $folder/pg_ctl && -x $folder/psql ]]; then echo "$folder"; return; fi
    done
    return 1
}
bash samples/install-postgres.sh
psql=$(postgres_bin)/psql || die 'psql was not found next to the PostgreSQL server binaries.'

# Working folder and cleanup
work=$(mktemp -d "${TMPDIR:-/tmp}/saga-demo.XXXXXX")
chmod 755 "$work" # as root, the database runs as another user, which must be able to enter the folder
control_plane=samples/ControlPlane/bin/Release/net10.0/ControlPlane.dll
service_pid='' blast_pid=''
clean_up() {
    local status=$?
    trap - EXIT
    set +e
    [[ -n $blast_pid ]] && kill -KILL "$blast_pid" 2>/dev/null
    [[ -n $service_pid ]] && kill -KILL "$service_pid" 2>/dev/null
    wait 2>/dev/null
    if [[ -n ${DEMO_KEEP:-} ]]; then
        printf '\nkept: %s (the database is still running; stop and remove it with: dotnet %s postgres remove --ControlPlane:DataFolder=%s/data)\n' "$work" "$control_plane" "$work" >&2
    else
        [[ -d $work/data/postgres ]] && dotnet "$control_plane" postgres remove --ControlPlane:DataFolder="$work/data" >/dev/null
        rm -rf "$work"
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Requests to the service and to its database
# A fixed port below the range of outgoing connections: clients that retry while the service is down could otherwise be
# assigned the service's port as their own.
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 10000)); until port_is_free $port; do port=$((20000 + RANDOM % 10000)); done

http() { # METHOD PATH [ACCEPT [BODY [HEADER]]]: prints the body; HTTP/1.0, which bash can speak without curl
    local line status
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf '%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s' \
        "$1" "$2" "${3:-*/*}" "$(printf '%s' "${4:-}" | wc -c)" "${5:+$5$'\r\n'}" "${4:-}" >&3
    read -r _ status _ <&3
    while IFS= read -r line <&3 && [[ $line != $'\r' ]]; do :; done
    cat <&3
    exec 3>&-
    [[ $status == 2* ]]
}
as_operator() { printf 'Authorization: Basic %s' "$(printf 'demo:%s' "$(cat "$work/data/operator-token")" | base64 -w 0)"; }
sql() { PGPASSFILE=$work/data/postgres/pgpass "$psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(cat "$work/data/postgres/port")" -U postgres -d control_plane "$@"; }
ask() { sql -At -c "$1"; }
until_true() { # SECONDS CONDITION COMMAND…: retries until the command succeeds
    local deadline=$((SECONDS + $1)) condition=$2
    shift 2
    until "$@" 2>/dev/null; do
        ((SECONDS < deadline)) || { tail -5 "$work"/service-*.log; die "Timed out waiting until $condition."; }
        sleep 0.05
    done
}
start_service() { # LOG
    dotnet "$control_plane" --urls "http://127.0.0.1:$port" --ControlPlane:DataFolder="$work/data" >"$work/$1" 2>&1 &
    service_pid=$!
}
pass_is_over() { http GET /saga-recovery application/json >"$work/report.json" && ! grep -q '"lastPass": null' "$work/report.json"; }
from_report() { sql -At -v report="$(cat "$work/report.json")" <<<"select $1 from (select :'report'::json as report) as given"; }
connections_are_closed() { [[ $(ask "select count(*) from pg_stat_activity where application_name = 'control-plane'") == 0 ]]; }
nothing_is_in_progress() { [[ $(ask "select count(*) from saga_recovery.saga where state in ('running', 'unwinding')") == 0 ]]; }

# The run
say 'Building the control plane and the load generator (Release)'
for project in ControlPlane Blast; do
    dotnet build "samples/$project" -c Release -v q --disable-build-servers -p:RunAnalyzers=false >"$work/build.log" 2>&1 || { cat "$work/build.log"; die 'The build failed.'; }
done

say 'Starting the control plane with its own Postgres'
start_service service-1.log
until_true 60 'the control plane had joined' pass_is_over
note "pid $service_pid on http://127.0.0.1:$port, Postgres on 127.0.0.1:$(cat "$work/data/postgres/port"), everything in $work"

say "$demo_sagas demo sagas that wait to be released, and $clients clients that create projects continuously"
for _ in $(seq $demo_sagas); do
    http POST /demo-sagas | grep -Eo '[0-9a-f-]{36}' >>"$work/demo-ids"
done
http POST /v1/projects '*/*' '{"name":"taken","description":"created by the demo"}' >/dev/null
for _ in 1 2 3; do
    http POST /v1/projects '*/*' '{"name":"taken","description":"too late"}' >/dev/null && die 'A name was given twice.'
done
note "plus 3 projects with a taken name: each is refused, and its saga is undone"
dotnet samples/Blast/bin/Release/net10.0/Blast.dll --url "http://127.0.0.1:$port" --concurrency $clients --ignore-errors \
    --log "$work/acknowledged" >"$work/blast.out" 2> >(sed "s/^/   $dim/; s/\$/$plain/" >&2) &
blast_pid=$!
sleep 4.3

say "Sending SIGKILL to the control plane (pid $service_pid) in mid-flight"
kill -KILL "$service_pid"
wait "$service_pid" 2>/dev/null || true
service_pid=''
until_true 10 'the database had closed the connections' connections_are_closed # statements in flight may still commit
ask "select id from saga_recovery.saga where state in ('running', 'unwinding') order by id" >"$work/in-flight"
in_flight=$(wc -l <"$work/in-flight")
note "$in_flight sagas are in progress in the database, and no process runs them:"
sql -P footer=off -c "select name, state, count(*) as sagas from saga_recovery.saga where state in ('running', 'unwinding') group by 1, 2 order by 1, 2" |
    sed '/^$/d; s/^/       /'
((in_flight >= demo_sagas)) || die "Only $in_flight sagas were in flight."

say 'Restarting the control plane while the clients keep sending requests'
started_at=$(date +%s%3N)
start_service service-2.log
until_true 60 'the first pass was over' pass_is_over
time_to_recover=$(from_report "ceil(extract(epoch from (report #>> '{lastPass,start,startedAt}')::timestamptz + (report #>> '{lastPass,duration}')::interval) * 1000) - $started_at")
note "pid $service_pid; all sagas were resumed $time_to_recover ms after the process started. Its status:"
http GET /saga-recovery >"$work/status.txt"
shown=$(grep -n 'SAGA_ID' "$work/status.txt" | head -1 | cut -d: -f1 || echo 35)
head -n $((shown + 3)) "$work/status.txt" | sed 's/^/   │ /'
note "│         … (GET /saga-recovery shows the last 128)"

say 'Releasing the demo sagas and letting the clients run for 2 more seconds'
while read -r id; do http POST "/demo-sagas/$id/complete" || die "Demo saga $id could not be released."; done <"$work/demo-ids"
sleep 2
kill -TERM "$blast_pid"
wait "$blast_pid" || true
blast_pid=''
note "blast: $(cat "$work/blast.out") (failed: requests cut off by the kill, or sent while the service was down)"
until_true 30 'every saga was finished' nothing_is_in_progress
http POST /saga-recovery/activate application/json '' "$(as_operator)" >/dev/null
pass_is_over
recovered=$(from_report "report #>> '{totals,recovered}'")
violations=$(from_report "report #>> '{totals,protocolViolations}'")

say 'Reconciliation against the database'
grep -Eo 'recovered saga: [0-9a-f-]{36}' "$work/service-2.log" | cut -d' ' -f3 >"$work/recovered" || true
grep -E '^[^ ]+ (ERR|FTL) ' "$work"/service-*.log >"$work/errors" || true
(cd "$work" && sql -At -F $'\t' -v recovered="$recovered" -v violations="$violations" -v errors="$(wc -l <"$work/errors")" -f -) \
    <samples/demo-reconcile.sql >"$work/verdicts"
verdict=ok
while IFS=$'\t' read -r holds finding; do
    if [[ $holds == t ]]; then
        printf '   %sok%s   %s\n' "$green" "$plain" "$finding"
    else
        printf '   %sFAIL%s %s\n' "$red" "$plain" "$finding"
        verdict=off
    fi
done <"$work/verdicts"
[[ $(wc -l <"$work/verdicts") -ge 8 ]] || verdict=off
states=$(ask "select string_agg(format('%s=%s', state, (select count(*) from saga_recovery.saga where saga.state = states.state)), ' ')
    from unnest(array['running', 'unwinding', 'succeeded', 'unwound', 'stuck', 'abandoned']) as states (state)")
projects=$(ask "select count(*) from control_plane.project where state = 'ready'")

say 'Stopping the control plane and cleaning up'
kill -TERM "$service_pid"
stopped=0
wait "$service_pid" || stopped=$?
service_pid=''
if ((stopped == 0)); then note 'stopped cleanly'; else note "it exited with code $stopped"; tail -5 "$work/service-2.log"; verdict=off; fi

printf '\ndemo: in_flight_at_kill=%s recovered=%s time_to_recover_ms=%s projects=%s acknowledged=%s %s verdict=%s\n' \
    "$in_flight" "$recovered" "$time_to_recover" "$projects" "$(wc -l <"$work/acknowledged")" "$states" "$verdict"
[[ $verdict == ok ]]
