/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/enos-batch.h"
#include "sim/enos-topic.h"

static bool is_item(const json_t *item)
{
	const json_t *time = json_object_get(item, "time");

	return json_is_object(json_object_get(item, "measurepoints")) &&
	       (!time || json_is_integer(time));
}

/**
 * sim_enos_batch_judge() - whether the parameters of a report are right
 * @params: of the report; NULL when it has none
 *
 * Return: SIM_ENOS_OK …: if a part is wrong all of it is.
 */
int sim_enos_batch_judge(const json_t *params)
{
	size_t i;
	json_t *item;

	if (json_array_size(params) == 0)
		return SIM_ENOS_BAD_POST;
	json_array_foreach(params, i, item) {
		if (!is_item(item))
			return SIM_ENOS_BAD_POST;
		if (!sim_point_are_names(json_object_get(item, "measurepoints")))
			return SIM_ENOS_UNKNOWN_POINT;
	}

	return SIM_ENOS_OK;
}

/**
 * sim_enos_batch_each() - look at each point of a report
 * @params: of the report
 * @each: is called for each
 * @userdata: for it
 */
void sim_enos_batch_each(const json_t *params, sim_point_fn *each, void *userdata)
{
	size_t i;
	json_t *item;
	const char *name;
	json_t *value;

	json_array_foreach(params, i, item) {
		json_object_foreach(json_object_get(item, "measurepoints"), name, value) {
			const struct sim_point point = {
				.name = name,
				.value = value,
				.time = json_object_get(item, "time"),
			};

			each(userdata, &point);
		}
	}
}
