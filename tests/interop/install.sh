#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Puts into build/ what the tests of interoperation need and what is not to be installed on the machine:
# packages of npm, and a second bus daemon.
set -eu
cd "$(dirname -- "$0")/../.."

# The packages are those of the lock file, by their hashes. What they have as an option is machine code
# for what node can do itself.
install_npm() {
    ! cmp -s tests/interop/package-lock.json build/npm/node_modules/.lock || return 0
    rm -rf build/npm
    mkdir -p build/npm
    cp tests/interop/package.json tests/interop/package-lock.json build/npm/
    npm install --prefix build/npm --omit=optional --ignore-scripts --no-audit --no-fund \
        --loglevel=error
    cp tests/interop/package-lock.json build/npm/node_modules/.lock
}

update_lists() {
    if [ "$(id -u)" = 0 ]; then
        apt-get -q update
    else
        sudo apt-get -q update
    fi
}

# Where Debian's package is installed, it becomes the machine's own bus with the next boot; so it is only
# unpacked.
unpack_broker() {
    ! command -v dbus-broker >/dev/null || return 0
    [ ! -x build/dbus-broker/usr/bin/dbus-broker ] || return 0
    rm -rf build/dbus-broker
    mkdir -p build/dbus-broker
    (
        cd build/dbus-broker
        apt-get -q download dbus-broker || { update_lists && apt-get -q download dbus-broker; }
        dpkg-deb --extract dbus-broker_*.deb .
    )
}

install_npm
unpack_broker
