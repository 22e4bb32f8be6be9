/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/reload-fixture.h"

int reload_group_setup(void **state)
{
	static struct reload_fixture f;

	scratch_init(&f.scratch);
	scratch_mkdir(&f.scratch, "plugins");
	scratch_plugin(&f.scratch, "good.so", "plugins/good.so");
	*state = &f;

	return setenv("CREDENTIALS_DIRECTORY", f.scratch.path, 1);
}

int reload_group_teardown(void **state)
{
	struct reload_fixture *f = *state;

	scratch_done(&f->scratch);

	return unsetenv("CREDENTIALS_DIRECTORY");
}

void reload_write(struct reload_fixture *f, const char *text)
{
	scratch_text(&f->scratch, "skybus.yaml", text);
}

/* As at the daemon's start. */
void reload_start(struct reload_fixture *f, const char *text)
{
	const struct sb_reload_parts parts = {
		.gateway = f->gateway,
		.access = f->access,
		.rates = &f->rates,
		.service = &f->service,
	};
	struct sb_problems problems = { 0 };
	struct sb_config *config;

	reload_write(f, text);
	(void)snprintf(f->path, sizeof(f->path), "%s/skybus.yaml", f->scratch.path);
	assert_int_equal(sb_config_read(f->path, f->plugins, &problems, &config), 0);
	sb_plugins_seal(f->plugins);
	sb_service_init(&f->service, f->gateway);
	assert_int_equal(sb_gateway_apply(f->gateway, config), 0);
	assert_int_equal(sb_reload_new(f->path, &parts, config, &f->reload), 0);
	sb_problems_done(&problems);
}

/* Nobody may do anything, and nothing has a bound. */
static int setup_access(struct reload_fixture *f)
{
	const struct sb_caller_limits limits = { 0 };
	struct sb_rules *rules;
	int r;

	sb_rates_init(&f->rates, f->parts->parts.loop, &limits);
	r = sb_rules_new(&rules);
	if (r < 0)
		return r;
	r = sb_access_new(rules, 0, &f->access);
	(void)sb_rules_unref(rules);

	return r;
}

static const struct sb_inbox_limits inbox_limits = {
	.messages = 10,
	.bytes = 1000,
	.per_user = 10,
	.ack_timeout_usec = SB_USEC_PER_SEC,
};

int reload_setup(void **state)
{
	struct reload_fixture *f = *state;

	scratch_text(&f->scratch, "key", "hush\n");
	assert_int_equal(sb_plugins_new(scratch_path(&f->scratch, "plugins"), &f->plugins), 0);
	sb_plugins_load_all(f->plugins);
	(void)link_fixture_setup((void **)&f->parts);
	assert_int_equal(sb_inboxes_new(f->parts->parts.store, f->parts->parts.hub, &inbox_limits,
					&f->parts->parts.inboxes),
			 0);
	assert_int_equal(sb_gateway_new(&f->parts->parts, f->plugins, &f->gateway), 0);
	f->answers = 0;
	f->error.text[0] = '\0';

	return setup_access(f);
}

int reload_teardown(void **state)
{
	struct reload_fixture *f = *state;

	sb_service_done(&f->service);
	f->gateway = sb_gateway_free(f->gateway);
	f->reload = sb_reload_free(f->reload);
	f->access = sb_access_free(f->access);
	sb_rates_done(&f->rates);
	f->parts->parts.inboxes = sb_inboxes_free(f->parts->parts.inboxes);
	(void)link_fixture_teardown((void **)&f->parts);
	f->plugins = sb_plugins_free(f->plugins);

	return 0;
}

void reload_on_done(void *userdata, const struct sb_error *error)
{
	struct reload_fixture *f = userdata;

	f->answers++;
	f->error.text[0] = '\0';
	if (error)
		f->error = *error;
}

void reload_run(struct reload_fixture *f)
{
	unsigned int answers = f->answers;

	assert_int_equal(sb_reload_request(f->reload, reload_on_done, f), 0);
	assert_int_equal(f->answers, answers);
	link_run(f->parts);
	assert_int_equal(f->answers, answers + 1);
}

/* With this error, of which that is a part. */
void reload_expect_refusal(struct reload_fixture *f, enum sb_error_code code, const char *part)
{
	reload_run(f);
	assert_int_equal(f->error.code, code);
	if (!strstr(f->error.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, f->error.text);
}

void reload_expect_links(struct reload_fixture *f, const char *names)
{
	char all[128] = "";

	for (size_t i = 0; i < sb_gateway_n_links(f->gateway); i++)
		strcat(strcat(all, sb_link_name(sb_gateway_link(f->gateway, i))), " ");
	assert_string_equal(all, names);
}
