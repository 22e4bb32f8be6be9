/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

#include "sim/aliyun-batch.h"
#include "sim/aliyun-topic.h"
#include "sim/cleanup.h"

/** The longest topic, in bytes, and the most slashes in one that is not of the device model. */
#define TOPIC_MAX 128
#define SLASHES_MAX 7

/** Where the topic's device is: the segments before it, the prefix included. */
static const struct {
	const char *prefix;
	size_t n_segments;
} families[] = {
	{ "/sys/", 1 },
	{ "/ota/device/", 3 }, /* /ota/device/{what}/{product key}/{device name} */
	{ "/", 0 },
};

/** What a device may post to; "@" is "{product key}/{device name}", a star crosses no slash. */
static const struct {
	const char *pattern;
	enum sim_aliyun_shape shape;
} topics[] = {
	{ "/sys/@/thing/event/?*/post", SIM_ALIYUN_POST },
	{ "/sys/@/thing/event/property/batch/post", SIM_ALIYUN_POST },
	{ "/sys/@/thing/deviceinfo/update", SIM_ALIYUN_POST },
	{ "/sys/@/thing/deviceinfo/delete", SIM_ALIYUN_POST },
	{ "/sys/@/thing/model/up_raw", SIM_ALIYUN_RAW },
	{ "/sys/@/thing/service/?*_reply", SIM_ALIYUN_RAW },
	{ "/sys/@/thing/service/property/?*_reply", SIM_ALIYUN_RAW },
	{ "/ota/device/inform/@", SIM_ALIYUN_RAW },
	{ "/ota/device/request/@", SIM_ALIYUN_RAW },
	{ "/ota/device/progress/@", SIM_ALIYUN_RAW },
};

/* What follows @n slashes of @topic; NULL when there are not as many. */
static const char *behind_slashes(const char *topic, size_t n)
{
	while (n-- > 0) {
		topic = strchr(topic, '/');
		if (!topic)
			return NULL;
		topic++;
	}

	return topic;
}

static size_t segments_before_device(const char *topic)
{
	size_t i = 0;

	while (i + 1 < SIM_ELEMENTS(families) &&
	       strncmp(topic, families[i].prefix, strlen(families[i].prefix)) != 0)
		i++;

	return families[i].n_segments;
}

/**
 * sim_aliyun_topic_owner() - which device a topic is about
 * @topic: the topic
 * @ret_device: "product key/device name"
 *
 * Return: 0; -ENOENT when the topic is of no known form.
 */
int sim_aliyun_topic_owner(const char *topic, char ret_device[SIM_ALIYUN_NAME_SIZE])
{
	const char *start, *name, *end;
	size_t n = segments_before_device(topic);

	start = topic[0] == '/' ? behind_slashes(topic, n + 1) : NULL;
	name = start ? behind_slashes(start, 1) : NULL;
	if (!name)
		return -ENOENT;

	end = name + strcspn(name, "/");
	if (name - start < 2 || end == name || end - start >= SIM_ALIYUN_NAME_SIZE)
		return -ENOENT;

	memcpy(ret_device, start, (size_t)(end - start));
	ret_device[end - start] = '\0';

	return 0;
}

/* Whether a topic follows a pattern. The device's name is compared as it is, stars and all. */
static bool matches(const char *topic, const char *pattern, const char *device)
{
	size_t head = strcspn(pattern, "@"), len = strlen(device);

	if (strncmp(topic, pattern, head) != 0 || strncmp(topic + head, device, len) != 0)
		return false;

	return fnmatch(pattern + head + 1, topic + head + len, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

/* "/{product key}/{device name}/…", which users define themselves. */
static bool is_custom(const char *topic, const char *device)
{
	size_t len = strlen(device);

	return topic[0] == '/' && strncmp(topic + 1, device, len) == 0 && topic[1 + len] == '/' &&
	       topic[2 + len] != '\0';
}

static size_t count_slashes(const char *topic)
{
	size_t n = 0;

	for (; *topic; topic++)
		n += *topic == '/';

	return n;
}

/**
 * sim_aliyun_topic_find() - whether a device may post to a topic
 * @topic: the topic
 * @device: "product key/device name" of the device that is logged in
 * @ret: what its payload is
 *
 * Among another device's topics all is forbidden, what exists and what does not, so that the answer
 * tells nothing.
 *
 * Return: 0; -EINVAL for one that is too long or too deep; -EACCES for a topic of another device;
 * -ENOENT for one that does not exist.
 */
int sim_aliyun_topic_find(const char *topic, const char *device, enum sim_aliyun_shape *ret)
{
	char owner[SIM_ALIYUN_NAME_SIZE];

	if (strlen(topic) > TOPIC_MAX ||
	    (strncmp(topic, "/sys/", 5) != 0 && count_slashes(topic) > SLASHES_MAX))
		return -EINVAL;
	if (sim_aliyun_topic_owner(topic, owner) < 0)
		return -ENOENT;
	if (strcmp(owner, device) != 0)
		return -EACCES;

	if (is_custom(topic, device)) {
		*ret = SIM_ALIYUN_RAW;
		return 0;
	}
	for (size_t i = 0; i < SIM_ELEMENTS(topics); i++) {
		if (!matches(topic, topics[i].pattern, device))
			continue;
		*ret = topics[i].shape;
		return 0;
	}

	return -ENOENT;
}

/* The method, if there is one, is the topic's tail with dots for slashes. */
static bool is_method(const char *method, const char *topic)
{
	const char *tail = strstr(topic, "/thing/");
	size_t i;

	if (!tail)
		return false;

	tail++;
	for (i = 0; method[i] && tail[i]; i++)
		if (method[i] != (tail[i] == '/' ? '.' : tail[i]))
			return false;

	return !method[i] && !tail[i];
}

static bool is_post(const char *topic, const json_t *post)
{
	const json_t *id = json_object_get(post, "id"), *method = json_object_get(post, "method");

	if (!json_is_object(json_object_get(post, "params")) || !json_is_string(id))
		return false;

	return !method || (json_is_string(method) && is_method(json_string_value(method), topic));
}

static int judge(const char *topic, const json_t *post)
{
	const char *tail = strstr(topic, "/thing/");

	if (!is_post(topic, post))
		return SIM_ALIYUN_BAD_PARAMETERS;
	if (sim_aliyun_batch_is_topic(topic))
		return sim_aliyun_batch_judge(post);
	if (tail && strcmp(tail, "/thing/event/property/post") == 0 &&
	    !sim_point_are_names(json_object_get(post, "params")))
		return SIM_ALIYUN_UNKNOWN_PROPERTY;

	return SIM_ALIYUN_OK;
}

/**
 * sim_aliyun_topic_meaning() - what a code inside an answer means
 * @code: SIM_ALIYUN_OK …
 *
 * Return: a few words.
 */
const char *sim_aliyun_topic_meaning(int code)
{
	switch (code) {
	case SIM_ALIYUN_OK:
		return "success";
	case SIM_ALIYUN_UNKNOWN_PROPERTY:
		return "property not found";
	case SIM_ALIYUN_TOO_MANY:
		return "too many properties";
	default:
		return "request parameter error";
	}
}

/**
 * sim_aliyun_topic_answer() - judge a payload of the shape SIM_ALIYUN_POST
 * @topic: where it came
 * @post: the payload; NULL when it was no object
 * @ret_answer: an object, the caller's
 *
 * Return: the code in the answer, SIM_ALIYUN_OK …; -ENOMEM.
 */
int sim_aliyun_topic_answer(const char *topic, const json_t *post, json_t **ret_answer)
{
	int code = judge(topic, post);
	json_t *id = json_object_get(post, "id"), *method = json_object_get(post, "method");
	json_t *answer;

	answer =
		json_pack("{s:i, s:{}, s:O*, s:s, s:O*, s:s}", "code", code, "data", "id",
			  json_is_string(id) ? id : NULL, "message", sim_aliyun_topic_meaning(code),
			  "method", json_is_string(method) ? method : NULL, "version", "1.0");
	if (!answer)
		return -ENOMEM;
	*ret_answer = answer;

	return code;
}
