#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Says which C files are not in the form that .clang-format describes; with --fix, brings them into it.
set -eu
cd "$(dirname -- "$0")/.."

# What git would take; everything where there is no git.
list() {
    git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' 2>/dev/null ||
        find . -path './build*' -prune -o -name '*.[ch]' -print0
}

case ${1:-} in
'') set -- --dry-run -Werror ;;
--fix) set -- -i ;;
*)
    echo "usage: $0 [--fix]" >&2
    exit 2
    ;;
esac
list | xargs -0 clang-format "$@"
