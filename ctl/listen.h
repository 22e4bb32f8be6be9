/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For commands that go on: an event loop with the bus in it, which ends with SIGINT and SIGTERM. Signals of links
 * are taken from the daemon that was there at the beginning and from nobody else; when it goes, the command
 * ends, since subscriptions and whom it tells of ends went with it.
 */
#include "ctl/bus.h"

/** struct ctl_listen - embedded in its owner */
struct ctl_listen {
	struct ctl *ctl;
	sd_event *event;
	char *owner; /* the daemon's unique name */
	sd_bus_slot *signals;
	sd_bus_slot *owners;
	int (*on_signal)(void *owner, const char *member, sd_bus_message *signal);
	void *userdata;
	bool stopped; /* by a signal of the process */
};

enum ctl_exit ctl_listen_init(struct ctl_listen *listen, struct ctl *ctl,
			      int (*on_signal)(void *userdata, const char *member,
					       sd_bus_message *signal),
			      void *userdata);
void ctl_listen_done(struct ctl_listen *listen);
enum ctl_exit ctl_listen_run(struct ctl_listen *listen);
void ctl_listen_end(struct ctl_listen *listen, enum ctl_exit status);
