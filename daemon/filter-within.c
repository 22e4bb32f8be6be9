/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/access.h"

/* What is left of a filter after a level: NULL when that was the last. */
static const char *next_level(const char *level, size_t len)
{
	return level[len] == '/' ? level + len + 1 : NULL;
}

/**
 * sb_filter_within() - does a filter let nothing through that another one does not, MQTT 5 section 4.7
 * @inner: a filter, or a topic, which is a filter without wildcards
 * @outer: a filter
 *
 * Both keep the rules (sb_filter_check()). "#" is not within "+/#", which matches the same topics: nobody
 * writes that.
 *
 * Return: whether each topic that matches @inner matches @outer.
 */
bool sb_filter_within(const char *inner, const char *outer)
{
	/* A wildcard in the first level does not match what begins with "$". */
	if (inner[0] == '$' && outer[0] != '$')
		return false;

	while (inner && outer) {
		size_t inner_len = strcspn(inner, "/");
		size_t outer_len = strcspn(outer, "/");

		if (outer[0] == '#')
			return true;
		if (inner[0] == '#')
			return false;
		if (outer[0] != '+' &&
		    (inner_len != outer_len || memcmp(inner, outer, outer_len) != 0))
			return false;
		inner = next_level(inner, inner_len);
		outer = next_level(outer, outer_len);
	}

	/* "a/#" matches "a", too. */
	return !inner && (!outer || strcmp(outer, "#") == 0);
}
