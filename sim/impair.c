/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/impair.h"
#include "sim/number.h"
#include "sim/random.h"

static const struct field {
	const char *name;
	size_t offset;
	uint32_t max;
} fields[] = {
	{ "drop=", offsetof(struct sim_impair, drop), 100 },
	{ "duplicate=", offsetof(struct sim_impair, duplicate), 100 },
	{ "reorder=", offsetof(struct sim_impair, reorder), 100 },
	{ "delay=", offsetof(struct sim_impair, delay_ms), SIM_DELAY_MAX_MS },
	{ "jitter=", offsetof(struct sim_impair, jitter_ms), SIM_DELAY_MAX_MS },
};

static int set_field(struct sim_impair *impair, const struct field *field, const char *text)
{
	uint64_t number;

	if (sim_number_read(text, field->max, &number) < 0)
		return -EINVAL;

	*(uint32_t *)(void *)((char *)impair + field->offset) = (uint32_t)number;

	return 0;
}

/**
 * sim_impair_set() - read one impairment
 * @impair: the others stay
 * @text: "drop=20", "duplicate=", "reorder=", in percent; "delay=150", "jitter=", in ms
 *
 * Return: 0; -EINVAL when @text is no such thing.
 */
int sim_impair_set(struct sim_impair *impair, const char *text)
{
	for (size_t i = 0; i < SIM_ELEMENTS(fields); i++) {
		size_t len = strlen(fields[i].name);

		if (strncmp(text, fields[i].name, len) == 0)
			return set_field(impair, &fields[i], text + len);
	}

	return -EINVAL;
}

static bool happens(uint32_t percent)
{
	return percent > 0 && sim_random() % 100 < percent;
}

static uint32_t delay(const struct sim_impair *impair)
{
	uint32_t ms = impair->delay_ms;

	if (impair->jitter_ms > 0)
		ms += sim_random() % (impair->jitter_ms + 1);
	if (happens(impair->reorder))
		ms += SIM_REORDER_MS;

	return ms;
}

/**
 * sim_impair_copies() - what becomes of the next datagram
 * @impair: of its way
 * @ret_delays_ms: how long each copy of it takes
 *
 * Return: how many copies arrive: 0, 1 or 2.
 */
size_t sim_impair_copies(const struct sim_impair *impair, uint32_t ret_delays_ms[SIM_COPIES_MAX])
{
	size_t n;

	if (happens(impair->drop))
		return 0;

	n = happens(impair->duplicate) ? 2 : 1;
	for (size_t i = 0; i < n; i++)
		ret_delays_ms[i] = delay(impair);

	return n;
}
