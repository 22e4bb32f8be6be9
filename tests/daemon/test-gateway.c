/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/gateway.h"
#include "tests/daemon/link-fixture.h"

struct fixture {
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_config config;
	char added[256];
	unsigned int changed;
	unsigned int removed;
	unsigned int settled;
	struct sb_link *last_changed;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	(void)link_fixture_setup((void **)&f.parts);
	script.login = SCRIPT_HANGS;
	assert_int_equal(sb_gateway_new(&f.parts->parts, NULL, &f.gateway), 0);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)sb_gateway_free(f->gateway);
	for (size_t i = 0; i < f->config.n_links; i++)
		(void)sb_link_config_free(f->config.links[i]);
	free(f->config.links);
	(void)link_fixture_teardown((void **)&f->parts);

	return 0;
}

static void on_added(void *userdata, struct sb_link *link)
{
	struct fixture *f = userdata;

	strcat(strcat(f->added, sb_link_name(link)), " ");
}

static void on_removed(void *userdata, struct sb_link *link)
{
	struct fixture *f = userdata;

	(void)link;
	f->removed++;
}

static void on_changed(void *userdata, struct sb_link *link, uint32_t what)
{
	struct fixture *f = userdata;

	assert_true(what != 0);
	assert_non_null(strstr(f->added, sb_link_name(link)));
	f->changed++;
	f->last_changed = link;
}

static void on_settled(void *userdata, const struct sb_settled *settled)
{
	struct fixture *f = userdata;

	assert_string_equal(settled->link, "a");
	f->settled++;
}

static const struct sb_gateway_listener listener = {
	.link_added = on_added,
	.link_removed = on_removed,
	.link_changed = on_changed,
	.settled = on_settled,
};

/* Links by those names. */
static void configure(struct fixture *f, const char *const *names, size_t n)
{
	f->config.links = calloc(n, sizeof(*f->config.links));
	assert_non_null(f->config.links);
	for (size_t i = 0; i < n; i++)
		f->config.links[i] = link_config(names[i], NULL);
	f->config.n_links = n;
}

static void it_makes_the_links_of_a_configuration(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	struct fixture *f = *state;

	configure(f, names, 3);
	sb_gateway_listen(f->gateway, &listener, f);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	assert_string_equal(f->added, "a b c ");
	assert_int_equal(sb_gateway_n_links(f->gateway), 3);
	assert_string_equal(sb_link_name(sb_gateway_link(f->gateway, 1)), "b");
	assert_int_equal(f->changed, 3);
	for (size_t i = 0; i < 3; i++)
		assert_null(f->config.links[i]);
}

static void links_start_apart(void **state)
{
	struct fixture *f = *state;
	char names[50][8];
	const char *pointers[50];

	for (size_t i = 0; i < SB_ELEMENTS(names); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "l%zu", i % 1000);
		pointers[i] = names[i];
	}
	configure(f, pointers, SB_ELEMENTS(pointers));
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	for (unsigned int i = 0; i < 50; i++) {
		assert_in_range(script.logins, i > 2 ? i - 2 : 0, i + 2);
		sb_loop_advance(f->parts->parts.loop, 20 * SB_USEC_PER_MSEC);
	}
	assert_int_equal(script.logins, 50);
}

/* Two of one name: the second has no queue to be had. */
static void one_that_cannot_be_made_does_not_hinder_the_others(void **state)
{
	static const char *const names[] = { "a", "a", "b" };
	struct fixture *f = *state;

	configure(f, names, 3);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), -EEXIST);
	assert_int_equal(sb_gateway_n_links(f->gateway), 2);
	assert_string_equal(sb_link_name(sb_gateway_link(f->gateway, 1)), "b");
	assert_non_null(f->config.links[1]);
}

static void on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	assert_null(error);
	*(uint64_t *)userdata = ticket;
}

static void it_tells_of_ends(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;
	struct sb_link *link;
	uint64_t ticket = 0;

	script.login = SCRIPT_OPENS;
	configure(f, names, 1);
	sb_gateway_listen(f->gateway, &listener, f);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	link = sb_gateway_link(f->gateway, 0);
	link_run(f->parts);
	fake_connecting();
	fake_open();
	link_answer(f->parts, "/login", SKYBUS_CODE(2, 4));
	assert_int_equal(sb_link_publish(link, sb_message_new("t", "m", 1, NULL), on_published,
					 &ticket, NULL),
			 0);
	link_run(f->parts);
	assert_int_equal(ticket, 1);
	link_answer(f->parts, "m", SKYBUS_CODE(2, 4));
	assert_int_equal(f->settled, 1);
	assert_ptr_equal(f->last_changed, link);
}

static void nobody_need_listen_and_nobody_is_told_at_the_end(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;

	configure(f, names, 1);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	link_run(f->parts);
	sb_gateway_listen(f->gateway, &listener, f);
	strcpy(f->added, "a");
	f->gateway = sb_gateway_free(f->gateway);
	assert_int_equal(f->changed, 0);
	assert_int_equal(f->removed, 0);
	assert_null(sb_gateway_free(NULL));
}

static void it_shows_its_parts(void **state)
{
	const struct fixture *f = *state;

	assert_ptr_equal(sb_gateway_loop(f->gateway), f->parts->parts.loop);
	assert_ptr_equal(sb_gateway_outbox(f->gateway), f->parts->parts.outbox);
	assert_ptr_equal(sb_gateway_hub(f->gateway), f->parts->parts.hub);
	assert_null(sb_gateway_plugins(f->gateway));
	assert_int_equal(sb_gateway_n_links(f->gateway), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_makes_the_links_of_a_configuration),
		TEST(links_start_apart),
		TEST(one_that_cannot_be_made_does_not_hinder_the_others),
		TEST(it_tells_of_ends),
		TEST(nobody_need_listen_and_nobody_is_told_at_the_end),
		TEST(it_shows_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
