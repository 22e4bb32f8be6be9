/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/store-inbox.h"
#include "tests/daemon/inbox-fixture.h"

static void ignore_opened(void *userdata, struct sb_inbox *inbox, const struct sb_error *error)
{
	int *n = userdata;

	(void)error;
	*n += inbox ? 1 : 100;
}

static void ignore_forgotten(void *userdata, const struct sb_error *error)
{
	int *n = userdata;

	*n += error ? 100 : 1;
}

static struct sb_inbox_wish wish(uint32_t owner, const char *name)
{
	return (struct sb_inbox_wish){
		.interest = { .link = "plant", .filter = "#", .origins = SB_FROM_CLOUD },
		.owner = owner,
		.name = name,
	};
}

static int open_as(struct inbox_fixture *f, uint32_t owner, const char *name, int *n)
{
	const struct sb_inbox_wish wanted = wish(owner, name);

	return sb_inboxes_open(f->all, &wanted, ignore_opened, n, &f->error);
}

static int forget_as(struct inbox_fixture *f, uint32_t owner, const char *name, int *n)
{
	const struct sb_inbox_wish wanted = wish(owner, name);

	return sb_inboxes_forget(f->all, &wanted, ignore_forgotten, n, &f->error);
}

static const char *filter_of(struct inbox_fixture *f, uint32_t owner, const char *name)
{
	const struct sb_inbox_wish wanted = wish(owner, name);

	return sb_inboxes_filter(f->all, &wanted);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", "a b", "a/b", "ä", "a\nb" };
	struct inbox_fixture *f = *state;
	char name[SB_INBOX_NAME_MAX + 2];
	int n = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(open_as(f, 1, bad[i], &n), -EINVAL);
		assert_non_null(strstr(f->error.text, "A-Z a-z 0-9"));
	}
	memset(name, 'x', sizeof(name));
	name[SB_INBOX_NAME_MAX + 1] = '\0';
	assert_int_equal(open_as(f, 1, name, &n), -EINVAL);
	name[SB_INBOX_NAME_MAX] = '\0';
	assert_int_equal(open_as(f, 1, name, &n), 0);
	assert_int_equal(open_as(f, 1, "A.z_0-9", &n), 0);
	inbox_settle(f);
	assert_int_equal(n, 2);
}

static void test_filter_is_checked(void **state)
{
	struct inbox_fixture *f = *state;

	assert_null(inbox_open(f, "app", "a/#/b"));
	assert_int_equal(f->error.code, SB_ERROR_INVALID_TOPIC);
	assert_string_equal(inbox_list(f), "");
}

static void test_nobody_has_none(void **state)
{
	struct inbox_fixture *f = *state;
	int n = 0;

	assert_int_equal(open_as(f, SB_NO_OWNER, "app", &n), -EPERM);
	assert_int_equal(f->error.code, SB_ERROR_NOT_PERMITTED);
}

static void test_a_user_has_a_bounded_number(void **state)
{
	struct inbox_fixture *f = *state;
	int n = 0;

	assert_int_equal(open_as(f, 1, "a", &n), 0);
	assert_int_equal(open_as(f, 1, "b", &n), 0);
	assert_int_equal(open_as(f, 1, "c", &n), 0);
	assert_int_equal(open_as(f, 1, "d", &n), 0);
	assert_int_equal(open_as(f, 1, "e", &n), -ENOBUFS);
	assert_int_equal(open_as(f, 1, "d", &n), 0); /* it has that one */
	assert_int_equal(open_as(f, 2, "e", &n), 0);
	inbox_settle(f);
	assert_int_equal(n, 6);
	assert_string_equal(inbox_list(f),
			    "plant 1 a # 0 0 0, plant 1 b # 0 0 0, plant 1 c # 0 0 0, "
			    "plant 1 d # 0 0 0, plant 2 e # 0 0 0, ");
	assert_int_equal(forget_as(f, 1, "a", &n), 0);
	inbox_settle(f);
	assert_int_equal(open_as(f, 1, "e", &n), 0);
	inbox_settle(f);
}

static void test_users_do_not_meet(void **state)
{
	struct inbox_fixture *f = *state;
	int n = 0;

	assert_int_equal(open_as(f, 1, "app", &n), 0);
	assert_int_equal(open_as(f, 2, "app", &n), 0);
	inbox_settle(f);
	assert_int_equal(forget_as(f, 3, "app", &n), -ESRCH);
	assert_int_equal(forget_as(f, 2, "app", &n), 0);
	inbox_settle(f);
	assert_int_equal(n, 3);
	assert_string_equal(inbox_list(f), "plant 1 app # 0 0 0, ");
}

static void test_changed_filter(void **state)
{
	struct inbox_fixture *f = *state;

	assert_non_null(inbox_open(f, "app", "a"));
	(void)inbox_deliver(f, "a", NULL);
	inbox_settle(f);
	assert_string_equal(filter_of(f, 1000, "app"), "a");
	assert_non_null(inbox_open(f, "app", "b"));
	assert_string_equal(filter_of(f, 1000, "app"), "b");
	assert_null(filter_of(f, 1001, "app"));
	(void)inbox_deliver(f, "a", NULL);
	(void)inbox_deliver(f, "b", NULL);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app b 2 6 0, ");
	inbox_restart(f);
	(void)inbox_deliver(f, "b", NULL);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app b 3 9 0, ");
}

static void test_two_inboxes_have_a_copy_each(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "one");
	inbox_attach(f, &f->other, "two");
	(void)inbox_deliver(f, "t", NULL);
	inbox_settle(f);
	inbox_expect(&f->app, "1 ");
	inbox_expect(&f->other, "1 ");
	inbox_ack(f, &f->app, 1);
	inbox_settle(f);
	assert_string_equal(inbox_list(f),
			    "plant 1000 one # 0 0 0 attached, plant 1000 two # 1 3 0 attached, ");
}

static void test_numbers_go_on_after_a_restart(void **state)
{
	struct inbox_fixture *f = *state;
	uint64_t before;

	inbox_attach(f, &f->app, "app");
	before = inbox_deliver(f, "t", NULL);
	inbox_settle(f);
	inbox_ack(f, &f->app, before);
	inbox_settle(f);
	inbox_restart(f);
	assert_true(inbox_deliver(f, "t", NULL) > before);
}

static void put_bad_filter(struct inbox_fixture *f)
{
	const struct sb_inbox_record record = {
		.id = 7, .link = "plant", .owner = 1000, .name = "app", .filter = "a/#/b"
	};

	assert_int_equal(sb_store_put_inbox(f->store, &record, NULL, NULL), 0);
	inbox_settle(f);
}

static void test_filter_on_disk_that_is_none(void **state)
{
	struct inbox_fixture *f = *state;

	put_bad_filter(f);
	inbox_restart(f);
	assert_string_equal(inbox_list(f), "plant 1000 app a/#/b 0 0 0, ");
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app a/#/b 0 0 0, ");
	assert_non_null(inbox_open(f, "app", "#"));
	inbox_restart(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 0 0 0, ");
}

/* It is there all the same, so it can be mended later. */
static void test_filter_that_the_disk_does_not_let_be_mended(void **state)
{
	struct inbox_fixture *f = *state;

	put_bad_filter(f);
	inbox_restart(f);
	inbox_disk_is_full(f, true);
	assert_null(inbox_open(f, "app", "#"));
	inbox_disk_is_full(f, false);
	assert_non_null(inbox_open(f, "app", "#"));
	inbox_forget(f, "app");
	assert_string_equal(inbox_list(f), "");
	inbox_restart(f);
	assert_string_equal(inbox_list(f), "");
}

/* ---- Forgetting ---- */

static void test_forgotten_with_what_waits(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	inbox_deliver_many(f, 3, 1);
	inbox_settle(f);
	inbox_forget(f, "app");
	assert_int_equal(f->app.ended, SB_INBOX_FORGOTTEN);
	assert_string_equal(inbox_list(f), "");
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-forgotten 3, ");
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-forgotten 3, ");
}

/* What comes while it is being forgotten is lost, and counted. */
static void test_message_on_its_way_into_a_forgotten_inbox(void **state)
{
	struct inbox_fixture *f = *state;
	int n = 0;

	assert_non_null(inbox_open(f, "app", "#"));
	assert_int_equal(forget_as(f, 1000, "app", &n), 0);
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	assert_int_equal(n, 1);
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-forgotten 1, ");
	assert_string_equal(inbox_list(f), "");
}

/* What it has lost while the disk refused is counted before it goes. */
static void test_losses_of_a_forgotten_inbox(void **state)
{
	struct inbox_fixture *f = *state;

	assert_non_null(inbox_open(f, "app", "#"));
	inbox_disk_is_full(f, true);
	inbox_deliver_many(f, 2, 1);
	inbox_settle(f);
	inbox_disk_is_full(f, false);
	inbox_forget(f, "app");
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-full 2, ");
	inbox_pass(f, 20 * SB_USEC_PER_SEC);
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-full 2, ");
}

static void test_opened_while_it_is_forgotten(void **state)
{
	struct inbox_fixture *f = *state;
	int n = 0;

	assert_non_null(inbox_open(f, "app", "#"));
	inbox_deliver_many(f, 2, 1);
	assert_int_equal(forget_as(f, 1000, "app", &n), 0);
	inbox_deliver_many(f, 1, 1);
	assert_int_equal(open_as(f, 1000, "app", &n), 0);
	assert_int_equal(forget_as(f, 1000, "app", &n), 0);
	assert_int_equal(open_as(f, 1000, "app", &n), 0);
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	assert_int_equal(n, 4);
	assert_string_equal(inbox_list(f), "plant 1000 app # 1 2 0, ");
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-forgotten 3, ");
	inbox_restart(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 1 2 0, ");
}

static void test_disk_that_does_not_make_one(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_disk_is_full(f, true);
	assert_null(inbox_open(f, "app", "#"));
	assert_int_equal(f->error.code, SB_ERROR_FAILED);
	assert_string_equal(inbox_list(f), "");
	inbox_disk_is_full(f, false);
	assert_non_null(inbox_open(f, "app", "#"));
	inbox_disk_is_full(f, true);
	assert_null(inbox_open(f, "app", "b"));
	inbox_disk_is_full(f, false);
	assert_string_equal(inbox_list(f), "plant 1000 app # 0 0 0, ");
}

static void test_closed_with_jobs_under_way(void **state)
{
	struct inbox_fixture *f = *state;
	int n = 0;

	f->limits.messages = 1;
	inbox_restart(f);
	inbox_attach(f, &f->app, "app");
	inbox_deliver_many(f, 3, 1);
	assert_int_equal(open_as(f, 1, "new", &n), 0);
	inbox_restart(f);
	assert_int_equal(n, 1);
	assert_string_equal(inbox_list(f), "plant 1 new # 0 0 0, plant 1000 app # 1 2 2, ");
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-full 2, ");
}

#define TEST(test) \
	cmocka_unit_test_setup_teardown(test, inbox_fixture_setup, inbox_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_filter_is_checked),
		TEST(test_nobody_has_none),
		TEST(test_a_user_has_a_bounded_number),
		TEST(test_users_do_not_meet),
		TEST(test_changed_filter),
		TEST(test_two_inboxes_have_a_copy_each),
		TEST(test_numbers_go_on_after_a_restart),
		TEST(test_filter_on_disk_that_is_none),
		TEST(test_filter_that_the_disk_does_not_let_be_mended),
		TEST(test_forgotten_with_what_waits),
		TEST(test_message_on_its_way_into_a_forgotten_inbox),
		TEST(test_losses_of_a_forgotten_inbox),
		TEST(test_opened_while_it_is_forgotten),
		TEST(test_disk_that_does_not_make_one),
		TEST(test_closed_with_jobs_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
