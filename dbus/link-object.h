/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The objects /io/skybus/Gateway1/link/<name>: one a link.
 */
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/link.h"
#include "daemon/loop.h"

struct sb_bus_parts;

/**
 * struct sb_link_object - a link on the bus
 * @parts: what it works with
 * @link: lent by the gateway
 * @path: of the object
 * @vtable: the interface
 * @tell_numbers: runs while the numbers have changed and the bus was not told
 */
struct sb_link_object {
	const struct sb_bus_parts *parts;
	struct sb_link *link;
	char *path;
	sd_bus_slot *vtable;
	struct sb_timer tell_numbers;
};

int sb_link_object_new(const struct sb_bus_parts *parts, struct sb_link *link,
		       struct sb_link_object **ret);
struct sb_link_object *sb_link_object_free(struct sb_link_object *object);
void sb_link_object_changed(struct sb_link_object *object, uint32_t what);

int sb_link_object_tell_settled(const struct sb_bus_parts *parts, const struct sb_settled *settled,
				const char *path);
