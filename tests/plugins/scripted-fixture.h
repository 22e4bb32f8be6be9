/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link of the plugin under test, on the scripted host, as the state of a cmocka test: it comes and
 * goes, logs in and is answered. Include <cmocka.h> before.
 */
#include "check/scripted-host.h"
#include "daemon/cleanup.h"

#define CHANGED SKYBUS_CODE(2, 4)
#define CONTENT SKYBUS_CODE(2, 5)

/** Settings by name, of which what comes first counts. */
#define SETTINGS(...) ((const struct scripted_setting[]){ __VA_ARGS__, { .key = NULL } })
#define WITH(usual, ...) with(usual, SETTINGS(__VA_ARGS__))

/** The plugin's own setup() attaches the usual link. */
#define LINK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/** Something that happens to a link. */
typedef void step_fn(struct skybus_link *link);

/** The plugin that is linked into the test. */
extern const struct skybus_plugin skybus_plugin_v1;

struct skybus_link *attach(void **state, const struct scripted_setting *settings);
void restart(struct skybus_link *link);
int teardown(void **state);

const struct scripted_setting *with(const struct scripted_setting *usual,
				    const struct scripted_setting *more);

void expect_plugin(const char *name);
void expect_refused(void **state, const struct scripted_setting *settings, const char *part);
void expect_failure(const struct skybus_link *link, uint32_t kind, const char *part);
void expect_text(const void *data, size_t len, const char *text);
void expect_detachable(void **state, const struct scripted_setting *settings,
		       step_fn *const *steps);

struct skybus_request *only_sent(struct skybus_link *link);
struct skybus_request *begin_login(struct skybus_link *link);
struct skybus_verdict answer(struct skybus_request *request, uint32_t code, const char *payload);
void answer_outcome(struct skybus_request *request, uint32_t outcome);
