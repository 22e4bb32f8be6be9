/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/interest.h"
#include "dbus/call-options.h"
#include "skybus/plugin.h"

enum {
	ANSWER,
	ORIGIN,
	N_OPTIONS,
};

/* The first choice is the default. */
static const struct skybus_setting rows[N_OPTIONS] = {
	[ANSWER] = { .key = "answer", .kind = SKYBUS_CHOICE, .choices = "no|yes" },
	[ORIGIN] = { .key = "origin", .kind = SKYBUS_CHOICE, .choices = "cloud|local|any" },
};

/* In the order of the choices. */
static const unsigned int origins[] = {
	SB_FROM_CLOUD,
	SB_FROM_LOCAL,
	SB_FROM_CLOUD | SB_FROM_LOCAL,
};

/**
 * sb_interest_read() - read the options of whoever subscribes
 * @call: the method call, where they come next
 * @interest: gets them
 * @ret_error: says which option is wrong and what may be written
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_interest_read(sd_bus_message *call, struct sb_interest *interest, struct sb_error *ret_error)
{
	int64_t values[N_OPTIONS] = { 0 };
	int r;

	r = sb_call_options_read(call, rows, N_OPTIONS, values, ret_error);
	if (r < 0)
		return r;
	interest->answers = values[ANSWER] != 0;
	interest->origins = origins[values[ORIGIN]];

	return 0;
}
