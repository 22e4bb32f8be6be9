#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Records the plugin ABI of this release, which all later ones keep.
set -eu
cd "$(dirname -- "$0")"

version=$(sed -n "s/^  version: '\(.*\)',\$/\1/p" ../../meson.build)
[ ! -e "$version/skybus/plugin.h" ] || {
    echo "record.sh: $version is recorded already, and is not to change: it needs another version in meson.build." >&2
    exit 1
}
mkdir -p "$version/skybus"
cp ../../include/skybus/plugin.h "$version/skybus/"
sha256sum "$version/skybus/plugin.h" >>SHA256SUMS
