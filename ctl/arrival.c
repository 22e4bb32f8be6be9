/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/arrival.h"
#include "ctl/output.h"
#include "ctl/text.h"

static int copy(struct ctl_arrival *arrival, sd_bus_message *signal)
{
	CTL_CLEANUP(json_decref) json_t *rest = NULL;
	const char *topic, *path = sd_bus_message_get_path(signal);
	const void *payload;
	size_t size;
	int r;

	r = sd_bus_message_read(signal, "ts", &arrival->number, &topic);
	if (r >= 0)
		r = sd_bus_message_read_array(signal, 'y', &payload, &size);
	if (r >= 0)
		r = ctl_body(signal, &rest);
	if (r < 0)
		return r;
	arrival->path = strdup(path ? path : "");
	arrival->topic = strdup(topic);
	arrival->payload = malloc(size + 1);
	if (!arrival->path || !arrival->topic || !arrival->payload)
		return -ENOMEM;
	if (size > 0)
		(void)memcpy(arrival->payload, payload, size);
	arrival->size = size;
	arrival->properties = json_incref(json_array_get(rest, 0));

	return 0;
}

/**
 * ctl_arrival_read() - what the signal Message says
 * @ret: set on success; ctl_arrival_free() it
 *
 * Return: 0, or a negative errno.
 */
int ctl_arrival_read(sd_bus_message *signal, struct ctl_arrival **ret)
{
	CTL_CLEANUP(ctl_arrival_free) struct ctl_arrival *arrival = calloc(1, sizeof(*arrival));
	int r = arrival ? copy(arrival, signal) : -ENOMEM;

	if (r < 0)
		return r;
	*ret = arrival;
	arrival = NULL;

	return 0;
}

/** ctl_arrival_free() - takes NULL and half of one. Return: NULL. */
struct ctl_arrival *ctl_arrival_free(struct ctl_arrival *arrival)
{
	if (!arrival)
		return NULL;
	free(arrival->path);
	free(arrival->topic);
	free(arrival->payload);
	json_decref(arrival->properties);
	free(arrival);

	return NULL;
}

/** ctl_arrival_property() - a property that is text. Return: "" if there is none. */
const char *ctl_arrival_property(const struct ctl_arrival *arrival, const char *name)
{
	return ctl_text_at(arrival->properties, name);
}

/** ctl_arrival_wants_answer() - whether the cloud awaits one */
bool ctl_arrival_wants_answer(const struct ctl_arrival *arrival)
{
	return json_object_get(arrival->properties, "answer-by") != NULL;
}

/** ctl_arrival_is_kept() - whether it waits in an inbox until it is acknowledged */
bool ctl_arrival_is_kept(const struct ctl_arrival *arrival)
{
	return json_object_get(arrival->properties, "inbox") != NULL;
}

/**
 * ctl_arrival_print() - on a line; as JSON with --json
 * @with_link: begin with the link's name
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_arrival_print(const struct ctl *ctl, const struct ctl_arrival *arrival,
				bool with_link)
{
	CTL_CLEANUP(json_decref) json_t *payload = NULL, *row = NULL;
	CTL_CLEANUP(free) char *text = NULL, *topic = NULL;

	if (ctl_body_payload(arrival->payload, arrival->size, &payload) < 0)
		return ctl_no_memory();
	if (ctl->json) {
		row = json_pack("{s:I, s:s, s:O, s:O}", "message", (json_int_t)arrival->number,
				"topic", arrival->topic, "payload", payload, "properties",
				arrival->properties);
		return row ? ctl_print_json(row, false) : ctl_no_memory();
	}
	text = ctl_text_of(payload, CTL_TEXT, 0);
	topic = ctl_text_safe(arrival->topic);
	if (!text || !topic)
		return ctl_no_memory();
	if (with_link)
		(void)printf("%s ", ctl_arrival_property(arrival, "link"));
	(void)printf("%s%s%s %s\n", ctl_colour(ctl, CTL_BOLD), topic, ctl_colour(ctl, CTL_PLAIN),
		     text);

	return CTL_EXIT_OK;
}
