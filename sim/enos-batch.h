/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a device reports to EnOS many at a time: a list of {"measurepoints", "time"}. Source: EnOS, "Reporting
 * Device Measurement Points in Batch".
 */
#include "sim/point.h"

int sim_enos_batch_judge(const json_t *params);
void sim_enos_batch_each(const json_t *params, sim_point_fn *each, void *userdata);
