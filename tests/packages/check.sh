#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The packages for this machine's architecture, in clean roots of the releases: they can be built, lintian
# finds nothing, built again they are the same, and they can be installed, upgraded, removed and purged.
#
#   tests/packages/check.sh RELEASE...
set -eu
cd "$(dirname -- "$0")/../.."
here=$(pwd)
root=tests/packages/root.sh
architecture=$(dpkg --print-architecture)

for release; do
    built=$here/build/deb/$release-$architecture
    printf '\n== Debian %s\n' "$release"
    "$root" build "$release" "$architecture"
    "$root" run "build/roots/$release-$architecture" --bind "$built:$built" \
        "$built/made/skybus/tests/packages/again.sh" "$built"
    "$root" run "$release" --bind "$here/tests/packages:/tests" --bind "$here/tests/author:/author" \
        --bind "$built:/packages" /tests/try.sh /packages
done
