# To be sourced. Puts the clusters and folders of the tests into a folder of our own, and removes it when the script ends, with the servers
# that still run in it: nothing is left behind even if a test run is cut off.
# The folder is in memory if there is plenty, and $THROWAWAY_ON_DISK never: each database of a test is some 300 files.
room_in_memory() {
    [[ -w /dev/shm ]] && (($(df -k --output=avail /dev/shm | tail -n 1) > 8 * 1024 * 1024)) &&
        (($(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) > 12 * 1024 * 1024))
}

THROWAWAY_ON_DISK=$(mktemp -d -p /var/tmp)
if [[ -z ${TMPDIR:-} ]] && room_in_memory; then
    TMPDIR=$(mktemp -d -p /dev/shm)
else
    TMPDIR=$(mktemp -d)
fi
export TMPDIR THROWAWAY_ON_DISK
chmod 755 "$TMPDIR" "$THROWAWAY_ON_DISK" # run as root, the servers run as another user

# A process id is believed only of a process that was started on our folder.
end_servers() {
    local signal=$1 file server
    shift
    for file; do
        find "$TMPDIR" "$THROWAWAY_ON_DISK" -maxdepth 5 -name "$file" -exec head -n 1 {} \; | while read -r server; do
            ps -ww -o args= -p "$server" | grep -qF -e "$TMPDIR" -e "$THROWAWAY_ON_DISK" && kill "-$signal" "$server" 2>/dev/null || true
        done
    done
}

remove_throwaway_folder() {
    end_servers KILL patroni.pid etcd.pid pgbouncer.pid # Patroni before its Postgres, which it would start again
    end_servers INT pgpool.pid                          # killed, it would leave its children and its shared memory behind
    end_servers QUIT postmaster.pid
    rm -rf "$TMPDIR" "$THROWAWAY_ON_DISK"
}
trap remove_throwaway_folder EXIT
