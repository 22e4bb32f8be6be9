#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What tools find that look at the code without running it: cppcheck, clang-tidy and gcc's analyzer. Each finding
# fails; one that is wrong is suppressed at its line, with a reason. What is left out as a whole is left out in
# .clang-tidy, and here:
#
# - leaks: neither follows the cleanup attribute through SB_STEAL(); the sanitizers find leaks.
# - gcc 12's word on NULL and on what is not initialised: it does not know that who returns 0 has set what it
#   returns. cppcheck and the sanitizers look for these.
# - functions that are not reentrant: the loop has one thread, see docs/architecture.md.
#
# Usage: analyse.sh BUILD    in the root of the tree; BUILD is a folder of its own
set -u
cd "$(dirname -- "$0")/../.." || exit

build=$1
folders="daemon dbus host plugins sim check ctl"
failed=0

step() { # SENTENCE COMMAND...
    printf '\n== %s\n' "$1"
    shift
    "$@" || {
        failed=$((failed + 1))
        echo "FAILED"
    }
}

run_cppcheck() {
    # shellcheck disable=SC2086 # a list
    cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
        --enable=warning,portability,performance --library=posix,gnu,bsd \
        --include=tests/analyse/cppcheck.h -I. -Iinclude -D_GNU_SOURCE \
        -DSKYBUS_VERSION='""' -DSKYBUS_PLUGIN_DIR='""' -DSKYBUS_CONFIG_DIR='""' -DSKYBUS_STATE_DIR='""' \
        --suppress=memleak --suppress=resourceLeak --suppress=missingIncludeSystem \
        --suppress=readdirCalled --suppress=getpwuidCalled --suppress=getpwnamCalled \
        --suppress=getgrnamCalled --suppress=getgrgidCalled $folders examples
}

run_gcc() {
    without="malloc-leak possible-null-dereference null-dereference null-argument use-of-uninitialized-value"
    args=-fanalyzer
    for class in $without; do
        args="$args -Wno-analyzer-$class"
    done
    [ -f "$build/build.ninja" ] || CC=gcc meson setup --werror -Dtests=false -Dc_args="$args" "$build" || return
    ninja --quiet -k 0 -C "$build"
}

# With the command lines of clang, which are not those of gcc. How many warnings it has left out it tells, too.
run_tidy() {
    [ -f "$build/tidy/build.ninja" ] || CC=clang meson setup -Dtests=false "$build/tidy" >/dev/null || return
    # shellcheck disable=SC2086 # a list
    find $folders -name '*.c' -print0 |
        xargs -0 -n 8 -P "$(nproc)" clang-tidy --quiet -p "$build/tidy" 2>"$build/tidy.log" && return
    cat "$build/tidy.log"
    return 1
}

mkdir -p "$build"
step "cppcheck" run_cppcheck
step "clang-tidy" run_tidy
step "gcc -fanalyzer" run_gcc

printf '\nanalyse: '
[ "$failed" -eq 0 ] && echo ok || echo "$failed of 3 tools have found something"
[ "$failed" -eq 0 ]
