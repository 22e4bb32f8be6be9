/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A gateway with the configuration of a file, and what reads that again; and the plugin "good" and the
 * credential "key".
 *
 * #include <setjmp.h>, <stdarg.h>, <stddef.h>, <stdint.h> and <cmocka.h> first.
 */
#include "daemon/access.h"
#include "daemon/gateway.h"
#include "daemon/inboxes.h"
#include "daemon/rate.h"
#include "daemon/reload.h"
#include "daemon/rule.h"
#include "daemon/service.h"
#include "tests/daemon/link-fixture.h"

#define RELOAD_LINK(name, product)   \
	"  " name ":\n"              \
	"    plugin: good\n"         \
	"    host: localhost\n"      \
	"    product: " product "\n" \
	"    device_secret: {credential: key}\n"

struct reload_fixture {
	struct scratch scratch; /* of the group: the plugin stays where it was loaded */
	struct sb_plugins *plugins;
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_access *access;
	struct sb_rates rates;
	struct sb_service service;
	struct sb_reload *reload;
	char path[128];
	unsigned int answers;
	struct sb_error error; /* of the last answer; its text is empty for none */
};

int reload_group_setup(void **state);
int reload_group_teardown(void **state);
int reload_setup(void **state);
int reload_teardown(void **state);

/** reload_write() - write the configuration */
void reload_write(struct reload_fixture *f, const char *text);

/** reload_start() - with this configuration, as at the daemon's start */
void reload_start(struct reload_fixture *f, const char *text);

/** reload_on_done() - counts an answer, and keeps it; @userdata is the fixture */
void reload_on_done(void *userdata, const struct sb_error *error);

/** reload_run() - a reload, and its answer in @f->error */
void reload_run(struct reload_fixture *f);

/** reload_expect_refusal() - that a reload fails with this error, of which that is a part */
void reload_expect_refusal(struct reload_fixture *f, enum sb_error_code code, const char *part);

/** reload_expect_links() - that the links are these, "a b " */
void reload_expect_links(struct reload_fixture *f, const char *names);
