/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings: values over a table of struct skybus_setting rows.
 *
 * The daemon's own sections and every plugin use the same rows, so one parser, one set of error
 * sentences and one printer of documentation serve both.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/problems.h"
#include "skybus/plugin.h"

struct sb_settings;

/* Where the bytes of a secret or a file came from. */
enum sb_setting_source {
	SB_SOURCE_NONE, /* nowhere: they are not there, or were written down */
	SB_SOURCE_CREDENTIAL,
	SB_SOURCE_FILE,
};

int sb_settings_check_table(const struct skybus_setting *rows, size_t n_rows, char *ret_why,
			    size_t why_size);

int sb_settings_new(const struct skybus_setting *rows, size_t n_rows, struct sb_settings **ret);
struct sb_settings *sb_settings_free(struct sb_settings *settings);

const struct skybus_setting *sb_settings_row(const struct sb_settings *settings, const char *key);
const char *sb_settings_nearest(const struct sb_settings *settings, const char *key);
void sb_settings_unknown_key(const struct sb_settings *settings, const struct sb_settings *also,
			     const char *key, const struct sb_place *place,
			     struct sb_problems *problems);
void sb_settings_mention(struct sb_settings *settings, const char *key);
int sb_settings_set(struct sb_settings *settings, const char *key, const char *text,
		    const struct sb_place *place, struct sb_problems *problems);
int sb_settings_set_secret(struct sb_settings *settings, const char *key, const void *data,
			   size_t len, const struct sb_place *place, struct sb_problems *problems);
int sb_settings_set_source(struct sb_settings *settings, const char *key,
			   enum sb_setting_source kind, const char *name);
int sb_settings_finish(struct sb_settings *settings, const struct sb_place *place,
		       struct sb_problems *problems);

const char *sb_settings_text(const struct sb_settings *settings, const char *key);
int64_t sb_settings_integer(const struct sb_settings *settings, const char *key);
int sb_settings_print(const struct sb_settings *settings, const char *key, char **ret);
const uint8_t *sb_settings_secret(const struct sb_settings *settings, const char *key,
				  size_t *ret_len);
enum sb_setting_source sb_settings_source(const struct sb_settings *settings, const char *key,
					  const char **ret_name);
const struct skybus_setting *sb_settings_rows(const struct sb_settings *settings, size_t *ret_n);

bool sb_settings_same(const struct sb_settings *settings, const struct sb_settings *other,
		      const char *key);
bool sb_settings_equal(const struct sb_settings *settings, const struct sb_settings *other);

const char *sb_nearest_word(const char *word, const char *const *words, size_t n_words);
