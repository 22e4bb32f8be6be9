/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The topics of Aliyun: whose they are, which ones a device may post to over CoAP, and what a post
 * must look like.
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/aliyun-device.h"
#include "sim/aliyun-format.h"

/** What a payload is, and so what the answer is. */
enum sim_aliyun_shape {
	SIM_ALIYUN_RAW, /* anything; the answer is empty */
	SIM_ALIYUN_POST, /* {"id", "version", "params", "method"} */
};

/* Codes inside the answer to a post. */
enum {
	SIM_ALIYUN_OK = 200,
	SIM_ALIYUN_BAD_PARAMETERS = 460,
	SIM_ALIYUN_UNKNOWN_PROPERTY = 5092,
	SIM_ALIYUN_TOO_MANY = 6106,
};

int sim_aliyun_topic_owner(const char *topic, char ret_device[SIM_ALIYUN_NAME_SIZE]);
int sim_aliyun_topic_find(const char *topic, const char *device, enum sim_aliyun_shape *ret);
const char *sim_aliyun_topic_meaning(int code);
int sim_aliyun_topic_answer(const char *topic, const json_t *post, json_t **ret_answer);
