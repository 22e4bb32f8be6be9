/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/filter.h"
#include "daemon/message.h"

/**
 * sb_filter_check() - does a filter keep the rules, MQTT 5 section 4.7.1
 * @filter: a wildcard stands alone in its level, "#" only in the last
 * @ret_error: which rule it breaks
 *
 * Return: 0, or -EINVAL.
 */
int sb_filter_check(const char *filter, struct sb_error *ret_error)
{
	size_t len = strlen(filter);

	if (len == 0 || len > SB_TOPIC_MAX)
		return sb_error_set(
			ret_error, SB_ERROR_INVALID_TOPIC,
			"a filter has 1 to %d bytes, this one %zu: write a topic, or one "
			"with the wildcards + and #",
			SB_TOPIC_MAX, len);

	for (const char *c = filter; *c; c++) {
		bool begins = c == filter || c[-1] == '/';
		bool ends = c[1] == '\0' || c[1] == '/';

		if ((*c == '+' || *c == '#') && (!begins || !ends))
			return sb_error_set(ret_error, SB_ERROR_INVALID_TOPIC,
					    "in the filter \"%s\" a wildcard shares its level with "
					    "other characters: write /+/ or /#",
					    filter);
		if (*c == '#' && c[1] != '\0')
			return sb_error_set(
				ret_error, SB_ERROR_INVALID_TOPIC,
				"in the filter \"%s\" something follows #: it matches all "
				"the rest, so write it last",
				filter);
	}

	return 0;
}

/**
 * sb_filter_matches() - does a filter let a topic through, MQTT 5 section 4.7
 * @filter: a filter that keeps the rules
 * @topic: a topic
 *
 * Return: whether it does. "a/#" matches "a" too; a wildcard in the first level does not match a topic
 * that begins with "$".
 */
bool sb_filter_matches(const char *filter, const char *topic)
{
	if (topic[0] == '$' && filter[0] != '$')
		return false;

	for (;;) {
		size_t filter_len = strcspn(filter, "/");
		size_t topic_len = strcspn(topic, "/");

		if (filter[0] == '#')
			return true;
		if (filter[0] != '+' &&
		    (filter_len != topic_len || memcmp(filter, topic, topic_len) != 0))
			return false;
		filter += filter_len;
		topic += topic_len;
		if (!*topic)
			return !*filter || strcmp(filter, "/#") == 0;
		if (!*filter)
			return false;
		filter++;
		topic++;
	}
}
