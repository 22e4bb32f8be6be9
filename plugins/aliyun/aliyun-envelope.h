/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The envelope that Aliyun's device model wants around properties, and the code in its answers. Source:
 * Aliyun, "Device properties, events, and services".
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "plugins/aliyun/aliyun-document.h"
#include "plugins/aliyun/aliyun-settings.h"

#define ALIYUN_TOPIC_MAX 128

bool aliyun_envelope_applies(const struct aliyun_settings *settings, const char *topic);
void aliyun_envelope_topic(const struct aliyun_settings *settings,
			   char ret_topic[ALIYUN_TOPIC_MAX + 1]);
bool aliyun_envelope_has_time(const struct aliyun_piece *value);
int aliyun_envelope_wrap(const struct skybus_message *message, char **ret_payload, size_t *ret_len);
void aliyun_envelope_judge(const json_t *answer, struct skybus_verdict *verdict);
