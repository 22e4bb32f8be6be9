/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A plugin that is checked, and the checks, in their order. Each is a function that fills in what came of it.
 */
#include <stdbool.h>

#include "check/finding.h"
#include "check/image.h"
#include "check/scripted-host.h"

/** More steps than any login has. */
#define CHECK_STEPS_MAX 24

/** So many of the messages that a plugin takes are then answered in all ways. */
#define CHECK_TAKEN_MAX 2

/** As many settings as a plugin may have. */
#define CHECK_SETTINGS_MAX 256

struct check_cloud;
struct check_values;

/**
 * struct check_way - a login, step by step
 * @n: how many steps there are
 * @steps: what each waits for
 * @lengths: of the cloud's payload, where it waits for a reply
 * @online: whether it ended with online()
 * @failure: what it ended with otherwise; "" if nothing is known
 * @terms: what online() was told
 * @listens: whether it takes requests from the cloud
 * @keepalive_len: of the cloud's payload, where a keepalive is answered
 */
struct check_way {
	size_t n;
	unsigned char steps[CHECK_STEPS_MAX];
	uint32_t lengths[CHECK_STEPS_MAX];
	bool online;
	char failure[320];
	struct skybus_terms terms;
	bool listens;
	uint32_t keepalive_len;
};

/** struct check_taken - a message by its number, and the length of the cloud's payload when it is answered */
struct check_taken {
	size_t message;
	uint32_t len;
};

/**
 * struct check_plugin - what is checked, and what is known of it by now
 * @path: of its file
 * @descriptor: NULL until the loader has passed it
 * @copy: of what the plugin exports, in today's size
 * @values: of its settings
 * @cloud: what it is answered; never NULL
 * @image: where it is in memory
 * @refused: what attach() said against the settings; "" if it takes them
 * @login: what its login is like when all goes well
 * @taken: messages that it makes requests of
 */
struct check_plugin {
	const char *path;
	const struct skybus_plugin *descriptor;
	struct skybus_plugin copy;
	struct check_values *values;
	struct check_cloud *cloud;
	struct check_image image;
	char refused[sizeof(((struct skybus_verdict *)0)->reason)];
	struct check_way login;
	struct check_taken taken[CHECK_TAKEN_MAX];
	size_t n_taken;
};

enum check_result {
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_SKIPPED, /* not checked; the text says why */
};

/**
 * struct check_outcome - what came of a check
 * @result: CHECK_PASSED …; a check with findings has failed
 * @text: what was done, or why it was not
 * @findings: what was found
 * @warnings: what is not wrong, but not good either
 * @gaps: what of it was not checked, and what it takes
 */
struct check_outcome {
	enum check_result result;
	char text[240];
	struct check_findings findings;
	struct check_findings warnings;
	struct check_findings gaps;
};

/** struct check_row - one check, and what it is called in reports and in the manual */
struct check_row {
	const char *name;
	void (*run)(struct check_plugin *plugin, struct check_outcome *outcome);
};

extern const struct check_row check_rows[];
extern const size_t check_n_rows;
