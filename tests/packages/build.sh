#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the Debian packages of the tree as it is, committed or not, and has lintian look at them.
#
#   tests/packages/build.sh DIRECTORY [OPTION...]      the options are dpkg-buildpackage's
#
# The packages to install are in DIRECTORY then; all else that was made (those with the debugging symbols,
# the source package, the copy of the tree) is in DIRECTORY/made. Nothing else is written to.
set -eu
umask 022

directory=${1:?which directory?}
shift
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
made=$directory/made
rm -rf "$made" "$directory"/*.deb
"$(dirname -- "$0")/export.sh" "$made/skybus"

cd "$made/skybus"
# Files keep their times when they are installed, and a checkout has any.
find . -exec touch --no-dereference --date "@$(dpkg-parsechangelog --show-field Timestamp)" {} +
dpkg-buildpackage --no-sign --jobs="$(nproc)" "$@" >"$made/build.log" 2>&1 || {
    tail -n 30 "$made/build.log" >&2
    echo "The packages were not built: the whole log is $made/build.log." >&2
    exit 1
}
cd "$made"
lintian --allow-root --fail-on error,warning --info --tag-display-limit 0 ./*.changes
grep '^Unit tests' build.log || echo 'Unit tests: none has run'
for package in ./*.deb; do
    case $package in
    *-dbgsym_*) ;;
    *) ln "$package" "$directory" ;;
    esac
done
ls -1 "$directory"/*.deb
