/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a device reports to Aliyun many at a time: {"properties": {name: [{"value", "time"}, …]}}, and events
 * likewise. Source: Aliyun, "Devices report properties and events in batches".
 */
#include <stdbool.h>

#include "sim/point.h"

bool sim_aliyun_batch_is_topic(const char *topic);
int sim_aliyun_batch_judge(const json_t *post);
void sim_aliyun_batch_each(const json_t *post, sim_point_fn *each, void *userdata);
