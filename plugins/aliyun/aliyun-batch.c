/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several messages with properties in one report. Each point keeps its time, so that a property may have many:
 *
 *	"params": {"properties": {"temp": [{"value": 21.5, "time": 1700000000000}, ...]}}
 *
 * Sources: Aliyun, "Devices report properties and events in batches" (topic and format; 200 properties), and
 * "Limits of CoAP": its topics are those of MQTT. That this one is among them, Aliyun says nowhere by name,
 * so a cloud that refuses it gets each message alone, see daemon/batch.c. It has eight slashes, as Aliyun's own
 * topics may; the bound of seven is for topics of the app's own.
 *
 * What is not put together: whole reports that the app has written, reports without a point, and points without
 * a time on a box that does not know it. Aliyun would give all of these the time of their arrival, and so keep
 * one of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/aliyun/aliyun-document.h"
#include "plugins/aliyun/aliyun-envelope.h"
#include "plugins/aliyun/aliyun.h"

#define METHOD "thing.event.property.batch.post"
#define POINTS_MAX 200

/** struct point - one value of a property; its text is lent with the message */
struct point {
	struct aliyun_piece key;
	struct aliyun_piece value;
	bool timed;
	int64_t time_ms;
};

/** struct report - the points of several messages */
struct report {
	uint64_t id;
	struct point points[POINTS_MAX];
	size_t n;
};

static void batch_topic(const struct aliyun *aliyun, char ret_topic[ALIYUN_TOPIC_MAX + 1])
{
	(void)snprintf(ret_topic, ALIYUN_TOPIC_MAX + 1,
		       "/sys/%s/%s/thing/event/property/batch/post", aliyun->settings.product_key,
		       aliyun->settings.device_name);
}

/* ---- reading ---- */

/* Keys are compared as they are written, so one that could be written otherwise is none for here. */
static bool is_plain(const struct aliyun_piece *key)
{
	return !memchr(key->text, '\\', key->len);
}

static bool same(const struct aliyun_piece *a, const struct aliyun_piece *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* Whether one of the points from @first up to before @end has the key. */
static bool has_key(const struct report *report, size_t first, size_t end,
		    const struct aliyun_piece *key)
{
	for (size_t i = first; i < end; i++)
		if (same(&report->points[i].key, key))
			return true;

	return false;
}

/* Whether the points of a message were added. */
static bool add_points(struct report *report, const struct skybus_message *message)
{
	const struct aliyun_piece properties = { (const char *)message->payload,
						 message->payload_len };
	size_t first = report->n;
	struct aliyun_walk walk;
	struct aliyun_piece key;
	struct aliyun_piece value;

	aliyun_walk_begin(&walk, &properties);
	while (aliyun_walk_next(&walk, &key, &value)) {
		bool timed = aliyun_envelope_has_time(&value);

		/* The same key twice in one message would be two values of the same time. */
		if (report->n == POINTS_MAX || !is_plain(&key) ||
		    has_key(report, first, report->n, &key) || (!timed && message->time_ms == 0))
			return false;
		report->points[report->n++] = (struct point){
			.key = key,
			.value = value,
			.timed = timed,
			.time_ms = message->time_ms,
		};
	}

	return report->n > first;
}

static bool is_properties(const struct aliyun *aliyun, const struct skybus_message *message)
{
	json_auto_t *root = NULL;

	if (!aliyun_envelope_applies(&aliyun->settings, message->topic))
		return false;
	root = aliyun_document_read(SKYBUS_FORMAT_JSON, message->payload, message->payload_len);

	return json_is_object(root) && !json_object_get(root, "params");
}

/* How many of the first could go together, however long that gets. */
static uint32_t joinable(const struct aliyun *aliyun, const struct skybus_message *messages,
			 uint32_t n, struct report *report)
{
	size_t len = 0;
	uint32_t i;

	*report = (struct report){ .id = messages[0].ticket };
	for (i = 0; i < n; i++) {
		len += messages[i].payload_len;
		if (i > 0 && len > ALIYUN_MESSAGE_MAX)
			break;
		if (!is_properties(aliyun, &messages[i]) || !add_points(report, &messages[i]))
			break;
	}

	return i;
}

/* ---- writing ---- */

static void write_point(FILE *file, const struct point *point)
{
	if (!point->timed)
		(void)fputs("{\"value\":", file);
	(void)fwrite(point->value.text, 1, point->value.len, file);
	if (!point->timed)
		(void)fprintf(file, ",\"time\":%" PRId64 "}", point->time_ms);
}

/* All values of the property that has the point @first. */
static void write_property(FILE *file, const struct report *report, size_t first)
{
	const struct point *point = &report->points[first];

	(void)fprintf(file, "%s%.*s:[", first > 0 ? "," : "", (int)point->key.len, point->key.text);
	for (size_t i = first; i < report->n; i++) {
		if (!same(&report->points[i].key, &point->key))
			continue;
		if (i > first)
			(void)fputc(',', file);
		write_point(file, &report->points[i]);
	}
	(void)fputc(']', file);
}

static void write_report(FILE *file, const struct report *report)
{
	(void)fprintf(file,
		      "{\"id\":\"%" PRIu64 "\",\"version\":\"1.0\",\"params\":{\"properties\":{",
		      report->id);
	for (size_t i = 0; i < report->n; i++)
		if (!has_key(report, 0, i, &report->points[i].key))
			write_property(file, report, i);
	(void)fputs("}},\"method\":\"" METHOD "\"}", file);
}

/* Returns 0, or -ENOMEM. */
static int print(const struct report *report, char **ret_payload, size_t *ret_len)
{
	char *payload = NULL;
	FILE *file = open_memstream(&payload, ret_len);
	bool failed;

	if (!file)
		return -ENOMEM;
	write_report(file, report);
	failed = ferror(file);
	if (fclose(file) != 0 || failed) {
		free(payload);
		return -ENOMEM;
	}
	*ret_payload = payload;

	return 0;
}

static bool fits(const struct aliyun *aliyun, const struct skybus_message *messages, uint32_t n)
{
	struct skybus_verdict ignored = { .size = sizeof(ignored) };
	ALIYUN_FREE char *payload = NULL;
	char topic[ALIYUN_TOPIC_MAX + 1];
	struct report report;
	size_t len;

	if (joinable(aliyun, messages, n, &report) < n || print(&report, &payload, &len) < 0)
		return false;
	batch_topic(aliyun, topic);

	return aliyun_upload_check_size(aliyun, topic, len, &ignored) == 0;
}

/* ---- the descriptor's calls ---- */

/**
 * aliyun_gather() - the descriptor's gather()
 * @state: the link
 * @messages: that wait, in their order
 * @n: how many
 *
 * Return: how many of the first could go in one request; 0 if the first goes alone.
 */
uint32_t aliyun_gather(void *state, const struct skybus_message *messages, uint32_t n)
{
	const struct aliyun *aliyun = state;
	struct report report;
	uint32_t most = joinable(aliyun, messages, n, &report);
	uint32_t least = 1;

	if (most == 0 || fits(aliyun, messages, most))
		return most;
	/* So many fit, and so many do not; one does alone. */
	while (most - least > 1) {
		uint32_t middle = least + (most - least) / 2;

		if (fits(aliyun, messages, middle))
			least = middle;
		else
			most = middle;
	}

	return least;
}

/**
 * aliyun_encode_batch() - the descriptor's encode_batch()
 * @state: the link
 * @messages: that aliyun_gather() has found to fit
 * @n: how many
 * @request: filled
 * @verdict: on failure
 *
 * Return: 0, or a negative errno.
 */
int32_t aliyun_encode_batch(void *state, const struct skybus_message *messages, uint32_t n,
			    struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct aliyun *aliyun = state;
	struct aliyun_upload upload = { .format = SKYBUS_FORMAT_JSON };
	ALIYUN_FREE char *payload = NULL;
	char topic[ALIYUN_TOPIC_MAX + 1];
	struct report report;

	/* The settings may have changed since. */
	if (joinable(aliyun, messages, n, &report) < n)
		return -EINVAL;
	if (print(&report, &payload, &upload.len) < 0) {
		verdict->kind = SKYBUS_RETRY;
		return -ENOMEM;
	}
	upload.payload = payload;
	batch_topic(aliyun, topic);

	return aliyun_upload_encode(aliyun, topic, &upload, request, verdict);
}
