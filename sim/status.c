/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/cleanup.h"
#include "sim/status.h"

static json_t *port_status(const struct sim_port *port)
{
	char url[SIM_URL_SIZE];

	sim_port_url(port, url);

	return json_pack("{s:s, s:s, s:b}", "name", sim_port_name(port), "url", url, "open",
			 sim_port_is_open(port) ? 1 : 0);
}

static json_t *house_status(struct sim_world *world, const struct sim_house *house)
{
	json_t *doors = json_array();

	for (size_t i = 0; i < world->n_ports; i++)
		if (world->ports[i].house == house)
			(void)json_array_append_new(doors, port_status(&world->ports[i]));

	return json_pack("{s:s, s:o, s:I, s:I, s:I}", "name", house->cloud->type->name, "doors",
			 doors, "requests", (json_int_t)house->n_requests, "repeated",
			 (json_int_t)house->n_repeated, "refused_keys",
			 (json_int_t)house->n_refused_keys);
}

static void print_status(FILE *out, struct sim_world *world, const struct sim_house *house)
{
	char url[SIM_URL_SIZE];

	(void)fprintf(out,
		      "%s: %" PRIu64 " requests, %" PRIu64 " repeated, %" PRIu64 " keys refused\n",
		      house->cloud->type->name, house->n_requests, house->n_repeated,
		      house->n_refused_keys);
	for (size_t i = 0; i < world->n_ports; i++) {
		const struct sim_port *port = &world->ports[i];

		if (port->house != house)
			continue;
		sim_port_url(port, url);
		(void)fprintf(out, "  %s %s%s\n", sim_port_name(port), url,
			      sim_port_is_open(port) ? "" : " (closed)");
	}
}

/**
 * sim_status() - the reply to the order to show all of it
 * @world: what
 *
 * Return: the reply, the caller's; NULL without memory.
 */
json_t *sim_status(struct sim_world *world)
{
	SIM_CLEANUP(free) char *text = NULL;
	json_t *clouds = json_array();
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < world->n_houses; i++) {
		const struct sim_house *house = &world->houses[i];

		(void)json_array_append_new(clouds, house_status(world, house));
		if (out)
			print_status(out, world, house);
	}
	if (out)
		(void)fclose(out);

	return json_pack("{s:b, s:o, s:s#}", "ok", 1, "clouds", clouds, "text", text ? text : "",
			 text && len > 0 ? (int)len - 1 : 0);
}
