#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Does what the author of a plugin does, with what is installed and nothing else: builds the example and a new
# plugin, with each compiler and either build system that is there, has them checked, and tries them.
#
#   tests/author/author.sh EXAMPLE
#
# EXAMPLE is the folder of the example as it is installed. The programs are found on the path, and the header by
# pkg-config.
set -eu
example=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
header=${PKG_CONFIG_SYSROOT_DIR:-}$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=includedir skybus)/skybus/plugin.h

step() {
    echo "-- $1"
}

fail() {
    echo "author.sh: $1" >&2
    exit 1
}

# Its output is shown if it does not end as it should.
expect() { # STATUS COMMAND...
    status=$1
    shift
    got=0
    "$@" >output 2>&1 </dev/null || got=$?
    [ "$got" = "$status" ] || {
        cat output >&2
        fail "$* ended with $got, not with $status"
    }
}

says() { # TEXT
    grep -q -F -e "$1" output || {
        cat output >&2
        fail "nobody says: $1"
    }
}

compilers() {
    for compiler in gcc clang; do
        ! command -v "$compiler" >/dev/null || echo "$compiler"
    done
}

# Of the project it includes the installed header and nothing else.
only_installed() { # NAME
    # shellcheck disable=SC2046 # words
    "$compiler" $(pkg-config --cflags skybus) -M "$1/$1.c" | tr -d '\134' | tr ' ' '\n' |
        grep -F skybus >headers
    [ "$(cat headers)" = "$header" ] || fail "$1 includes other than $header: $(cat headers)"
}

build() { # NAME
    for compiler in $(compilers); do
        step "$1: make, with $compiler"
        only_installed "$1"
        expect 0 make -C "$1" clean
        expect 0 make -C "$1" CC="$compiler" CFLAGS='-O2 -g -Werror'
    done
    step "$1: make check"
    expect 0 make -C "$1" check
    step "$1: make install"
    expect 0 make -C "$1" install DESTDIR="$work/installed"
    [ "$(find installed -name "$1.so" | wc -l)" = 1 ] || fail "make install puts nothing there"
    ! command -v meson >/dev/null || {
        step "$1: meson"
        expect 0 meson setup --werror "$1/build" "$1"
        expect 0 meson test -C "$1/build"
    }
}

cp -r "$example" example
mv example tidewater
build tidewater
step "tidewater: a message, a command and its answer"
expect 0 env COMMAND='/commands=7 led on' make -C tidewater try
says '1 delivered 2.04'
says 'led on'
says '"topic":"/up/answers/7"'

expect 0 skybusctl plugins new my-cloud
says 'make check'
build my-cloud
step "my-cloud: a message"
expect 0 make -C my-cloud try
says '"topic":"/up/greeting"'

if command -v clang >/dev/null; then
    step "my-cloud: with a sanitizer, as the guide has it"
    expect 0 make -C my-cloud clean check CC=clang CFLAGS='-g -fsanitize=undefined -fsanitize-trap=undefined'
fi

step "names that are none, and folders that are there"
for name in My my_cloud ../my; do
    expect 2 skybusctl plugins new "$name"
done
expect 1 skybusctl plugins new my-cloud
says 'is there already'
mkdir other
expect 0 skybusctl --json plugins new my-cloud --directory other
says '"directory": "other/my-cloud"'
expect 0 diff -r -x '*.so' -x build my-cloud other/my-cloud

step "without a template"
expect 1 env SKYBUS_TEMPLATE="$work/nowhere" skybusctl plugins new third
says 'apt install skybus-dev'
[ ! -e third ] || fail "something is left of what was not made"

if command -v g++ >/dev/null; then
    step "the header, as C++"
    echo '#include <skybus/plugin.h>' >header.cc
    # shellcheck disable=SC2046 # words
    expect 0 g++ -fsyntax-only -Wall -Wextra -Werror $(pkg-config --cflags skybus) header.cc
fi
echo "An author's day is over."
