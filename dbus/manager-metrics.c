/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/manager-metrics.h"
#include "daemon/cleanup.h"
#include "daemon/metrics.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/reply.h"

#define SAMPLE "sa{ss}d"
#define FAMILY "sssa(" SAMPLE ")"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

static int append_labels(sd_bus_message *reply, const struct sb_metric_sample *sample)
{
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{ss}");
	for (size_t i = 0; r >= 0 && i < sample->n_labels; i++)
		r = sd_bus_message_append(reply, "{ss}", sample->labels[i].name,
					  sample->labels[i].value);

	return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

static int append_sample(void *userdata, const struct sb_metric_sample *sample)
{
	sd_bus_message *reply = userdata;
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, SAMPLE);
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "s", sample->suffix);
	if (r < 0)
		return r;
	r = append_labels(reply, sample);
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "d", sample->value);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

static int append_family(sd_bus_message *reply, struct sb_gateway *gateway, size_t index)
{
	const struct sb_metric *metric = sb_metrics_at(index);
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, FAMILY);
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "sss", metric->name, metric->type, metric->help);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(" SAMPLE ")");
	if (r < 0)
		return r;
	r = sb_metrics_read(gateway, index, append_sample, reply);
	if (r < 0)
		return r;
	r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

/**
 * sb_manager_metrics_list() - ListMetrics
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Open to whoever may read the properties of links, which have the same numbers.
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_metrics_list(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	const struct sb_manager *manager = userdata;
	int r;

	(void)error;
	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(" FAMILY ")");
	for (size_t i = 0; r >= 0 && i < sb_metrics_count(); i++)
		r = append_family(reply, manager->parts->gateway, i);
	if (r < 0)
		return r;
	r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}
