#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Clean roots of Debian, to build packages in and to try them. Takes root, debootstrap and a mirror.
#
#   tests/packages/root.sh base RELEASE
#       The smallest Debian of that release, 12 or 13, in build/roots/RELEASE. It is made once; to have it
#       made anew, remove it. Prints its path. It is not to be changed: the rest takes copies of it.
#
#   tests/packages/root.sh copy RELEASE DIRECTORY
#       Such a root in DIRECTORY, which is not there yet: to boot it, say.
#
#   tests/packages/root.sh run RELEASE [--bind FROM:TO]... COMMAND [ARGUMENT]...
#       Runs a command in a copy that is gone afterwards, together with all that the command has started.
#       FROM is a directory of this machine, TO where the command sees it. The status is the command's.
#       RELEASE may also be a directory with a root.
#
#   tests/packages/root.sh build RELEASE ARCHITECTURE
#       Builds the packages of the tree as it is for a release and amd64, arm64 or armhf, and puts them into
#       build/deb/RELEASE-ARCHITECTURE, as build.sh does. Compilers and libraries are kept in
#       build/roots/RELEASE-ARCHITECTURE, until the source's part of debian/control changes. The release is
#       part of the version, such as 0.1.0+deb12, so that those of the next one are newer.
#
# Where packages come from, and how, is as apt has it on this machine, but for the release;
# DEBIAN_MIRROR=URL takes them from there.
set -eu
umask 022

source=$(cd "$(dirname -- "$0")/../.." && pwd)
self=$source/tests/packages/root.sh
roots=$source/build/roots
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

fail() { # SENTENCE
    echo "root.sh: $1" >&2
    exit 1
}

codename() { # RELEASE
    case $1 in
    12) echo bookworm ;;
    13) echo trixie ;;
    *) fail "there is no release $1 here: 12 or 13." ;;
    esac
}

# ---- What apt of this machine knows ---------------------------------------------------------------

# Lines for sources.list: those of this machine's own release, with the other codename.
sources() { # CODENAME
    if [ "${DEBIAN_MIRROR:-}" ]; then
        echo "deb $DEBIAN_MIRROR $1 main"
        return
    fi
    # shellcheck source=/dev/null
    own=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
    # shellcheck disable=SC2016 # apt expands these
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sort -u | sed -nE "s/^([^ ]+) $own(-updates|-security)? main\$/deb \1 $1\2 main/p"
}

mirror() { # CODENAME
    sources "$1" | sed -nE "s/^deb ([^ ]+) $1 main\$/\1/p" | head -n 1
}

# Proxies, certificates, passwords; nothing that apt runs.
lend_apt() { # ROOT
    apt-config dump | grep '^Acquire::' >"$1/etc/apt/apt.conf.d/50host"
    apt-config dump | sed -nE 's/^Acquire::http.* "(\/.*)";$/\1/p' |
        while read -r file; do
            [ ! -f "$file" ] || cp --dereference --parents "$file" "$1"
        done
    for file in /etc/apt/auth.conf /etc/apt/auth.conf.d /usr/local/share/ca-certificates \
        /etc/ssl/certs/ca-certificates.crt /etc/resolv.conf; do
        [ ! -e "$file" ] || cp --recursive --dereference --parents "$file" "$1"
    done
}

# ---- Roots ----------------------------------------------------------------------------------------

make_base() { # CODENAME DIRECTORY
    from=$(mirror "$1")
    [ "$from" ] || fail "apt of this machine has no source of Debian: set DEBIAN_MIRROR to the URL of a mirror."
    proxy=$(apt-config dump | sed -nE 's/^Acquire::http::Proxy "(.+)";$/\1/p')
    [ -z "$proxy" ] || export http_proxy="$proxy"
    mkdir -p "$2"
    debootstrap --variant=minbase --include=ca-certificates "$1" "$2" "$from" >"$2.log" 2>&1 || {
        tail -n 5 "$2.log" >&2
        fail "debootstrap could not make a root from $from: the whole log is $2.log."
    }
    lend_apt "$2"
    sources "$1" >"$2/etc/apt/sources.list"
    echo force-unsafe-io >"$2/etc/dpkg/dpkg.cfg.d/quick"
    rm -f "$2"/var/cache/apt/archives/*.deb
}

base() { # RELEASE
    name=$(codename "$1")
    if [ ! -d "$roots/$1" ]; then
        echo "Making a root with Debian $1 ($name)" >&2
        mkdir -p "$roots"
        rm -rf "$roots/$1.new"
        make_base "$name" "$roots/$1.new"
        mv "$roots/$1.new" "$roots/$1"
    fi
    echo "$roots/$1"
}

# A root is a tree of a machine that does not run, so a copy of it is one, too.
copy() { # ROOT DIRECTORY
    cp -a --reflink=auto "$1" "$2"
}

# Runs in namespaces of its own, so nothing is left of it: neither mounts nor processes.
enter() { # ROOT [--bind FROM:TO]... COMMAND...
    unshare --mount --pid --fork --kill-child "$self" inside "$@"
}

# The first process of such a namespace.
inside() { # ROOT [--bind FROM:TO]... COMMAND...
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    # Last, for they may be in /tmp.
    while [ "${1:-}" = --bind ]; do
        mkdir -p "$root${2#*:}"
        mount --bind "${2%%:*}" "$root${2#*:}"
        shift 2
    done
    exec env -i PATH="$PATH" HOME=/root TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-}" \
        chroot "$root" "$@"
}

# In an overlay; where there can be none, in a copy.
run() { # ROOT [--bind FROM:TO]... COMMAND...
    scratch=$(mktemp -d "$roots/run.XXXXXX")
    lower=$1
    shift
    mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
    if mount -t overlay overlay "$scratch/root" \
        -o "lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work" 2>/dev/null; then
        trap 'umount "$scratch/root"; rm -rf "$scratch"' EXIT
    else
        trap 'rm -rf "$scratch"' EXIT
        rmdir "$scratch/root"
        copy "$lower" "$scratch/root"
    fi
    trap 'exit 1' HUP INT TERM
    enter "$scratch/root" "$@"
}

# ---- Packages -------------------------------------------------------------------------------------

# What a root to build in is made for: the part of the source.
needs() {
    sed '/^$/q' "$source/debian/control"
}

# What is built with: everything for this machine itself, and for another architecture a cross compiler.
#
# From the release alone, without its updates. Nothing of a library gets into our packages, and where those
# of two architectures are side by side they must be of one version: a mirror may lag behind for one.
make_builder() { # RELEASE ARCHITECTURE DIRECTORY
    copy "$(base "$1")" "$3"
    sed -i -E '/-(updates|security) /d' "$3/etc/apt/sources.list"
    mkdir -p "$3/skybus/debian"
    cp "$source/debian/control" "$source/debian/changelog" "$3/skybus/debian"
    cat >"$3/skybus/install" <<'END'
set -eu
own=$(dpkg --print-architecture)
tools='build-essential fakeroot faketime lintian'
profile=
if [ "$1" != "$own" ]; then
    dpkg --add-architecture "$1"
    tools="$tools crossbuild-essential-$1"
    profile='--build-profiles cross'
fi
apt-get -q update
apt-get -q -y install --no-install-recommends $tools
apt-get -q -y build-dep --no-install-recommends --host-architecture "$1" $profile /skybus
apt-get clean
END
    enter "$3" sh /skybus/install "$2" >"$3.log" 2>&1 || {
        tail -n 15 "$3.log" >&2
        fail "packages to build with cannot be installed: the whole log is $3.log."
    }
    rm -rf "$3/skybus"
    needs >"$3/built-for"
}

builder() { # RELEASE ARCHITECTURE
    name=$1-$2
    if ! needs | cmp -s - "$roots/$name/built-for"; then
        echo "Making a root to build in for Debian $1, $2" >&2
        rm -rf "${roots:?}/$name" "$roots/$name.new"
        make_builder "$1" "$2" "$roots/$name.new" >&2
        mv "$roots/$name.new" "$roots/$name"
    fi
    echo "$roots/$name"
}

build() { # RELEASE ARCHITECTURE
    case $2 in
    amd64 | arm64 | armhf) ;;
    *) fail "nothing is known of architecture $2 here: amd64, arm64 or armhf." ;;
    esac
    result=$source/build/deb/$1-$2
    root=$(builder "$1" "$2")
    rm -rf "$result"
    "$source/tests/packages/export.sh" "$result/tree"
    sed -i "1 s/)/+deb$1)/" "$result/tree/debian/changelog"
    set -- "$2"
    [ "$1" = "$(dpkg --print-architecture)" ] || set -- "$1" --host-arch "$1" --build-profiles=cross
    shift
    run "$root" --bind "$result:$result" "$result/tree/tests/packages/build.sh" "$result" "$@"
    rm -rf "$result/tree"
}

# ---------------------------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || fail "a root of Debian takes root on this machine, too: run it with sudo."
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap."

command=${1:-}
[ $# -eq 0 ] || shift
case $command:$# in
base:1) base "$1" ;;
copy:2)
    [ ! -e "$2" ] || fail "$2 is there already."
    copy "$(base "$1")" "$2"
    ;;
run:[2-9]*)
    root=$1
    shift
    [ -d "$root/etc" ] || root=$(base "$root")
    run "$root" "$@"
    ;;
build:2) build "$1" "$2" ;;
inside:*) inside "$@" ;;
*)
    sed -nE '/^#   tests/ s/^#  //p' "$self" >&2
    exit 2
    ;;
esac
