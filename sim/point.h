/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A point: one value of one thing that is measured, as a line of the record has it where a message brings many.
 */
#include <jansson.h>
#include <stdbool.h>

/** struct sim_point - lent with the message that it came in */
struct sim_point {
	const char *name;
	json_t *value;
	json_t *time; /* milliseconds since 1970; NULL for none */
};

typedef void sim_point_fn(void *userdata, const struct sim_point *point);

bool sim_point_is_name(const char *name);
bool sim_point_are_names(const json_t *points);
char *sim_point_print(const struct sim_point *point);
