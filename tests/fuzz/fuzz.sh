#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: fuzz.sh BUILD SECONDS [TARGET...]
#        fuzz.sh BUILD --keep [TARGET...]
#
# Runs each fuzzer, or those that are named, for so long. What it learns stays in BUILD/corpus, so that the next run
# goes on from there. What ends a fuzzer is left as BUILD/found-TARGET-*; put that into tests/fuzz/corpus/TARGET
# together with the change that mends it.
#
# --keep adds to tests/fuzz/corpus what was learnt and reaches code that nothing there reaches.
set -u

build=$(realpath -- "$1")
work=$2
shift 2
here=$(realpath -- "$(dirname -- "$0")")
failed=0

limits="-rss_limit_mb=2048 -timeout=20 -max_len=4096"
export SKYBUS_PLUGIN_DIR="$build/plugins"
export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

run() { # TARGET
    mkdir -p "$build/corpus/$1"
    # shellcheck disable=SC2086 # they are several
    "$build/tests/fuzz/fuzz-$1" $limits -max_total_time="$work" -print_final_stats=1 \
        -artifact_prefix="$build/found-$1-" "$build/corpus/$1" "$here/corpus/$1" \
        >"$build/$1.log" 2>&1
    status=$?
    printf '%-10s %11s executions, %5s edges%s\n' "$1" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.log")" \
        "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$build/$1.log" | tail -n 1)" \
        "$([ "$status" -eq 0 ] || echo ": FAILED, see $build/$1.log")"
    return "$status"
}

keep() { # TARGET
    # shellcheck disable=SC2086
    "$build/tests/fuzz/fuzz-$1" $limits -merge=1 "$here/corpus/$1" "$build/corpus/$1" \
        >"$build/$1.log" 2>&1
}

if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046 # names without spaces
    set -- $(ls "$here/corpus")
fi
for target; do
    if [ "$work" = --keep ]; then
        keep "$target" || failed=1
    else
        run "$target" || failed=1
    fi
done
exit "$failed"
