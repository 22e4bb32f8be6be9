/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of settings, shared by settings.c (setting them) and settings-read.c. Nobody else includes this.
 */
#include "daemon/settings.h"

/**
 * struct sb_setting_value - the value of one row
 * @mentioned: a right or a wrong value was given
 * @secret: or a file's content
 * @source: of @secret: the name of a credential or the path of a file; NULL if it was written down
 */
struct sb_setting_value {
	bool mentioned;
	int64_t number;
	char *text;
	uint8_t *secret;
	size_t secret_len;
	enum sb_setting_source source_kind;
	char *source;
};

struct sb_settings {
	const struct skybus_setting *rows;
	size_t n_rows;
	struct sb_setting_value values[];
};
