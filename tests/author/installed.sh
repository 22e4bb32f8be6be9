#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The kit for authors of plugins, out of a build tree: it is installed into a folder, and used from there.
#
#   tests/author/installed.sh BUILD PREFIX DATADIR
set -eu
build=$1
prefix=$2
datadir=$3
here=$(cd "$(dirname -- "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

meson install -C "$build" --no-rebuild --quiet --destdir "$root/root"
export PATH="$root/root$prefix/bin:$root/root$prefix/sbin:$PATH"
export PKG_CONFIG_SYSROOT_DIR="$root/root"
export PKG_CONFIG_LIBDIR="$root/root$prefix/$datadir/pkgconfig"
export SKYBUS_TEMPLATE="$root/root$prefix/$datadir/skybus/template"
"$here/author.sh" "$root/root$prefix/$datadir/doc/skybus-dev/examples/tidewater"
