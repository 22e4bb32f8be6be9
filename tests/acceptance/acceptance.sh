#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the packages in clean roots, boots a real systemd in containers, installs them there, and tries what
# an administrator and the programs of a box would do: tests/acceptance/acceptance.sh [RELEASE...], 12 and 13
# unless told. What has happened is in build/acceptance. The last line counts.
set -u
cd "$(dirname -- "$0")/../.." || exit

results=build/acceptance
roots=build/roots
architecture=$(dpkg --print-architecture)
[ $# -gt 0 ] || set -- 12 13

in_machine() { # RELEASE DIRECTORY COMMAND...
    packages=$PWD/build/deb/$1-$architecture
    directory=$2
    shift 2
    systemd-nspawn --quiet --register=no --keep-unit --console=pipe --resolv-conf=off --timezone=off \
        --directory="$directory" --bind-ro="$packages:/packages" \
        --setenv=DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

cannot() { # SENTENCE
    echo "acceptance: not run: $1" | tee "$results/result"
    exit 1
}

# A machine that can boot, which knows nothing of us but has in its cache what our packages need: it will have
# no network. The first time takes a while.
prepare() { # RELEASE
    machine=$roots/$1-machine
    if [ ! -d "$machine" ]; then
        rm -rf "$machine.new"
        tests/packages/root.sh copy "$1" "$machine.new" &&
            in_machine "$1" "$machine.new" sh -euc \
                'apt-get -q update
                apt-get -q -y install --no-install-recommends dbus libpam-systemd systemd-sysv
                rm /etc/machine-id' &&
            mv "$machine.new" "$machine" || return
    fi
    rm -rf "${results:?}/$1" "$results/$1.newer"
    in_machine "$1" "$machine" sh -euc \
        'apt-get -q update
        apt-get -q -y install --download-only /packages/*.deb' &&
        cp -a --reflink=auto "$machine" "$results/$1"
}

tell_story() { # RELEASE
    SKYBUS_PACKAGES=$PWD/build/deb/$1-$architecture SKYBUS_ROOT=$PWD/$results/$1 \
        SKYBUS_MACHINE=skybus-debian$1-$$ \
        /usr/bin/python3 tests/acceptance/test-machine.py >"$results/$1.log" 2>&1
}

# Each ends with a line that counts.
show() { # RELEASE
    printf '\n== Debian %s, a machine\n' "$1"
    sed -nE 's/^(test_[^ ]*) \(.*\) \.\.\. /\1 ... /p' "$results/$1.log"
    # What went wrong, in full.
    sed -n '/^=====/,$p' "$results/$1.log" | sed '$d'
    tail -n 1 "$results/$1.log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' && return
    tail -n 1 "$results/$1.log"
    echo "0 passed, 1 failed"
}

mkdir -p "$results"
: >"$results/summary"
rm -f "$results/result" "$results"/*.log
reason=$(tests/packages/able.sh) || cannot "$reason"

for release; do
    if tests/packages/check.sh "$release" && prepare "$release" >"$results/$release.prepared" 2>&1; then
        echo "1 passed, 0 failed"
    else
        tail -n 20 "$results/$release.prepared"
        echo "0 passed, 1 failed"
    fi >"$results/$release.packages" 2>&1
    cat "$results/$release.packages"
    tail -n 1 "$results/$release.packages" >>"$results/summary"
done

for release; do
    [ ! -d "$results/$release" ] || tell_story "$release" &
done
wait
[ "$(tail -q -n 1 "$results"/*.log | grep -c '^No machine boots')" -lt $# ] ||
    cannot "systemd does not boot in a container on this machine; its console is in $results/*.console"
for release; do
    [ ! -d "$results/$release" ] || show "$release" | tee -a "$results/summary"
done

awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
    END { printf "acceptance: %d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' \
    "$results/summary" >"$results/result"
status=$?
cat "$results/result"
exit $status
