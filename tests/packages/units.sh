#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs all unit tests of a build tree, and says how many: tests/packages/units.sh BUILD [emulated]
# Emulated, that is under qemu, they take longer.
set -eu
build=$1
emulated=${2:-}
patience=${emulated:+30}

# A number out of what was logged; cmocka counts a case that was skipped as no failure.
logged() { # PATTERN FIELD
    awk -v "field=$2" "/$1/ { n += \$field } END { print n + 0 }" "$build/meson-logs/testlog.txt"
}

meson test -C "$build" --no-rebuild --print-errorlogs --suite unit \
    --timeout-multiplier "${patience:-5}"
echo "Unit tests${emulated:+ under qemu}: $(logged '^Ok: ' 2) passed, $(logged '^Skipped: ' 2) skipped;" \
    "single cases skipped: $(logged ' SKIPPED TEST' 1)"
