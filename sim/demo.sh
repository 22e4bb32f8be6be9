#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A gateway at work, on this machine alone: a private bus, simulated clouds, skybusd between them, and
# readings of this machine that go all the way up.
#
#   sim/demo.sh BUILD_DIRECTORY
#
# It uses no fixed port or name and leaves nothing behind, so any number may run at a time. Everything
# that talks to the gateway here is dbus-send: what works below works in any script.
set -eu
export LC_ALL=C
umask 077

links='plant depot'
rounds=5
object=/io/skybus/Gateway1
link_interface=io.skybus.Gateway1.Link
manager_interface=io.skybus.Gateway1.Manager
topic=/sys/pk7TestA/dev0000001/thing/measurepoint/post
secret=AbCdEfGhIjKlMnOpQrSt

build=${1:-build/default}
source=$(dirname -- "$0")
dir=
pids=
shown=

# Each link of sim/demo.yaml.in has another cloud.
cloud_of() { # LINK
    case $1 in
    plant) echo enos-v1 ;;
    depot) echo enos-v2 ;;
    esac
}

# ---- What people see ------------------------------------------------------------------------------

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
    terminal=yes
    bold=$(printf '\033[1m') green=$(printf '\033[32m') red=$(printf '\033[31m')
    grey=$(printf '\033[90m') plain=$(printf '\033[0m')
else
    terminal=
    bold='' green='' red='' grey='' plain=''
fi

title() { # SENTENCE
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

picture() {
    [ "$terminal" ] || return 0
    cat <<END

    this script                skybusd                      skybus-sim

    dbus-send ----D-Bus-----> stored on disk
        ^                        |
        +------- ticket ---------+
                                 |
                              plugin enos ------CoAP------> the cloud
                                 |                             |
    WaitTicket <-- delivered -- ticket settled <----reply------+
END
}

fail() { # SENTENCE
    for log in sim skybusd; do
        if [ "$dir" ] && [ -s "$dir/$log.log" ]; then
            title "The log of $log:"
            sed 's/^/    /' "$dir/$log.log"
        fi
    done
    printf '\n%sdemo: failed: %s%s\n' "$red" "$1" "$plain"
    exit 1
}

# ---- Processes ------------------------------------------------------------------------------------

is_running() { # PID
    kill -0 "$1" 2>/dev/null
}

# Ends a process; one that does not end in five seconds is made to. Its exit status is returned.
stop() { # PID
    kill "$1" 2>/dev/null || :
    for _ in $(seq 100); do
        is_running "$1" || break
        sleep 0.05
    done
    kill -KILL "$1" 2>/dev/null || :
    wait "$1"
}

# The last one that was started ends first.
finish() {
    trap '' HUP INT PIPE TERM
    for pid in $pids; do
        stop "$pid" || :
    done
    [ -z "$dir" ] || rm -rf -- "$dir"
}

started() { # PID
    pids="$1 $pids"
}

# Waits until a command succeeds, at most ten seconds, and no longer than a process lives.
wait_until() { # PID NAME COMMAND...
    watched=$1
    name=$2
    shift 2
    for _ in $(seq 100); do
        ! "$@" || return 0
        is_running "$watched" || fail "$name has ended by itself."
        sleep 0.1
    done
    return 1
}

# ---- The gateway, by dbus-send --------------------------------------------------------------------

# Shows a command the way one would type it, the first time that its method is called.
show_once() { # METHOD COMMAND...
    case " $shown " in
    *" $1 "*) return 0 ;;
    esac
    shown="$shown $1"
    shift
    printf '%s  $' "$grey"
    for word; do
        case $word in
        /* | string:* | uint*) printf ' \\\n       ' ;;
        esac
        case $word in
        *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '%s\n' "$plain"
}

# Calls a method. What it answers, or the error, is in $reply.
call() { # OBJECT INTERFACE.METHOD ARGUMENT...
    method=$2
    set -- dbus-send --bus="unix:path=$dir/bus" --dest=io.skybus.Gateway1 --print-reply=literal "$@"
    show_once "$method" "$@"
    reply=$("$@" 2>&1)
}

# The state of a link is a property; "variant online" is what dbus-send makes of it.
get() { # LINK PROPERTY
    call "$object/link/$1" org.freedesktop.DBus.Properties.Get \
        "string:$link_interface" "string:$2"
    reply=${reply#*variant}
    reply=${reply#"${reply%%[! ]*}"}
}

is_online() { # LINK
    get "$1" State || return 1
    [ "$reply" != failed ] || fail_offline "$1"
    [ "$reply" = online ]
}

fail_offline() { # LINK
    get "$1" StateReason || :
    fail "link $1 is not online: $reply"
}

# ---- What is published ----------------------------------------------------------------------------

temperature() {
    for zone in /sys/class/thermal/thermal_zone*/temp; do
        awk '{ printf "\"temperature\":%.1f,", $1 / 1000 }' "$zone" 2>/dev/null && return
    done
    return 0
}

# This machine as it is now, in the form that EnOS wants.
reading() { # ID
    load=$(cut -d ' ' -f 1 /proc/loadavg)
    memory=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    printf '{"id":"%s","version":"1.0","method":"thing.measurepoint.post","params":' "$1"
    printf '{"measurepoints":{%s"load":%s,' "$(temperature)" "$load"
    printf '"memory_free_kb":%s},"time":%s000}}' "$memory" "$(date +%s)"
}

# The heart of a payload, for people.
points_of() { # PAYLOAD
    points=${1#*\"measurepoints\":}
    echo "${points%%\}*}}"
}

# The simulator records one JSON object a line, in which the payload is a string, with a backslash
# before each quotation mark: of each message, its cloud and its payload as it came.
received() {
    sed -nE '/"event":"message"/ {
        s/.*"cloud":"([^"]*)".*"payload":"((\\.|[^"\\])*)".*/\1 \2/
        s/\\(.)/\1/g
        p
    }' "$dir/record"
}

# ---- The steps ------------------------------------------------------------------------------------

check_programs() {
    for program in dbus-daemon dbus-send; do
        command -v "$program" >/dev/null ||
            fail "$program is not here: install the packages dbus-daemon and dbus-bin."
    done
    for file in skybusd sim/skybus-sim plugins/enos.so; do
        [ -e "$build/$file" ] || fail "$build/$file is not built: run \"make demo\"."
    done
}

# The plugins are copied: skybusd loads none that others could have written to, and what was built
# under another umask, or by another user, looks like that.
prepare() {
    dir=$(mktemp -d /tmp/skybus-demo.XXXXXX)
    mkdir "$dir/plugins"
    install -m 0644 "$build"/plugins/*.so "$dir/plugins/"
    printf '%s\n' "$secret" >"$dir/secret"
}

start_bus() {
    dbus-daemon --session --nofork --nopidfile --nosyslog --address="unix:path=$dir/bus" \
        --print-address >"$dir/address" 2>"$dir/bus.log" &
    bus=$!
    started $bus
    wait_until $bus dbus-daemon [ -s "$dir/address" ] ||
        fail "dbus-daemon does not start: $(cat "$dir/bus.log")"
    echo "  dbus-daemon   a bus of our own"
}

start_clouds() {
    "$build/sim/skybus-sim" --record "$dir/record" >"$dir/clouds" 2>"$dir/sim.log" &
    sim=$!
    started $sim
    wait_until $sim skybus-sim [ -s "$dir/clouds" ] || fail "skybus-sim does not start."
    sed 's/^/  skybus-sim    /' "$dir/clouds"
}

start_gateway() {
    # "enos-v1 coap://127.0.0.1:40001" becomes the sed command "s/@enos-v1-port@/40001/".
    sed 's|^\([^ ]*\) .*:\([0-9]*\)$|s/@\1-port@/\2/|' "$dir/clouds" >"$dir/ports"
    sed -f "$dir/ports" -e "s|@secret-file@|$dir/secret|" "$source/demo.yaml.in" >"$dir/demo.yaml"
    "$build/skybusd" --config "$dir/demo.yaml" --plugin-dir "$dir/plugins" \
        --state-dir "$dir/state" --address "unix:path=$dir/bus" >"$dir/skybusd.log" 2>&1 &
    gateway=$!
    started $gateway
    echo "  skybusd       with sim/demo.yaml.in"
}

wait_online() { # LINK
    wait_until $gateway skybusd is_online "$1" || fail_offline "$1"
    online=$((online + 1))
    printf '  %-8s%sonline%s\n' "$1" "$green" "$plain"
}

publish() { # LINK ROUND
    payload=$(reading "$1-$2")
    call "$object/link/$1" $link_interface.Publish "string:$topic" "string:$payload" ||
        fail "link $1 does not take a message: $reply"
    ticket=${reply##* }
    echo "$1 $ticket" >>"$dir/tickets"
    echo "$(cloud_of "$1") $payload" >>"$dir/published"
    published=$((published + 1))
    printf '  ticket %-4s%-8s%s\n' "$ticket" "$1" "$(points_of "$payload")"
}

wait_settled() { # LINK TICKET
    call $object $manager_interface.WaitTicket "uint64:$2" uint32:10 ||
        fail "ticket $2 is not settled: $reply"
    read -r outcome code reason <<END
$reply
END
    [ "$outcome" = delivered ] || fail "ticket $2 is $outcome, not delivered: $code $reason"
    delivered=$((delivered + 1))
    printf '  ticket %-4s%-8s%s%s%s %s\n' "$2" "$1" "$green" "$outcome" "$plain" "$code"
}

# What was published is what has come: nothing is missing, changed, too much or there twice.
compare() {
    received >"$dir/received"
    while read -r cloud payload; do
        printf '  %-9s%s\n' "$cloud" "$(points_of "$payload")"
    done <"$dir/received"
    sort "$dir/published" >"$dir/published.sorted"
    sort "$dir/received" | diff "$dir/published.sorted" - ||
        fail "what was published (<) is not what the clouds have (>)."
}

end_well() {
    stop $gateway || fail "skybusd ended with status $?."
    stop $sim || fail "skybus-sim ended with status $?."
    pids=$bus
}

trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

online=0
published=0
delivered=0

check_programs
prepare
picture

title "A bus, the clouds, the gateway"
start_bus
start_clouds
start_gateway

title "The links log in; their states are properties on the bus"
for link in $links; do
    wait_online "$link"
done

title "Publish: it answers with a ticket once the message is on disk"
for round in $(seq $rounds); do
    for link in $links; do
        publish "$link" "$round"
    done
done

title "WaitTicket: it answers when the cloud has"
while read -r link ticket; do
    wait_settled "$link" "$ticket"
done <"$dir/tickets"

title "What the clouds received"
compare
end_well

title "Where skybus is installed, write --system instead of --bus=...; the rest is the same."
printf '\n%sdemo: ok, %d links online, %d published, %d delivered%s\n' \
    "$green" $online $published $delivered "$plain"
