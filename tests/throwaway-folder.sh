# To be sourced. Puts the clusters and folders of the tests into a folder of our own, and removes it when the script ends, with the servers
# that still run in it: nothing is left behind even if a test run is cut off.
TMPDIR=$(mktemp -d)
export TMPDIR
chmod 755 "$TMPDIR" # run as root, the servers run as another user

# A process id is believed only of a process that was started on our folder.
end_servers() {
    local signal=$1 file server
    shift
    for file; do
        find "$TMPDIR" -maxdepth 5 -name "$file" -exec head -n 1 {} \; | while read -r server; do
            ps -ww -o args= -p "$server" | grep -qF -- "$TMPDIR" && kill "-$signal" "$server" 2>/dev/null || true
        done
    done
}

remove_throwaway_folder() {
    end_servers KILL patroni.pid etcd.pid pgbouncer.pid # Patroni before its Postgres, which it would start again
    end_servers INT pgpool.pid                          # killed, it would leave its children and its shared memory behind
    end_servers QUIT postmaster.pid
    rm -rf "$TMPDIR"
}
trap remove_throwaway_folder EXIT
