/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/identity.h"
#include "daemon/rate.h"
#include "daemon/rule.h"
#include "daemon/stream-rights.h"
#include "tests/daemon/stream-fixture.h"

struct fixture {
	struct stream_fixture *streams;
	struct sb_access *access;
	struct sb_rates rates;
};

static const struct sb_identity app = { .uid = STREAM_OWNER };

/* From now on the app may publish what @publish matches, and get what @subscribe matches. */
static void rule(struct fixture *f, const char *publish, const char *subscribe)
{
	struct sb_rule one = { .subject = SB_SUBJECT_USER, .id = STREAM_OWNER };
	struct sb_rules *rules;

	assert_int_equal(sb_rules_new(&rules), 0);
	assert_int_equal(sb_texts_add(&one.links, "plant"), 0);
	assert_int_equal(sb_texts_add(&one.filters[SB_PUBLISH], publish), 0);
	assert_int_equal(sb_texts_add(&one.filters[SB_SUBSCRIBE], subscribe), 0);
	assert_int_equal(sb_rules_add(rules, &one), 0);
	if (f->access)
		sb_access_replace(f->access, rules);
	else
		assert_int_equal(sb_access_new(rules, 1, &f->access), 0);
	(void)sb_rules_unref(rules);
}

static int setup(void **state)
{
	static const struct sb_caller_limits limits = {
		.messages_per_second = 10,
		.bytes_per_second = 100000,
		.streams = 2,
	};
	static struct fixture f;

	f = (struct fixture){ 0 };
	*state = &f;
	if (stream_fixture_setup((void **)&f.streams) < 0)
		return -1;
	sb_rates_init(&f.rates, f.streams->loop, &limits);
	rule(&f, "mine/#", "cmd/#");

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)stream_fixture_teardown((void **)&f->streams);
	f->access = sb_access_free(f->access);
	sb_rates_done(&f->rates);

	return 0;
}

static int try_to_open(struct fixture *f, const char *filter, struct sb_stream_terms *ret,
		       struct sb_error *ret_error)
{
	const struct sb_stream_rights_parts parts = { f->access, &f->rates };

	*ret = (struct sb_stream_terms){
		.link = &f->streams->link,
		.interest = { .link = "plant", .filter = filter, .origins = SB_FROM_CLOUD },
		.owner = STREAM_OWNER,
	};

	return sb_stream_rights_new(&parts, &app, &ret->interest, &ret->guard, ret_error);
}

static int open_stream(struct fixture *f, const char *filter)
{
	struct sb_stream_terms terms;
	struct sb_error why;
	int fd;

	assert_int_equal(try_to_open(f, filter, &terms, &why), 0);
	terms.interest.answers = true;
	fd = app_open_with(f->streams, &terms);
	stream_run(f->streams);
	app_expect(f->streams, fd, SB_FRAME_HELLO);

	return fd;
}

static void publishing_is_asked_for_each_message(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "");

	assert_true(app_publish(fd, 1, "mine/a", 1));
	assert_true(app_publish(fd, 2, "theirs", 1));
	stream_run(f->streams);
	assert_int_equal(f->streams->link.n_jobs, 1);
	app_expect(f->streams, fd, SB_FRAME_REFUSED);
	assert_int_equal(app_number(f->streams, 8), 2);
	(void)close(fd);
	stream_run(f->streams);
}

static void what_comes_is_asked_for_once(void **state)
{
	struct fixture *f = *state;
	struct sb_stream_terms terms;
	struct sb_error why;

	assert_int_equal(try_to_open(f, "#", &terms, &why), -EPERM);
	assert_int_equal(why.code, SB_ERROR_NOT_PERMITTED);
	(void)close(open_stream(f, "cmd/a"));
	stream_run(f->streams);
}

/* Their numbers can be guessed. */
static void answering_is_asked_for_each_command(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "cmd/a");

	f->streams->link.command_topic = "theirs";
	app_answer(fd, 1, "", "x");
	stream_run(f->streams);
	assert_int_equal(f->streams->link.n_jobs, 0);
	app_expect(f->streams, fd, SB_FRAME_ANSWERED);
	assert_int_equal(app_number(f->streams, 8), 1);
	app_expect_error(f->streams, 24, "NotPermitted", "may not answer the command \"theirs\"");
	f->streams->link.command_topic = "cmd/a";
	for (uint64_t message = 2; message < 22; message++)
		app_answer(fd, message, "", "x");
	stream_run(f->streams);
	assert_int_equal(f->streams->link.n_jobs, 11);
	(void)close(fd);
	stream_run(f->streams);
}

static void so_many_of_one_user(void **state)
{
	struct fixture *f = *state;
	int first = open_stream(f, "");
	int second = open_stream(f, "");
	struct sb_stream_terms terms;
	struct sb_error why;

	assert_int_equal(try_to_open(f, "", &terms, &why), -ENOBUFS);
	assert_non_null(strstr(why.text, "2 streams open"));
	(void)close(first);
	stream_run(f->streams);
	first = open_stream(f, "");
	(void)close(first);
	(void)close(second);
	stream_run(f->streams);
}

static void who_is_too_fast_is_slowed_down(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "");

	for (uint64_t tag = 0; tag < 20; tag++)
		assert_true(app_publish(fd, tag, "mine/a", 1));
	stream_run(f->streams);
	assert_int_equal(f->streams->link.n_jobs, 11);
	sb_loop_advance(f->streams->loop, SB_USEC_PER_SEC / 10);
	stream_run(f->streams);
	assert_int_equal(f->streams->link.n_jobs, 12);
	for (int i = 0; i < 8; i++) {
		sb_loop_advance(f->streams->loop, SB_USEC_PER_SEC / 10);
		stream_run(f->streams);
	}
	assert_int_equal(f->streams->link.n_jobs, 20);
	app_expect_nothing(f->streams, fd);
	(void)close(fd);
	stream_run(f->streams);
}

static void rights_stay_as_they_were_until_less_is_granted(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "cmd/a");

	/* More than before: nothing changes for who has opened already. */
	rule(f, "#", "#");
	sb_stream_rights_review(&f->streams->streams);
	assert_true(app_publish(fd, 1, "theirs", 1));
	stream_run(f->streams);
	app_expect(f->streams, fd, SB_FRAME_REFUSED);

	rule(f, "mine/a", "cmd/#");
	sb_stream_rights_review(&f->streams->streams);
	app_expect_closed(f->streams, fd, "NotPermitted", "access has changed");
	assert_int_equal(f->streams->streams.n, 0);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(publishing_is_asked_for_each_message),
		TEST(what_comes_is_asked_for_once),
		TEST(answering_is_asked_for_each_command),
		TEST(so_many_of_one_user),
		TEST(who_is_too_fast_is_slowed_down),
		TEST(rights_stay_as_they_were_until_less_is_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
