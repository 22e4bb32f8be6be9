#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds packages that build.sh has built a second time, with all around it different: path, time, time zone,
# umask, locale, user's home, number of jobs. They must come out the same, byte by byte.
#
#   tests/packages/again.sh DIRECTORY
set -eu
first=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/at/another/path/skybus

"$first/made/skybus/tests/packages/export.sh" "$tree"
# As a clone has it that was made with this umask.
umask 077
chmod -R go-rwx "$tree"
find "$tree" -exec touch --no-dereference {} +

cd "$tree"
export DEB_BUILD_OPTIONS='nocheck parallel=1' HOME="$scratch" LC_ALL=C TZ=UTC-14
faketime -f +400d dpkg-buildpackage --no-sign --build=binary >"$scratch/log" 2>&1 || {
    tail -n 30 "$scratch/log" >&2
    echo "again.sh: the packages were built once, but not a second time" >&2
    exit 1
}

compared=0
for package in "$tree"/../*.deb; do
    name=$(basename "$package")
    cmp "$first/made/$name" "$package" || {
        echo "again.sh: $name is another one when it is built again" >&2
        exit 1
    }
    compared=$((compared + 1))
done
[ "$compared" -eq "$(find "$first/made" -maxdepth 1 -name '*.deb' | wc -l)" ] || {
    echo "again.sh: some packages were not built again" >&2
    exit 1
}
echo "Built again: $compared packages, all the same"
