/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The settings that the EnOS plugins have in common, as rows of their tables. The formatter would
 * lay the rows out as blocks of code.
 */
#include "skybus/plugin.h"

#define ENOS_KEY_MAX 64
#define ENOS_SECRET_MAX 128

/* clang-format off */

/** Which server, and which device there; @default_port is a text. */
#define ENOS_SETTINGS_DEVICE(default_port)						\
	{ .key = "host",									\
	  .kind = SKYBUS_HOST,									\
	  .flags = SKYBUS_REQUIRED,								\
	  .help = "name or address of the EnOS CoAP server" },					\
	{ .key = "port", .kind = SKYBUS_PORT, .fallback = default_port, .help = "its UDP port" }, \
	{ .key = "product_key",									\
	  .kind = SKYBUS_TEXT,									\
	  .flags = SKYBUS_REQUIRED,								\
	  .min = 1,										\
	  .max = ENOS_KEY_MAX,									\
	  .help = "the product key of the device, from the EnOS console" },			\
	{ .key = "device_key",									\
	  .kind = SKYBUS_TEXT,									\
	  .flags = SKYBUS_REQUIRED,								\
	  .min = 1,										\
	  .max = ENOS_KEY_MAX,									\
	  .help = "the device key of the device, from the EnOS console" }

/** How to be online, and what messages look like. */
#define ENOS_SETTINGS_MANNER								\
	{ .key = "lifetime",									\
	  .kind = SKYBUS_DURATION,								\
	  .fallback = "1h",									\
	  .min = 30,										\
	  .max = 86400,										\
	  .help = "a device that is silent for so long is offline to EnOS" },			\
	{ .key = "poll",									\
	  .kind = SKYBUS_DURATION,								\
	  .min = 10,										\
	  .max = 86400,										\
	  .help = "ask for waiting commands after so much silence; three quarters of lifetime "	\
		  "at most, and unless set" },								\
	{ .key = "max_payload",									\
	  .kind = SKYBUS_SIZE,									\
	  .fallback = "1024",									\
	  .min = 1,										\
	  .max = 65536,										\
	  .help = "the largest payload of a message; EnOS documents 1 KB" },			\
	{ .key = "unanswered",									\
	  .kind = SKYBUS_INTEGER,								\
	  .min = 1,										\
	  .max = 999999999,									\
	  .help = "the code of the reply to a command that no app answers, such as 404; without it "	\
		  "EnOS is told nothing, for apps may publish replies themselves" },			\
	{ .key = "envelope",									\
	  .kind = SKYBUS_CHOICE,								\
	  .fallback = "none",									\
	  .choices = "none|measurepoint",							\
	  .help = "measurepoint: apps publish just {\"temp\": 21.5}, on the measurepoint topic or on " \
		  "any without a leading slash" },								\
	{ .key = "batch",									\
	  .kind = SKYBUS_DURATION,								\
	  .fallback = "0",									\
	  .min = 0,										\
	  .max = 86400,										\
	  .help = "with envelope: a message that is not urgent may wait so long for others, and all go " \
		  "in one request; 0 sends each at once" }

/* clang-format on */
