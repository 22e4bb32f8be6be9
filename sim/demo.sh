#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A gateway at work, on this machine alone: a private bus, simulated clouds, skybusd between them,
# readings of this machine that go all the way up, and commands that come down and are answered.
#
#   sim/demo.sh BUILD_DIRECTORY
#
# It uses no fixed port or name and leaves nothing behind, so any number may run at a time. What talks to
# the gateway here is dbus-send, which works in any script; docs/examples/subscribe.c, since whoever gets
# commands must stay on the bus; and in the end skybusctl, which is for people.
set -eu
export LC_ALL=C
umask 077

links='plant depot fleet meter'
rounds=3
object=/io/skybus/Gateway1
link_interface=io.skybus.Gateway1.Link
manager_interface=io.skybus.Gateway1.Manager
topic=telemetry
device=pk7TestA/dev0000001
secret=AbCdEfGhIjKlMnOpQrSt
answer='{"done":true}'

build=${1:-build/default}
source=$(dirname -- "$0")
dir=
pids=
shown=

# Each link of sim/demo.yaml.in has another cloud.
cloud_of() { # LINK
    case $1 in
    plant) echo enos-dtls ;;
    depot) echo enos-v1 ;;
    fleet) echo aliyun ;;
    meter) echo 1nce ;;
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
                              a plugin ---CoAP, DTLS------> the cloud
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

# This machine as it is now; the same for every cloud. The links' envelopes make of it what each wants.
reading() { # NUMBER
    load=$(cut -d ' ' -f 1 /proc/loadavg)
    memory=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    printf '{"number":%s,%s"load":%s,' "$1" "$(temperature)" "$load"
    printf '"memory_free_kb":%s}' "$memory"
}

# The simulator records one JSON object a line, in which the payload is a string, with a backslash
# before each quotation mark. Of each message but answers: its cloud, and the readings in its payload,
# out of EnOS' envelope and out of Aliyun's, where each value has its time.
received() {
    sed -nE '/"event":"message"/ {
        /_reply"/ d
        s/.*"cloud":"([^"]*)".*"payload":"((\\.|[^"\\])*)".*/\1 \2/
        s/\\(.)/\1/g
        s/\{"value":([^,]*),"time":[0-9]*\}/\1/g
        s/^([^ ]*) .*(\{"number"[^}]*\}).*/\1 \2/
        p
    }' "$dir/record"
}

# ---- The steps ------------------------------------------------------------------------------------

check_programs() {
    for program in dbus-daemon dbus-send; do
        command -v "$program" >/dev/null ||
            fail "$program is not here: install the packages dbus-daemon and dbus-bin."
    done
    for file in skybusd ctl/skybusctl sim/skybus-sim docs/examples/subscribe plugins/aliyun.so; do
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
    "$build/sim/skybus-sim" --record "$dir/record" --control "$dir/control" \
        --ca-file "$dir/ca.pem" >"$dir/clouds" 2>"$dir/sim.log" &
    sim=$!
    started $sim
    wait_until $sim skybus-sim [ -s "$dir/clouds" ] || fail "skybus-sim does not start."
    sed 's/^/  skybus-sim    /' "$dir/clouds"
}

# A UDP port that nobody listens at, where the cloud of meter calls it.
free_port() {
    for port in $(shuf -i 10000-32000 -n 100); do
        grep -qi ":$(printf %04X "$port") " /proc/net/udp /proc/net/udp6 || break
    done
    echo "$port"
}

start_gateway() {
    # "enos-v1 coap://127.0.0.1:40001" becomes the sed command "s/@enos-v1-port@/40001/".
    sed 's|^\([^ ]*\) .*:\([0-9]*\)$|s/@\1-port@/\2/|' "$dir/clouds" >"$dir/ports"
    port=$(free_port)
    sed -f "$dir/ports" -e "s|@secret-file@|$dir/secret|" -e "s|@ca-file@|$dir/ca.pem|" \
        -e "s|@downlink-port@|$port|" "$source/demo.yaml.in" >"$dir/demo.yaml"
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

publish() { # LINK NUMBER
    payload=$(reading "$2")
    call "$object/link/$1" $link_interface.Publish "string:$topic" "string:$payload" ||
        fail "link $1 does not take a message: $reply"
    note_ticket "$1"
}

publish_with() { # LINK NUMBER OPTIONS
    payload=$(reading "$2")
    call "$object/link/$1" $link_interface.PublishWith "string:$topic" "string:$payload" \
        "dict:string:string:$3" || fail "link $1 does not take a message: $reply"
    note_ticket "$1"
}

# It is answered with "array [ uint64 21 uint64 22 ]": a ticket for each link of the route.
publish_by_topic() { # NUMBER LINK...
    payload=$(reading "$1")
    call $object $manager_interface.Publish string:readings "string:$payload" ||
        fail "the manager does not take a message: $reply"
    shift
    tickets=$reply
    for link; do
        tickets=${tickets#*uint64 }
        reply=${tickets%%[!0-9]*}
        note_ticket "$link"
    done
}

note_ticket() { # LINK
    ticket=${reply##* }
    echo "$1 $ticket" >>"$dir/tickets"
    echo "$(cloud_of "$1") $payload" >>"$dir/published"
    published=$((published + 1))
    printf '  ticket %-4s%-8s%s\n' "$ticket" "$1" "$payload"
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

show_status() {
    printf '%s  $ skybusctl status%s\n' "$grey" "$plain"
    "$build/ctl/skybusctl" --address="unix:path=$dir/bus" --no-pager status >"$dir/status" ||
        fail "skybusctl does not show the links."
    sed 's/^/  /' "$dir/status"
}

# What was published is what has come: nothing is missing, changed, too much or there twice.
compare() {
    received >"$dir/received"
    while read -r cloud payload; do
        printf '  %-11s%s\n' "$cloud" "$payload"
    done <"$dir/received"
    sort "$dir/published" >"$dir/published.sorted"
    sort "$dir/received" | diff "$dir/published.sorted" - ||
        fail "what was published (<) is not what the clouds have (>)."
}

# Its inbox has the link's name.
start_subscriber() { # LINK
    : >"$dir/commands.$1"
    DBUS_SYSTEM_BUS_ADDRESS="unix:path=$dir/bus" "$build/docs/examples/subscribe" "$1" '#' "$answer" \
        "$1" >"$dir/commands.$1" 2>"$dir/subscribe.$1.log" &
    subscriber=$!
    started $subscriber
    wait_until $subscriber subscribe grep -q "^subscribed" "$dir/commands.$1" ||
        fail "cannot subscribe: $(cat "$dir/subscribe.$1.log")"
}

# What the clouds say is put down, each in its own way: EnOS and Aliyun keep a command until the device
# asks; 1NCE calls the device, and waits for its answer.
send_commands() {
    ctl command "/$device/user/get=switch on"
    service=/sys/$device/thing/service/switch
    ctl command "$service={\"id\":\"7\",\"version\":\"1.0\",\"params\":{\"on\":true}}"
    [ "$(ctl call POST "coap://127.0.0.1:$port/switch" on)" = "2.04 $answer" ] ||
        fail "1nce got no answer from the program that has subscribed."
    # EnOS tells of its command in the reply to whatever comes next.
    publish plant $((rounds + 3))
    publish depot $((rounds + 3))
}

ctl() { # VERB ARGUMENT...
    "$build/sim/skybus-sim" ctl "$dir/control" "$@" || fail "skybus-sim ctl $1 does not work."
}

got_command() { # LINK
    [ "$(grep -vc '^subscribed' "$dir/commands.$1")" -ge 1 ]
}

wait_command() { # LINK
    wait_until $gateway skybusd got_command "$1" || fail "link $1 got no command."
    commands=$((commands + 1))
    printf '  %-8s%s\n' "$1" "$(sed -n '2s/ / <-- /p' "$dir/commands.$1")"
}

# An inbox is "LINK uint32 UID NAME FILTER uint64 MESSAGES ..."
has_waiting() { # LINK MESSAGES
    call $object $manager_interface.ListInboxes || return 1
    [ "$(echo "$reply" | tr -s ' \n' ' ' | grep -c " $1 # uint64 $2 ")" = 1 ]
}

# To the app that was started last, the one of meter, when it is gone.
send_command_to_inbox() {
    wait_until $gateway skybusd has_waiting meter 0 || fail "no command is acknowledged: $reply"
    stop "$subscriber" || :
    ctl call POST "coap://127.0.0.1:$port/switch" off >"$dir/call" &
    started $!
    wait_until $gateway skybusd has_waiting meter 1 || fail "no command waits: $reply"
    printf '  %-8s1 command waits\n' meter
}

# Both EnOS clouds have their answers, which are messages of their own.
is_answered() {
    [ "$(grep -c '"event":"message".*_reply"' "$dir/record")" -eq 2 ]
}

end_well() {
    stop $gateway || fail "skybusd ended with status $?."
    stop $sim || fail "skybus-sim ended with status $?."
}

trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

online=0
published=0
delivered=0
commands=0

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

title "PublishWith: one that goes before all others, if it can go within a quarter of an hour"
for link in $links; do
    publish_with "$link" $((rounds + 1)) priority,urgent,ttl,15m
done

title "Publish of the manager: to all clouds that the configuration has for the topic"
publish_by_topic $((rounds + 2)) plant fleet

title "Commands: a program subscribes, and answers $answer where the cloud waits for it"
for link in $links; do
    start_subscriber "$link"
done
send_commands
for link in $links; do
    wait_command "$link"
done
wait_until $gateway skybusd is_answered || fail "EnOS got no answer to its command."

title "ListInboxes: a command that comes while its app is away waits on disk"
send_command_to_inbox
start_subscriber meter
wait_command meter

title "WaitTicket: it answers when the cloud has"
while read -r link ticket; do
    wait_settled "$link" "$ticket"
done <"$dir/tickets"

title "ListLosses: what ended otherwise than delivered, by link, user and cause"
call $object $manager_interface.ListLosses || fail "the losses are not told: $reply"
[ "$(echo "$reply" | tr -d ' \n')" = "array[]" ] || fail "something was lost: $reply"
printf '  %snothing%s\n' "$green" "$plain"

title "skybusctl: the same for people"
show_status

title "What the clouds received"
compare
end_well

title "Where skybus is installed, write --system instead of --bus=...; the rest is the same."
printf '\n%sdemo: ok, %d links online, %d published, %d delivered, %d commands received%s\n' \
    "$green" $online $published $delivered $commands "$plain"
