#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Says what keeps this machine from making roots and containers; or nothing, and the status is 0.
set -u

cannot() { # SENTENCE
    echo "$1"
    exit 1
}

[ "$(id -u)" = 0 ] || cannot "that takes root"
unshare --mount --pid --net --uts --ipc --fork --kill-child \
    sh -c 'mount -t proc proc /proc && mount -t tmpfs tmpfs /mnt' 2>/dev/null ||
    cannot "this machine lends no namespaces, or nothing can be mounted in them"
