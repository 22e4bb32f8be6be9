#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the packages for ARM, and runs their unit tests under qemu: tests/packages/cross.sh RELEASE
# The last line counts the architectures.
set -u
cd "$(dirname -- "$0")/../.." || exit

passed=0
failed=0
for architecture in arm64 armhf; do
    printf '\n== Debian %s, %s\n' "$1" "$architecture"
    if tests/packages/root.sh build "$1" "$architecture"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done

mkdir -p build/cross
echo "cross: $passed passed, $failed failed" | tee build/cross/result
[ "$failed" -eq 0 ]
