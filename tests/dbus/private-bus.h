/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A dbus-daemon of the test's own, in a temporary directory.
 */
struct private_bus;

/** Everybody may do everything. */
#define PRIVATE_BUS_OPEN               \
	"<policy context=\"default\">" \
	"<allow user=\"*\"/>"          \
	"<allow own=\"*\"/>"           \
	"<allow send_type=\"*\"/>"     \
	"<allow receive_type=\"*\"/>"  \
	"</policy>"

struct private_bus *private_bus_start(const char *policy);
struct private_bus *private_bus_stop(struct private_bus *bus);
void private_bus_kill(struct private_bus *bus);
int private_bus_revive(struct private_bus *bus);
const char *private_bus_path(const struct private_bus *bus);
void private_bus_pause(struct private_bus *bus);
void private_bus_resume(struct private_bus *bus);
const char *private_bus_address(const struct private_bus *bus);
