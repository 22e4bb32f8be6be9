/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * In the place of systemd on the bus, on the same loop as what asks it: every process is of the same unit.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/loop.h"

#define FAKE_SYSTEMD_KEPT_MAX 8

/**
 * struct fake_systemd - set by the test, but for what is counted
 * @unit: the name of the unit; NULL for no unit, with systemd's error
 * @uid: the user of the unit; UINT32_MAX for none
 * @garbles: what it answers is of another type
 * @hangs: it answers nothing until fake_systemd_resume()
 * @pid: the last number that it was asked about
 * @n_units: how often it was asked for the unit
 * @n_users: how often for a user
 */
struct fake_systemd {
	sd_bus *bus;
	const char *unit;
	uint32_t uid;
	bool garbles;
	bool hangs;
	uint32_t pid;
	size_t n_units;
	size_t n_users;
	sd_bus_message *kept[FAKE_SYSTEMD_KEPT_MAX];
	size_t n_kept;
};

int fake_systemd_start(struct fake_systemd *systemd, struct sb_loop *loop, const char *address);
void fake_systemd_stop(struct fake_systemd *systemd);
void fake_systemd_resume(struct fake_systemd *systemd);
