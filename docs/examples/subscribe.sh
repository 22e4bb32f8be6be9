#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Gets commands from the cloud in a script:
#
#   ./subscribe.sh LINK [FILTER [ANSWER [INBOX]]]
#
# A subscription ends with its connection, and busctl, gdbus and dbus-send have one for a single call each;
# busctl monitor listens, but cannot subscribe. So something else must stay on the bus for the script: here
# the program of subscribe.c, beside this file. It says that it has subscribed, then prints each command
# in a line: its topic and its text. With INBOX, what comes while the script does not run waits on disk; what
# that program has printed does not come again.
set -u

"$(dirname -- "$0")/subscribe" "$@" | {
    # It says nothing if it cannot; why is on stderr.
    read -r subscribed || exit 1
    printf '%s\n' "$subscribed"
    while read -r topic text; do
        # Here is the place for what is to be done.
        printf '%s %s\n' "$topic" "$text"
    done
    # The bus is gone.
    exit 1
}
