#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs the packages in a clean Debian that does not run, upgrades, removes and purges them:
#
#   tests/packages/root.sh run RELEASE --bind tests/packages:/tests --bind tests/author:/author \
#       --bind DIRECTORY:/packages /tests/try.sh /packages
#
# What has to do with services that run is not seen here.
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
state=/var/lib/skybus/messages
instance=/var/lib/skybus-instances/one
wants=/etc/systemd/system/multi-user.target.wants/skybusd.service

step() {
    echo "-- $1"
}

fail() {
    echo "try.sh: $1" >&2
    exit 1
}

expect() { # SENTENCE COMMAND...
    sentence=$1
    shift
    "$@" >"$work/output" 2>&1 || {
        cat "$work/output" >&2
        fail "not so: $sentence"
    }
}

says() { # TEXT COMMAND...
    text=$1
    shift
    # shellcheck disable=SC2016 # for the other shell
    expect "\"$*\" says $text" sh -c '"$@" 2>&1 | grep -F -e "$0"' "$text" "$@"
}

apt() {
    apt-get -q -y "$@" >"$work/apt" 2>&1 || {
        tail -n 20 "$work/apt" >&2
        fail "apt-get $* failed"
    }
}

# All that is there, but for what dpkg, apt, ldconfig and logs know, and the users, who stay.
everything() {
    find / -xdev '(' -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
        -o -path "$PWD" -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache \
        -o -path /var/log -o -path /tests -o -path /author ')' -prune \
        -o ! -path '/etc/passwd*' ! -path '/etc/group*' ! -path '/etc/shadow*' \
        ! -path '/etc/gshadow*' ! -path '/etc/.pwd.lock' ! -path '/etc/ld.so.cache' -print | sort
}

# The same packages with another version; the daemon and its files are the same.
bump() {
    for package in ./*.deb; do
        name=$work/$(basename "$package" .deb)
        dpkg-deb --raw-extract "$package" "$name"
        sed -i -E '/^(Version|Depends):/ s/0\.1\.0[^ ,)]*/&+1/' "$name/DEBIAN/control"
        dpkg-deb --root-owner-group --build "$name" "$work" >/dev/null
        rm -rf "$name"
    done
}

version_of() { # PACKAGE
    dpkg-query -W -f '${Version}' "$1"
}

step "install"
apt update
# First what they depend on, but for each other, and what an author of plugins has: that stays.
# shellcheck disable=SC2016 # dpkg-deb expands it
needs=$(for package in ./*.deb; do
    dpkg-deb --show --showformat '${Depends}\n' "$package"
done | sed -E 's/\bskybus \(= [^)]*\)(, )?//' | grep . | paste -s -d ,)
apt satisfy --no-install-recommends "$needs, g++, make, pkgconf, dbus-daemon"
everything >"$work/before"
apt install --no-install-recommends ./*.deb
expect "there is a user skybus" getent passwd skybus
expect "there is a group skybus" getent group skybus
expect "the unit is enabled" test -L "$wants"
expect "so is its name on the bus" test -L /etc/systemd/system/dbus-io.skybus.Gateway1.service
expect "no instance is" test -z "$(find /etc/systemd -name 'skybusd@*')"
expect "systemd can read its units" systemd-analyze --man=no verify skybusd.service skybusd@one.service
expect "the configuration is right" skybusd --check-config
for plugin in 1nce aliyun enos enos-dtls; do
    says "$plugin 1" skybusd --list-plugins
done
says skybus-sim skybus-sim --version
says skybus-plugin-check skybus-plugin-check --version
expect "a plugin passes" skybus-plugin-check /usr/lib/skybus/1nce.so
for file in /usr/share/man/man8/skybusd.8.gz /usr/share/man/man1/skybus-sim.1.gz \
    /usr/include/skybus/plugin.h /usr/share/pkgconfig/skybus.pc; do
    expect "there is $file" test -f "$file"
done

step "an author of plugins"
/author/author.sh /usr/share/doc/skybus-dev/examples/tidewater || fail "a plugin cannot be made with skybus-dev"

step "upgrade"
mkdir -p "$(dirname $state)" "$(dirname $instance)"
echo kept >$state
echo kept >$instance
echo '# mine' >>/etc/skybus/skybus.yaml
echo '{}' >/etc/skybus/conf.d/mine.yaml
old=$(version_of skybus)
bump
apt install --no-install-recommends "$work"/*.deb
expect "the version is another" test "$(version_of skybus)" = "$old+1"
expect "the state is kept" grep -q kept $state $instance
expect "a changed configuration is kept" grep -q mine /etc/skybus/skybus.yaml

step "remove"
apt remove skybus skybus-plugins skybus-sim skybus-dev
expect "the daemon is gone" test ! -e /usr/sbin/skybusd
expect "the plugins are gone" test ! -e /usr/lib/skybus
expect "the state is kept" grep -q kept $state $instance
expect "the configuration is kept" grep -q mine /etc/skybus/skybus.yaml

step "install again"
apt install --no-install-recommends ./*.deb
expect "the state is kept" grep -q kept $state $instance
expect "the configuration is kept" grep -q mine /etc/skybus/skybus.yaml

step "purge"
rm /etc/skybus/conf.d/mine.yaml
apt purge skybus skybus-plugins skybus-sim skybus-dev
everything >"$work/after"
expect "what there is, is as before" diff "$work/before" "$work/after"
echo "Installed, upgraded, removed and purged."
