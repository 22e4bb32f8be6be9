/* SPDX-License-Identifier: Apache-2.0 */
/* What comes to the simulator's control socket: one world for all orders, as for a real one. */
#include <jansson.h>

#include "sim/order.h"
#include "sim/world.h"
#include "tests/fuzz/input.h"

#define DEVICE "pk7TestA,dev0000001,AbCdEfGhIjKlMnOpQrSt"

static const struct sim_cloud_type *const types[] = { &sim_enos_v1, &sim_enos_v2 };

static struct sim_world *world_of_all(void)
{
	static struct sim_world_options options = { .types = types,
						    .n_types = 2,
						    .impairable = true };
	static struct sim_setup setup;
	static struct sim_world world;

	if (options.setup)
		return &world;
	options.setup = &setup;
	fuzz_require(sim_setup_add_device(&setup, DEVICE) == 0 &&
			     sim_address_parse("127.0.0.1", &options.address) == 0 &&
			     sim_world_init(&world, &options) == 0,
		     "there is no world");

	return &world;
}

void fuzz_target(struct fuzz_input *in)
{
	struct sim_world *world = world_of_all();
	struct sim_call_request call = { 0 };
	json_t *order = json_loadb((const char *)in->at, in->left, 0, NULL);
	json_t *reply;

	if (!order)
		return;
	reply = sim_order_obey(world, order, &call);
	fuzz_require(reply || call.url, "an order has no answer");
	json_decref(reply);
	json_decref(order);
}
