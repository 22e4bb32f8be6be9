/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The topics that a device may post to on EnOS over CoAP, and what a post must look like.
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/point.h"

struct sim_enos_topic;

/* Codes of EnOS inside a 2.04 reply. */
enum {
	SIM_ENOS_OK = 200,
	SIM_ENOS_UNKNOWN_POINT = 1204,
	SIM_ENOS_BAD_POST = 1206,
	SIM_ENOS_BAD_JSON = 1220,
};

int sim_enos_topic_access(const char *topic, const char *device);
int sim_enos_topic_find(const char *topic, const char *device, const struct sim_enos_topic **ret);
int sim_enos_topic_answer(const struct sim_enos_topic *kind, const char *topic,
			  const uint8_t *payload, size_t payload_len, char **ret_reply);
void sim_enos_topic_each(const struct sim_enos_topic *kind, const uint8_t *payload,
			 size_t payload_len, sim_point_fn *each, void *userdata);
