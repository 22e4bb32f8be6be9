/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All that "skybusctl doctor" can find. docs/doctor.md has the same rows.
 *
 * ROW(constant, name, what it means, what to do about it)
 */
#define CTL_FINDINGS(ROW)                                                                          \
	ROW(NONE, "healthy", "nothing that is wrong was found", "")                                \
	ROW(BUS_ABSENT, "bus-absent", "the message bus cannot be reached",                         \
	    "Start it: systemctl start dbus.")                                                     \
	ROW(BUS_FORBIDS, "bus-forbids", "the bus does not let this user talk to skybusd",          \
	    "Be root, or in the group skybus: sudo adduser NAME skybus, then log in anew.")        \
	ROW(DAEMON_ABSENT, "daemon-absent", "skybusd is not on the bus",                           \
	    "Start it: sudo systemctl start skybusd. If it does not stay, journalctl -u skybusd "  \
	    "-x says why.")                                                                        \
	ROW(DAEMON_SILENT, "daemon-silent", "skybusd is on the bus and does not answer",           \
	    "Look what it waits for: systemctl status skybusd. Then: sudo systemctl restart "      \
	    "skybusd; what is on disk is kept.")                                                   \
	ROW(DISK_FULL, "disk-full", "there is no room for messages",                               \
	    "Make room on that file system, or raise max_bytes in the section store.")             \
	ROW(DISK_FAILS, "disk-fails", "the disk refuses what is to be kept",                       \
	    "Look at it: dmesg, mount, and an SD card's age; it goes on by itself once it works.") \
	ROW(DISK_SLOW, "disk-slow", "the disk takes long to write, and so does each publish",      \
	    "Look what else writes there (iotop), and at an SD card's age.")                       \
	ROW(CLOCK_WRONG, "clock-wrong", "the clock of this box is wrong",                          \
	    "Set it, or let it be set: timedatectl set-ntp true; certificates need the date.")     \
	ROW(CONFIGURATION, "configuration", "the configuration of the link is wrong",              \
	    "Mend what the sentence says, then: sudo systemctl reload skybusd.")                   \
	ROW(PLUGIN, "plugin", "the plugin of the link is not loaded",                              \
	    "Install it, or another version of it, then: sudo systemctl restart skybusd. One in "  \
	    "quarantine is tried again as it is by: skybusctl plugins lift PLUGIN.")               \
	ROW(DISABLED, "disabled", "the link is switched off",                                      \
	    "skybusctl link connect LINK starts it; enabled: yes in its configuration for good.")  \
	ROW(INTERFACE_MISSING, "interface-missing", "the box has no such network interface",       \
	    "Is the modem there (lsusb, mmcli -L)? The link's setting \"interface\" names it.")    \
	ROW(INTERFACE_DOWN, "interface-down", "the network interface is down",                     \
	    "Plug the cable in, or: ip link set INTERFACE up; nmcli device connect INTERFACE.")    \
	ROW(INTERFACE_RIGHTS, "interface-rights", "skybusd may not choose the network interface",  \
	    "Give its unit AmbientCapabilities=CAP_NET_RAW.")                                      \
	ROW(NAME, "name", "the name of the cloud does not resolve",                                \
	    "Check the link's host, and the box's name server: resolvectl query HOST.")            \
	ROW(NO_ROUTE, "no-route", "the box has no route to the cloud",                             \
	    "Look at ip route; an address by DHCP, or a gateway, is missing.")                     \
	ROW(UNREACHABLE, "unreachable", "the network says that the host cannot be reached",        \
	    "Is its address right? Else a router or a firewall on the way refuses it.")            \
	ROW(PORT_CLOSED, "port-closed", "the host says that nothing listens on the UDP port",      \
	    "Check the link's port and host; or the service of the cloud is down.")                \
	ROW(PORT_BLOCKED, "port-blocked", "nothing at all comes back from the UDP port",           \
	    "Have the firewall let UDP to that port out and the answers in; is the host right?")   \
	ROW(MTU, "mtu", "large packets do not get through",                                        \
	    "Let routers answer \"fragmentation needed\", or lower the MTU of the interface: ip "  \
	    "link set INTERFACE mtu N.")                                                           \
	ROW(KEY_REFUSED, "key-refused",                                                            \
	    "the cloud refuses the DTLS handshake: wrong identity or "                             \
	    "key",                                                                                 \
	    "Compare the identity and the key of the link with those at the cloud's console.")     \
	ROW(KEY_SILENCE, "key-silence",                                                            \
	    "the cloud begins the DTLS handshake and falls silent: "                               \
	    "wrong identity or key",                                                               \
	    "Compare the identity and the key of the link with those at the cloud's console.")     \
	ROW(CERTIFICATE_DATE, "certificate-date", "the certificate of the cloud is not valid now", \
	    "Compare this box's clock with a watch (timedatectl); if it is right, tell the "       \
	    "cloud's operator.")                                                                   \
	ROW(CERTIFICATE, "certificate", "the certificate of the cloud is not to be trusted",       \
	    "Is the host the right one? Does the box have ca-certificates, or the link its root?") \
	ROW(CLOUD_REFUSES, "cloud-refuses", "the cloud answers, and refuses the login",            \
	    "What the sentence says; then: skybusctl link connect LINK.")                          \
	ROW(MESSAGES_REFUSED, "messages-refused",                                                  \
	    "the cloud lets the link in, and refuses "                                             \
	    "messages",                                                                            \
	    "skybusctl dead list shows them; mend the reason, then: skybusctl dead requeue.")      \
	ROW(CLOUD_SILENT, "cloud-silent", "the host answers, and the login got no answer",         \
	    "Try again: skybusctl link connect LINK. If it stays so, is it the right host and "    \
	    "port for this plugin?")                                                               \
	ROW(SESSION_ENDED, "session-ended", "the cloud ended the session",                         \
	    "It tries again by itself. If it happens often: does another device use the same "     \
	    "credentials?")                                                                        \
	ROW(BUDGET_SPENT, "budget-spent", "the link has used up its budget of bytes",              \
	    "Wait for the next period, publish what matters as urgent, or raise the link's "       \
	    "budget: sudo systemctl reload skybusd.")                                              \
	ROW(NAT, "nat", "a router on the way forgets who talks to whom after a silence",           \
	    "Have the link send more often than that (keepalive), or bear with a login after "     \
	    "each silence.")                                                                       \
	ROW(HTTPS, "https", "the HTTPS service of the cloud does not answer",                      \
	    "Have the firewall let HTTPS out; the sentence has the reason.")                       \
	ROW(DESCRIPTORS, "descriptors", "skybusd has as many sessions as it can",                  \
	    "Move links to a second instance, or raise LimitNOFILE= in the unit.")                 \
	ROW(WAITS, "waits", "what had gone wrong is not to be seen any more",                      \
	    "It tries again by itself; skybusctl link connect LINK tries now.")                    \
	ROW(OTHER, "other", "the link is not online for another reason",                           \
	    "What the sentence says; journalctl -u skybusd -x has more.")

enum ctl_finding {
#define CTL_FINDING_CONSTANT(constant, name, meaning, mend) CTL_FINDING_##constant,
	CTL_FINDINGS(CTL_FINDING_CONSTANT)
#undef CTL_FINDING_CONSTANT
	CTL_FINDINGS_N
};

/** struct ctl_finding_row - a finding as a row */
struct ctl_finding_row {
	const char *name;
	const char *meaning;
	const char *mend;
};

extern const struct ctl_finding_row ctl_findings[CTL_FINDINGS_N];
