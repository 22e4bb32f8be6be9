#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Publishes a message, waits for its end, and prints that: "delivered 2.04".
#
#   ./publish.sh LINK TOPIC TEXT
#
# LINK is a link of skybusd. It takes busctl, which comes with systemd, and uses the system bus, or the one
# that DBUS_SYSTEM_BUS_ADDRESS names. It ends with 0 if the cloud has the message.
set -eu
if [ $# -ne 3 ]; then
    echo "usage: $0 LINK TOPIC TEXT" >&2
    exit 2
fi

service=io.skybus.Gateway1
root=/io/skybus/Gateway1
# In the path of an object all is written as _xx that is no letter and no digit, and a digit in front.
link=$(printf %s "$1" | sed 's/_/_5f/g; s/-/_2d/g; s/^[0-9]/_3&/')

# busctl's own time-out is longer than what the daemon is told to wait.
call() { # OBJECT INTERFACE METHOD SIGNATURE ARGUMENT...
    busctl --timeout=90 call -- "$service" "$@"
}

ticket=$(call "$root/link/$link" $service.Link Publish ss "$2" "$3")
outcome=$(call $root $service.Manager WaitTicket tu "${ticket#t }" 60)
printf '%s\n' "$outcome" | sed 's/^sss //; s/"//g; s/ *$//'
case $outcome in
'sss "delivered"'*) ;;
*) exit 1 ;;
esac
