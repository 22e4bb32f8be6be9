/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a reload of the configuration would change.
 */
#include "ctl/bus.h"

enum ctl_exit ctl_changes(struct ctl *ctl, json_t **ret);
