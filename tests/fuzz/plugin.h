/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the fuzzer has to know of a plugin in order to get deep into it. Each plugin's target defines the one,
 * and tests/fuzz/plugin.c does the rest.
 */
#include "check/scripted-host.h"
#include "tests/fuzz/input.h"

/**
 * struct fuzz_plugin - one plugin
 * @settings: sets of settings that it takes, up to NULL
 * @topics: that it takes, up to NULL
 * @paths: that its cloud may ask the box for, up to NULL
 * @options: numbers of options that it reads, up to 0
 * @seal: what its cloud makes of an answer, and only who knows the secret can: encrypts @len bytes at @clear, and
 *	returns how many are at @ret, which has room for 64 more; NULL if it makes nothing of it
 */
struct fuzz_plugin {
	const struct scripted_setting *const *settings;
	const char *const *topics;
	const char *const *paths;
	const uint32_t *options;
	size_t (*seal)(const uint8_t *clear, size_t len, uint8_t *ret);
};

extern const struct fuzz_plugin fuzz_plugin;

/** The plugin that is linked in. */
extern const struct skybus_plugin skybus_plugin_v1;
