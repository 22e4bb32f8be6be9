/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * YAML: as JSON, and values as one writes them.
 */
#include <jansson.h>
#include <stdbool.h>

int ctl_yaml_to_json(const char *yaml, json_t **ret);
char *ctl_yaml_scalar(const char *value, bool is_text);
