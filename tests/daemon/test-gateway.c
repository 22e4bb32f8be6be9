/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/gateway.h"
#include "daemon/log.h"
#include "tests/daemon/link-fixture.h"
#include "tests/daemon/netlink-message.h"

/* Links that come up at the same moment. */
#define MANY 200

struct fixture {
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_config config;
	char added[256];
	unsigned int changed;
	unsigned int removed;
	unsigned int settled;
	struct sb_link *last_changed;
	struct sb_gateway_listener listener;
	struct sb_gateway_listener other;
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

static const struct sb_gateway_listener listens = {
	.link_added = on_added,
	.link_removed = on_removed,
	.link_changed = on_changed,
	.settled = on_settled,
};

static void listen_to(struct fixture *f)
{
	f->listener = listens;
	f->listener.userdata = f;
	sb_gateway_listen(f->gateway, &f->listener);
}

/* Links by those names. */
static void configure(struct fixture *f, const char *const *names, size_t n)
{
	free(f->config.links);
	f->config.links = calloc(n, sizeof(*f->config.links));
	assert_non_null(f->config.links);
	for (size_t i = 0; i < n; i++)
		f->config.links[i] = link_config(names[i], NULL);
	f->config.n_links = n;
}

/* Links l0, l1 … */
static void configure_many(struct fixture *f, const char *const *settings)
{
	char name[16];

	free(f->config.links);
	f->config.links = calloc(MANY, sizeof(*f->config.links));
	assert_non_null(f->config.links);
	for (unsigned int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "l%u", i);
		f->config.links[i] = link_config(name, settings);
	}
	f->config.n_links = MANY;
}

/* The first login has begun, and one after the other follows. */
static void expect_logins_apart(struct fixture *f)
{
	for (unsigned int i = 1; i <= MANY; i++) {
		assert_int_equal(script.logins, i);
		sb_loop_advance(f->parts->parts.loop, SB_PACE_USEC);
	}
	assert_int_equal(script.logins, MANY);
}

/* Hears one thing, and then no more. */
static void on_added_once(void *userdata, struct sb_link *link)
{
	struct fixture *f = userdata;

	assert_string_equal(sb_link_name(link), "a");
	f->removed++;
	sb_gateway_unlisten(f->gateway, &f->other);
}

static void several_can_listen(void **state)
{
	static const char *const names[] = { "a", "b" };
	struct fixture *f = *state;

	configure(f, names, 2);
	f->other = (struct sb_gateway_listener){ .link_added = on_added_once, .userdata = f };
	sb_gateway_listen(f->gateway, &f->other);
	listen_to(f);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	assert_string_equal(f->added, "a b ");
	assert_int_equal(f->removed, 1);
}

static void it_makes_the_links_of_a_configuration(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	struct fixture *f = *state;

	configure(f, names, 3);
	listen_to(f);
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

	configure_many(f, NULL);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	link_run(f->parts);
	expect_logins_apart(f);
}

static void so_do_those_that_are_connected_together(void **state)
{
	static const char *const settings[] = { "enabled", "no", NULL };
	struct fixture *f = *state;
	struct sb_error error;

	configure_many(f, settings);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	sb_loop_advance(f->parts->parts.loop, SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 0);
	for (unsigned int i = 0; i < MANY; i++)
		assert_int_equal(sb_link_connect(sb_gateway_link(f->gateway, i), &error), 0);
	link_run(f->parts);
	expect_logins_apart(f);
}

/* What one has to wait, all the others have to as well, to the millisecond. */
static void let_back_offs_end_together(struct fixture *f)
{
	struct sb_store *store = f->parts->parts.store;
	/* The script speaks for the link that came last. */
	const char *last = sb_link_name(sb_gateway_link(f->gateway, MANY - 1));
	uint8_t record[24];
	size_t len;

	memcpy(record, sb_store_value(store, last, ".backoff", &len), sizeof(record));
	for (unsigned int i = 0; i < MANY; i++)
		assert_int_equal(sb_store_put(store, sb_link_name(sb_gateway_link(f->gateway, i)),
					      ".backoff", record, sizeof(record), NULL, NULL),
				 0);
}

static void so_do_those_whose_back_off_ends_together(void **state)
{
	struct fixture *f = *state;

	script.login = SCRIPT_FAILS;
	script.fail_wait_s = 300;
	configure_many(f, NULL);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	link_run(f->parts);
	sb_loop_advance(f->parts->parts.loop, MANY * SB_PACE_USEC);
	assert_int_equal(script.logins, MANY);
	let_back_offs_end_together(f);
	script.login = SCRIPT_HANGS;

	f->gateway = sb_gateway_free(f->gateway);
	assert_int_equal(sb_gateway_new(&f->parts->parts, NULL, &f->gateway), 0);
	configure_many(f, NULL);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	sb_loop_advance(f->parts->parts.loop, 295 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, MANY);
	script.logins = 0;
	for (unsigned int i = 0; i < 5000 && script.logins == 0; i++)
		sb_loop_advance(f->parts->parts.loop, SB_USEC_PER_MSEC);
	expect_logins_apart(f);
}

static void begin_to_change_network(struct fixture *f, const char *from)
{
	const struct message message = message_address(RTM_NEWADDR, 2, from, 0, 0);

	fake_way_set(from, "wwan0");
	fake_netlink_tell(&message, message.header.nlmsg_len);
	while (sb_loop_turn(f->parts->parts.loop, 0) > 0)
		;
}

static void change_network(struct fixture *f, const char *from)
{
	begin_to_change_network(f, from);
	sb_loop_advance(f->parts->parts.loop, SB_NETWATCH_SETTLE_USEC + 4 * SB_PACE_USEC);
}

/* From the kernel's word on; apart, for a network has many links. */
static void all_links_hear_of_the_network(void **state)
{
	static const char *const names[] = { "a", "b" };
	struct fixture *f = *state;

	configure(f, names, 2);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	sb_loop_advance(f->parts->parts.loop, SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
	change_network(f, "10.0.1.2");
	assert_int_equal(script.logins, 4);
}

static void who_is_about_to_end_does_not_mind(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;

	configure(f, names, 1);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	sb_loop_advance(f->parts->parts.loop, SB_USEC_PER_SEC);
	begin_to_change_network(f, "10.0.1.2");
	sb_gateway_stop(f->gateway, 60 * SB_USEC_PER_SEC);
	sb_loop_advance(f->parts->parts.loop, SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
}

static void nor_does_who_has_no_watch(void **state)
{
	struct fixture *f = *state;
	struct sb_link_parts parts = f->parts->parts;

	f->gateway = sb_gateway_free(f->gateway);
	/* And nobody is told who has gone. */
	change_network(f, "10.0.1.2");
	parts.netwatch = NULL;
	assert_int_equal(sb_gateway_new(&parts, NULL, &f->gateway), 0);
	change_network(f, "10.0.2.2");
	assert_int_equal(script.logins, 0);
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
	listen_to(f);
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

static void run_streams(struct fixture *f)
{
	link_run(f->parts);
	while (sb_loop_turn(f->parts->parts.loop, 0) > 0)
		;
	link_run(f->parts);
}

static void expect_frame(int fd, enum sb_frame_type type)
{
	uint8_t bytes[512];

	assert_true(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
	assert_int_equal(bytes[0], type);
}

static void publish_by_stream(struct fixture *f, int fd)
{
	static const char publish[] = "\x01\x01\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"
				      "\xff\xff\xff\xff\x01\0\0\0"
				      "tm";

	assert_int_equal(send(fd, publish, sizeof(publish) - 1, 0), sizeof(publish) - 1);
	run_streams(f);
}

static void streams_publish_and_are_told_of_ends(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;
	struct sb_stream_terms terms = { .interest = { .link = "a", .filter = "" } };
	int fd;

	script.login = SCRIPT_OPENS;
	configure(f, names, 1);
	listen_to(f);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	terms.link = sb_gateway_link(f->gateway, 0);
	assert_int_equal(sb_streams_open(sb_gateway_streams(f->gateway), &terms, &fd, NULL), 0);
	publish_by_stream(f, fd);
	expect_frame(fd, SB_FRAME_HELLO);
	expect_frame(fd, SB_FRAME_TICKET);
	fake_connecting();
	fake_open();
	link_answer(f->parts, "/login", SKYBUS_CODE(2, 4));
	link_answer(f->parts, "m", SKYBUS_CODE(2, 4));
	run_streams(f);
	assert_int_equal(f->settled, 1);
	expect_frame(fd, SB_FRAME_SETTLED);

	publish_by_stream(f, fd);
	f->gateway = sb_gateway_free(f->gateway);
	expect_frame(fd, SB_FRAME_TICKET);
	expect_frame(fd, SB_FRAME_CLOSED);
	(void)close(fd);
}

static void ignore_ticket(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	assert_null(error);
}

static void publish_for(struct sb_link *link, enum sb_priority priority, uint32_t owner)
{
	struct sb_message *message = sb_message_new("t", "m", 1, NULL);

	assert_non_null(message);
	message->priority = priority;
	message->owner = owner;
	assert_int_equal(sb_link_publish(link, message, ignore_ticket, NULL, NULL), 0);
}

/* What is logged while these links are made, the caller's. */
static char *apply_and_listen(struct fixture *f, const char *const *names, size_t n)
{
	FILE *console = stderr;
	char *text = NULL;
	size_t len;

	configure(f, names, n);
	stderr = open_memstream(&text, &len);
	assert_non_null(stderr);
	sb_log_set_level(LOG_WARNING);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	sb_log_set_level(LOG_EMERG);
	(void)fclose(stderr);
	stderr = console;

	return text;
}

static void it_says_once_for_which_link_that_is_gone_messages_wait(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	static const char *const left[] = { "b" };
	struct fixture *f = *state;
	char *text;

	configure(f, names, 3);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	for (size_t i = 0; i < 3; i++) {
		struct sb_link *link = sb_gateway_link(f->gateway, i);

		publish_for(link, SB_NORMAL, 7);
		publish_for(link, SB_NORMAL, 8);
		publish_for(link, SB_URGENT, (uint32_t)i);
	}
	publish_for(sb_gateway_link(f->gateway, 2), SB_BULK, 7);
	link_run(f->parts);
	f->gateway = sb_gateway_free(f->gateway);
	link_fixture_reopen(f->parts);
	assert_int_equal(sb_gateway_new(&f->parts->parts, NULL, &f->gateway), 0);

	text = apply_and_listen(f, left, 1);
	assert_string_equal(text, "skybusd: a: 3 messages wait for this link, which is not in the "
				  "configuration: put it back there for them to be sent\n"
				  "skybusd: c: 4 messages wait for this link, which is not in the "
				  "configuration: put it back there for them to be sent\n");
	free(text);
}

static void a_link_is_found_by_its_name(void **state)
{
	static const char *const names[] = { "a", "b" };
	struct fixture *f = *state;

	configure(f, names, 2);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	assert_ptr_equal(sb_gateway_find(f->gateway, "b"), sb_gateway_link(f->gateway, 1));
	assert_null(sb_gateway_find(f->gateway, "c"));
	assert_null(sb_gateway_find(f->gateway, ""));
}

static void nobody_need_listen_and_nobody_is_told_at_the_end(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;

	configure(f, names, 1);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	link_run(f->parts);
	listen_to(f);
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
	assert_ptr_equal(sb_gateway_store(f->gateway), f->parts->parts.store);
	assert_ptr_equal(sb_gateway_clock(f->gateway), f->parts->parts.clock);
	assert_null(sb_gateway_plugins(f->gateway));
	assert_int_equal(sb_gateway_n_links(f->gateway), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_makes_the_links_of_a_configuration),
		TEST(several_can_listen),
		TEST(links_start_apart),
		TEST(so_do_those_that_are_connected_together),
		TEST(so_do_those_whose_back_off_ends_together),
		TEST(all_links_hear_of_the_network),
		TEST(who_is_about_to_end_does_not_mind),
		TEST(nor_does_who_has_no_watch),
		TEST(one_that_cannot_be_made_does_not_hinder_the_others),
		TEST(it_tells_of_ends),
		TEST(streams_publish_and_are_told_of_ends),
		TEST(it_says_once_for_which_link_that_is_gone_messages_wait),
		TEST(a_link_is_found_by_its_name),
		TEST(nobody_need_listen_and_nobody_is_told_at_the_end),
		TEST(it_shows_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
