/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The options of a method, a{ss}: rows like those of the configuration, whose values are written in the
 * same way and are all numbers (of a choice its index).
 */
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/error.h"
#include "skybus/plugin.h"

/** The most rows that a method may have. */
#define SB_CALL_OPTIONS_MAX 32

int sb_call_options_read(sd_bus_message *call, const struct skybus_setting *rows, size_t n,
			 int64_t *values, struct sb_error *ret_error);
