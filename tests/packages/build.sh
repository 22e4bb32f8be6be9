#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the Debian packages of the tree as it is, committed or not, and has lintian look at them.
#
#   tests/packages/build.sh DIRECTORY [OPTION...]      the options are dpkg-buildpackage's
#
# The packages to install are in DIRECTORY then; all else that was made (those with the debugging symbols,
# the source package, the copy of the tree) is in DIRECTORY/work. Nothing else is written to.
set -eu
umask 022

directory=${1:?which directory?}
shift
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
work=$directory/work
cd "$(dirname -- "$0")/../.."

# What git would take; everything but what was built where there is no git.
list() {
    git ls-files -z --cached --others --exclude-standard 2>/dev/null ||
        find . -path './build*' -prune -o '(' -type f -o -type l ')' -print0
}

rm -rf "$work" "$directory"/*.deb
mkdir -p "$work/skybus"
list | tar --create --null --files-from - | tar --extract --directory "$work/skybus"

cd "$work/skybus"
dpkg-buildpackage --no-sign --jobs="$(nproc)" "$@" >"$work/build.log" 2>&1 || {
    tail -n 30 "$work/build.log" >&2
    echo "The packages were not built: the whole log is $work/build.log." >&2
    exit 1
}
cd "$work"
lintian --allow-root --fail-on error --info --tag-display-limit 0 ./*.changes
for package in ./*.deb; do
    case $package in
    *-dbgsym_*) ;;
    *) ln "$package" "$directory" ;;
    esac
done
ls -1 "$directory"/*.deb
