/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "daemon/cleanup.h"
#include "tests/bench/load-bus.h"

SB_DEFINE_CLEANUP(sd_bus *, sd_bus_close_unref)

/**
 * load_bus_open() - connect to a bus
 * @address: of the bus
 * @ret: the connection, the caller's, on which descriptors may be passed
 *
 * Return: 0, or a negative errno.
 */
int load_bus_open(const char *address, sd_bus **ret)
{
	SB_CLEANUP(sd_bus_close_unref) sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;

	*ret = SB_STEAL(bus);

	return 0;
}
