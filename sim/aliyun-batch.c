/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sim/aliyun-batch.h"
#include "sim/aliyun-topic.h"

/** The most properties of a report. */
#define PROPERTIES_MAX 200

/**
 * sim_aliyun_batch_is_topic() - whether a topic is the one for many
 * @topic: the topic
 *
 * Return: whether it is.
 */
bool sim_aliyun_batch_is_topic(const char *topic)
{
	const char *tail = strstr(topic, "/thing/");

	return tail && strcmp(tail, "/thing/event/property/batch/post") == 0;
}

static bool is_point(const json_t *item)
{
	return json_object_get(item, "value") && json_is_integer(json_object_get(item, "time"));
}

/* How many points it has; -1 when it is no list of them. */
static int count_points(const json_t *list)
{
	size_t i;
	json_t *item;

	if (!json_is_array(list))
		return -1;
	json_array_foreach(list, i, item) {
		if (!is_point(item))
			return -1;
	}

	return (int)json_array_size(list);
}

/**
 * sim_aliyun_batch_judge() - whether a report is one
 * @post: an object with "params"
 *
 * Return: SIM_ALIYUN_OK …
 */
int sim_aliyun_batch_judge(const json_t *post)
{
	json_t *properties = json_object_get(json_object_get(post, "params"), "properties");
	int total = 0;
	const char *name;
	json_t *list;

	if (!json_is_object(properties))
		return SIM_ALIYUN_BAD_PARAMETERS;
	json_object_foreach(properties, name, list) {
		int n = count_points(list);

		if (n < 0)
			return SIM_ALIYUN_BAD_PARAMETERS;
		if (!sim_point_is_name(name))
			return SIM_ALIYUN_UNKNOWN_PROPERTY;
		total += n;
	}

	return total > PROPERTIES_MAX ? SIM_ALIYUN_TOO_MANY : SIM_ALIYUN_OK;
}

/**
 * sim_aliyun_batch_each() - look at each point of a report
 * @post: a report
 * @each: is called for each
 * @userdata: for it
 */
void sim_aliyun_batch_each(const json_t *post, sim_point_fn *each, void *userdata)
{
	json_t *properties = json_object_get(json_object_get(post, "params"), "properties");
	const char *name;
	json_t *list;
	size_t i;
	json_t *item;

	json_object_foreach(properties, name, list) {
		json_array_foreach(list, i, item) {
			const struct sim_point point = {
				.name = name,
				.value = json_object_get(item, "value"),
				.time = json_object_get(item, "time"),
			};

			each(userdata, &point);
		}
	}
}
