/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/store.h"
#include "tests/daemon/scratch.h"

struct fixture {
	struct scratch scratch;
	struct sb_loop *loop;
	struct sb_store *store;
	unsigned int done;
};

static void open_all(struct fixture *f)
{
	const struct sb_store_options options = { .sync = SB_SYNC_NORMAL };

	assert_int_equal(sb_store_open(f->loop, f->scratch.path, &options, &f->store), 0);
}

static void close_all(struct fixture *f)
{
	f->store = sb_store_close(f->store);
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	sb_log_set_level(LOG_EMERG);
	scratch_init(&f.scratch);
	assert_int_equal(sb_loop_new_virtual(&f.loop), 0);
	open_all(&f);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_all(f);
	(void)sb_loop_free(f->loop);
	scratch_done(&f->scratch);

	return 0;
}

static void on_done(void *userdata, int error)
{
	struct fixture *f = userdata;

	assert_int_equal(error, 0);
	f->done++;
}

static void put(struct fixture *f, const char *key, const char *value)
{
	assert_int_equal(sb_store_put(f->store, "plant", key, value, strlen(value), on_done, f), 0);
}

static void expect(struct fixture *f, const char *key, const char *value)
{
	size_t len = 99;
	const uint8_t *data = sb_store_value(f->store, "plant", key, &len);

	if (!value) {
		assert_null(data);
		return;
	}
	assert_non_null(data);
	assert_int_equal(len, strlen(value));
	assert_memory_equal(data, value, len);
}

static void a_value_is_there_at_once_and_written_later(void **state)
{
	struct fixture *f = *state;

	expect(f, "token", NULL);
	put(f, "token", "first");
	expect(f, "token", "first");
	put(f, "token", "second");
	expect(f, "token", "second");
	assert_int_equal(f->done, 0);
	sb_store_drain(f->store);
	assert_int_equal(f->done, 2);
}

static void values_survive(void **state)
{
	struct fixture *f = *state;

	put(f, "token", "first");
	put(f, "token", "second");
	put(f, "key", "k");
	put(f, "empty", "");
	put(f, "gone", "x");
	assert_int_equal(sb_store_remove(f->store, "plant", "gone", on_done, f), 0);
	expect(f, "gone", NULL);
	sb_store_drain(f->store);
	assert_int_equal(f->done, 6);
	close_all(f);
	open_all(f);
	expect(f, "token", "second");
	expect(f, "key", "k");
	expect(f, "empty", "");
	expect(f, "gone", NULL);
}

static void links_remember_apart(void **state)
{
	struct fixture *f = *state;
	size_t len;

	put(f, "token", "mine");
	assert_null(sb_store_value(f->store, "house", "token", &len));
}

static void a_value_may_be_made_of_the_one_before(void **state)
{
	struct fixture *f = *state;
	size_t len;
	const uint8_t *old;

	put(f, "token", "abcdef");
	old = sb_store_value(f->store, "plant", "token", &len);
	assert_int_equal(sb_store_put(f->store, "plant", "token", old + 2, 3, NULL, NULL), 0);
	expect(f, "token", "cde");
}

static void removing_what_is_not_there_is_fine(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_store_remove(f->store, "plant", "nothing", on_done, f), 0);
	sb_store_drain(f->store);
	assert_int_equal(f->done, 1);
}

static void bounds_hold_and_change_nothing(void **state)
{
	static const char large[SB_MEMORY_VALUE_MAX + 1];
	struct fixture *f = *state;
	char key[SB_MEMORY_KEY_MAX + 2];

	assert_int_equal(sb_store_put(f->store, "plant", "", "x", 1, on_done, f), -EINVAL);
	memset(key, 'k', sizeof(key));
	key[SB_MEMORY_KEY_MAX + 1] = '\0';
	assert_int_equal(sb_store_put(f->store, "plant", key, "x", 1, on_done, f), -EINVAL);
	key[SB_MEMORY_KEY_MAX] = '\0';
	put(f, key, "x");
	assert_int_equal(sb_store_put(f->store, "plant", "l", large, sizeof(large), on_done, f),
			 -EMSGSIZE);
	expect(f, "l", NULL);
	assert_int_equal(
		sb_store_put(f->store, "plant", "l", large, SB_MEMORY_VALUE_MAX, on_done, f), 0);
	for (size_t i = 2; i < SB_MEMORY_VALUES_MAX; i++) {
		(void)snprintf(key, sizeof(key), "value%zu", i);
		put(f, key, "x");
	}
	assert_int_equal(sb_store_put(f->store, "plant", "one more", "x", 1, on_done, f), -ENOSPC);
	/* One that is there already may change. */
	put(f, "l", "new");
	expect(f, "l", "new");
	assert_int_equal(sb_store_remove(f->store, "plant", "l", on_done, f), 0);
	put(f, "one more", "x");
	sb_store_drain(f->store);
	assert_int_equal(f->done, SB_MEMORY_VALUES_MAX + 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_value_is_there_at_once_and_written_later),
		TEST(values_survive),
		TEST(links_remember_apart),
		TEST(a_value_may_be_made_of_the_one_before),
		TEST(removing_what_is_not_there_is_fine),
		TEST(bounds_hold_and_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
