/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/enos-batch.h"
#include "sim/enos-topic.h"

/** The longest id that a reply repeats, in bytes. */
#define ID_MAX 64

/* What a payload is. */
enum shape {
	RAW, /* anything */
	POST, /* {"id", "version", "method", "params"} */
	BATCH, /* likewise, and params is a list */
	ANSWER, /* {"id", "code", "data"}, to a command */
};

/**
 * struct sim_enos_topic - one kind of topic
 * @pattern: what follows "/sys/{product key}/{device key}/"; a star stays within a segment
 * @shape: of the payload
 * @member: the object that params must have, NULL for none in particular
 */
struct sim_enos_topic {
	const char *pattern;
	enum shape shape;
	const char *member;
};

static const struct sim_enos_topic topics[] = {
	{ "thing/measurepoint/post", POST, "measurepoints" },
	{ "thing/measurepoint/post/batch", BATCH, NULL },
	{ "thing/event/?*/post", POST, NULL },
	{ "thing/attribute/update", POST, NULL },
	{ "thing/attribute/query", POST, NULL },
	{ "thing/attribute/delete", POST, NULL },
	{ "thing/tag/update", POST, NULL },
	{ "thing/tag/query", POST, NULL },
	{ "thing/tag/delete", POST, NULL },
	{ "thing/model/up_raw", RAW, NULL },
	{ "thing/model/down_raw_reply", RAW, NULL },
	{ "thing/service/?*_reply", ANSWER, NULL },
	{ "thing/service/measurepoint/?*_reply", ANSWER, NULL },
};

/* What follows the device's name in a topic; NULL when the topic is not the device's. */
static const char *tail_of(const char *topic, const char *device)
{
	size_t len = strlen(device);

	if (strncmp(topic, "/sys/", 5) != 0)
		return NULL;

	topic += 5;

	return strncmp(topic, device, len) == 0 && topic[len] == '/' ? topic + len + 1 : NULL;
}

/**
 * sim_enos_topic_access() - whether a topic is a device's own
 * @topic: the topic
 * @device: "product key/device key"
 *
 * Below another device's "/sys/…" all is forbidden, what exists and what does not, so that the
 * answer tells nothing.
 *
 * Return: 0; -EACCES for a topic of another device, -ENOENT for one of no device.
 */
int sim_enos_topic_access(const char *topic, const char *device)
{
	if (strncmp(topic, "/sys/", 5) != 0)
		return -ENOENT;

	return tail_of(topic, device) ? 0 : -EACCES;
}

/**
 * sim_enos_topic_find() - whether a device may post to a topic
 * @topic: the topic
 * @device: "product key/device key" of the device that is logged in
 * @ret: the kind of topic
 *
 * Return: 0; -EACCES for a topic of another device, -ENOENT for one that does not exist.
 */
int sim_enos_topic_find(const char *topic, const char *device, const struct sim_enos_topic **ret)
{
	const char *tail = tail_of(topic, device);

	if (!tail)
		return sim_enos_topic_access(topic, device);

	for (size_t i = 0; i < SIM_ELEMENTS(topics); i++) {
		if (fnmatch(topics[i].pattern, tail, FNM_PATHNAME | FNM_NOESCAPE) != 0)
			continue;
		*ret = &topics[i];
		return 0;
	}

	return -ENOENT;
}

/* The method is the topic's tail with dots for slashes. */
static bool is_method(const char *method, const char *topic)
{
	const char *tail = strstr(topic, "/thing/");
	size_t i;

	if (!method || !tail)
		return false;

	tail++;
	for (i = 0; method[i] && tail[i]; i++)
		if (method[i] != (tail[i] == '/' ? '.' : tail[i]))
			return false;

	return !method[i] && !tail[i];
}

static int judge_post(const struct sim_enos_topic *kind, const json_t *params)
{
	const json_t *time = json_object_get(params, "time");
	const json_t *member = kind->member ? json_object_get(params, kind->member) : NULL;

	if (!json_is_object(params) || (time && !json_is_integer(time)) ||
	    (kind->member && !json_is_object(member)))
		return SIM_ENOS_BAD_POST;

	return sim_point_are_names(member) ? SIM_ENOS_OK : SIM_ENOS_UNKNOWN_POINT;
}

static int judge(const struct sim_enos_topic *kind, const char *topic, const json_t *root)
{
	const json_t *id = json_object_get(root, "id");
	const json_t *params = json_object_get(root, "params");

	if (!json_is_object(root) || (id && !json_is_string(id)))
		return SIM_ENOS_BAD_POST;
	if (kind->shape == ANSWER)
		return json_is_integer(json_object_get(root, "code")) ? SIM_ENOS_OK
								      : SIM_ENOS_BAD_POST;
	if (!is_method(json_string_value(json_object_get(root, "method")), topic))
		return SIM_ENOS_BAD_POST;

	return kind->shape == BATCH ? sim_enos_batch_judge(params) : judge_post(kind, params);
}

static char *reply_text(const json_t *root, int code)
{
	json_t *id = json_object_get(root, "id");
	json_auto_t *reply = NULL;

	if (!json_is_string(id) || json_string_length(id) > ID_MAX)
		id = NULL;
	reply = json_pack("{s:O*, s:i, s:{}}", "id", id, "code", code, "data");

	return reply ? json_dumps(reply, JSON_COMPACT) : NULL;
}

/**
 * sim_enos_topic_answer() - judge a payload
 * @kind: of the topic, from sim_enos_topic_find()
 * @topic: the topic
 * @payload: as the device sent it
 * @payload_len: bytes
 * @ret_reply: the reply's JSON, the caller's to free; NULL where a topic has none
 *
 * Return: the code in the reply, SIM_ENOS_OK …; -ENOMEM.
 */
int sim_enos_topic_answer(const struct sim_enos_topic *kind, const char *topic,
			  const uint8_t *payload, size_t payload_len, char **ret_reply)
{
	json_auto_t *root = NULL;
	int code;
	char *reply;

	if (kind->shape == RAW) {
		*ret_reply = NULL;
		return SIM_ENOS_OK;
	}

	root = json_loadb((const char *)payload, payload_len, JSON_REJECT_DUPLICATES, NULL);
	code = root ? judge(kind, topic, root) : SIM_ENOS_BAD_JSON;
	reply = reply_text(root, code);
	if (!reply)
		return -ENOMEM;
	*ret_reply = reply;

	return code;
}

/**
 * sim_enos_topic_each() - look at each point of a payload that has many
 * @kind: of its topic
 * @payload: as the device sent it, and good
 * @payload_len: bytes
 * @each: is called for each; not at all where the topic is none for many
 * @userdata: for it
 */
void sim_enos_topic_each(const struct sim_enos_topic *kind, const uint8_t *payload,
			 size_t payload_len, sim_point_fn *each, void *userdata)
{
	json_auto_t *root = NULL;

	if (kind->shape != BATCH)
		return;
	root = json_loadb((const char *)payload, payload_len, 0, NULL);
	sim_enos_batch_each(json_object_get(root, "params"), each, userdata);
}
