/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What whoever runs the simulator is shown: the clouds, their doors, what has come.
 */
#include <jansson.h>

#include "sim/world.h"

json_t *sim_status(struct sim_world *world);
