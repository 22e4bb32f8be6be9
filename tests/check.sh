#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Everything that must hold before a change is taken. The last line says how many passed and failed: the
# tests as meson counts them, and each other step as one.
set -u
cd "$(dirname -- "$0")/.." || exit

build=build/check
passed=0
failed=0

step() { # SENTENCE COMMAND...
    printf '\n== %s\n' "$1"
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED"
        return 1
    fi
}

# Configures anew each time, so that a package that came meanwhile is seen.
compile() { # NAME COMPILER OPTION...
    name=$1
    compiler=$2
    shift 2
    if [ -f "$build/$name/build.ninja" ]; then
        set -- --reconfigure "$@"
    fi
    if ! CC=$compiler meson setup --werror "$@" "$build/$name" >"$build/$name.log" 2>&1; then
        tail -n 5 "$build/$name.log"
        return 1
    fi
    ninja --quiet -k 0 -C "$build/$name"
}

fresh_demo() {
    rm -rf build/demo
    make --no-print-directory demo-here
}

check_scripts() {
    shellcheck .ci/run ctl/completion/*.bash docs/examples/*.sh sim/demo.sh tests/*.sh tests/*/*.sh &&
        shellcheck examples/template/*.sh.in &&
        shellcheck --shell=sh debian/*.sh debian/*.postinst debian/*.postrm debian/*.prerm
}

# Prints two numbers: the tests in meson's log that passed, and those that failed. A suite without a
# single test is a failure: one of its packages must be missing.
count() { # LOG
    python3 - "$1" <<'END'
import json
import re
import sys

with open(sys.argv[1], encoding="utf-8") as log:
    tests = [json.loads(line) for line in log]
results = [test["result"] for test in tests]
passed = sum(result in ("OK", "EXPECTEDFAIL") for result in results)
failed = sum(result not in ("OK", "EXPECTEDFAIL", "SKIP") for result in results)
for suite in "unit", "system", "interop":
    if not any(f":{suite}" in test["name"] for test in tests):
        print(f"no {suite} test has run", file=sys.stderr)
        failed += 1

# cmocka and unittest count a case that was skipped as no failure, so a machine that lacks something
# would look like one where all is well.
for test in tests:
    output = test.get("stdout", "") + test.get("stderr", "")
    for n in re.findall(r"SKIPPED \].*?(\d+) test\(s\)|\bskipped=(\d+)", output):
        print(f"{test['name']}: {''.join(n)} of its cases were skipped", file=sys.stderr)
print(passed, failed)
END
}

# The status of meson says no more than its log, where there is one.
run_tests() {
    printf '\n== Tests: units, then the daemon with a real bus and simulated clouds; sanitized\n'
    rm -f "$build/sanitize/meson-logs/testlog.json"
    # Most system tests wait for time-outs, and leave the processors alone.
    meson test -C "$build/sanitize" --no-rebuild --print-errorlogs --timeout-multiplier 3 \
        --num-processes $(($(nproc) + 2))
    counted=$(count "$build/sanitize/meson-logs/testlog.json") || counted="0 1"
    passed=$((passed + ${counted% *}))
    failed=$((failed + ${counted#* }))
}

mkdir -p "$build"
rm -f "$build/result"
step "Style: the C files are in the form that .clang-format describes" tests/format.sh
step "Style: shellcheck finds nothing in the scripts" check_scripts
step "Packages: clients from npm, and a second bus daemon" tests/interop/install.sh
step "Build: gcc has no warning" compile gcc gcc
step "Cost: a message takes no more instructions than recorded" \
    meson test -C "$build/gcc" --suite cost --verbose
step "Build: clang has no warning" compile clang clang
step "Demo: from nothing, with a real bus and dbus-send" fresh_demo
step "Build: gcc with the address and undefined-behaviour sanitizers has no warning" \
    compile sanitize gcc -Db_sanitize=address,undefined -Db_lundef=false && run_tests

printf '\n%d passed, %d failed\n' "$passed" "$failed" | tee "$build/result"
[ "$failed" -eq 0 ]
