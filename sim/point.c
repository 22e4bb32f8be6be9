/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/point.h"

/**
 * sim_point_is_name() - whether a model could have something of this name
 * @name: of a point
 *
 * The simulator knows no models, so that all names will do that could be in one.
 *
 * Return: false for one that is empty, or has a space or a control character in it.
 */
bool sim_point_is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;

	return name[0] != '\0';
}

/**
 * sim_point_are_names() - whether a model could have all these
 * @points: values by name; no object, or NULL, has none
 *
 * Return: whether it could.
 */
bool sim_point_are_names(const json_t *points)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)points, name, value) {
		if (!sim_point_is_name(name))
			return false;
	}

	return true;
}

/**
 * sim_point_print() - a point for the record
 * @point: the point
 *
 * Return: {"name", "value", "time"}, the caller's to free; NULL without memory.
 */
char *sim_point_print(const struct sim_point *point)
{
	json_auto_t *line = json_pack("{s:s, s:O, s:O*}", "name", point->name, "value",
				      point->value, "time", point->time);

	return line ? json_dumps(line, JSON_COMPACT) : NULL;
}
