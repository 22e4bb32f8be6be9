/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One setting: from a value in YAML, or from where the value says that a secret or a file is.
 */
#include "daemon/config-yaml.h"
#include "daemon/problems.h"
#include "daemon/settings.h"

int sb_config_setting(struct sb_yaml *yaml, struct sb_settings *settings,
		      const struct sb_yaml_pair *pair, struct sb_problems *problems);
