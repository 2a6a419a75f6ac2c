#!/usr/bin/env bash
# Compiles samples/AotWorker to native code, in the folder that is the argument, and prints the path of the program. A warning of the trimmer or the
# compiler is an error. Installs clang and zlib through the system's package manager if they are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v clang >/dev/null || [[ ! -e /usr/include/zlib.h ]]; then
    install() { apt-get install -y -qq --no-install-recommends clang zlib1g-dev; }
    { install || { apt-get update -qq && install; }; } >&2
fi

export MSBUILDDISABLENODEREUSE=1
dotnet publish samples/AotWorker -c Release -o "$1" --nologo -v quiet -warnaserror -p:TrimmerSingleWarn=false >&2
echo "$(realpath "$1")/AotWorker"
