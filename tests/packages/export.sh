#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Copies the tree as it is, committed or not, without what was built: tests/packages/export.sh DIRECTORY
set -eu
umask 022

mkdir -p "$1"
directory=$(cd "$1" && pwd)
cd "$(dirname -- "$0")/../.."

# What git would take, and is there; where there is no git, all but its own files and what was built.
list() {
    if git ls-files -z --cached --others --exclude-standard 2>/dev/null; then
        return
    fi
    find . '(' -path './build*' -o -path ./.git ')' -prune -o '(' -type f -o -type l ')' -print0
}

# shellcheck disable=SC2016 # for the other shell
list | xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' list |
    tar --create --null --files-from - | tar --extract --directory "$directory"
