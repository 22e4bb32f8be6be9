/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "daemon/message.h"

struct fixture {
	struct sb_message *message;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->message = sb_message_new("/sys/a", "hello", 5, ":1.7");
	assert_non_null(f->message);

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)sb_message_free(f->message);
	free(f);

	return 0;
}

static void a_new_one_is_normal_and_of_nobody(void **state)
{
	const struct fixture *f = *state;
	const struct sb_message *message = f->message;

	assert_string_equal(message->topic, "/sys/a");
	assert_int_equal(message->payload_len, 5);
	assert_memory_equal(message->payload, "hello", 5);
	assert_string_equal(message->sender, ":1.7");
	assert_int_equal(message->ticket, 0);
	assert_int_equal(message->content_format, SKYBUS_NO_FORMAT);
	assert_int_equal(message->priority, SB_NORMAL);
	assert_int_equal(message->owner, SB_NO_OWNER);
	assert_false(message->in_memory);
	assert_false(message->replaces);
	assert_int_equal(message->ttl_s, 0);
	assert_int_equal(message->requeues, 0);
	assert_int_equal(message->taken.boot, 0);
	assert_int_equal(message->taken.ms, 0);
	assert_int_equal(sb_message_size(message), 11);
}

static void it_may_be_empty(void **state)
{
	struct sb_message *message = sb_message_new("t", NULL, 0, NULL);

	(void)state;
	assert_non_null(message);
	assert_null(message->payload);
	assert_null(message->sender);
	assert_int_equal(sb_message_size(message), 1);
	assert_null(sb_message_free(message));
}

static void the_view_is_what_a_plugin_needs(void **state)
{
	struct fixture *f = *state;
	struct skybus_message view;

	f->message->ticket = 42;
	f->message->content_format = 50;
	view = sb_message_view(f->message, 1234);
	assert_int_equal(view.size, sizeof(view));
	assert_int_equal(view.ticket, 42);
	assert_int_equal(view.time_ms, 1234);
	assert_int_equal(view.content_format, 50);
	assert_ptr_equal(view.topic, f->message->topic);
	assert_ptr_equal(view.payload, f->message->payload);
	assert_int_equal(view.payload_len, 5);
}

static void every_cause_has_a_word_and_an_outcome(void **state)
{
	(void)state;
	for (int i = 0; i < SB_N_CAUSES; i++) {
		enum sb_outcome outcome = sb_cause_outcome((enum sb_cause)i);

		assert_non_null(sb_cause_word((enum sb_cause)i));
		assert_int_equal(outcome == SB_DELIVERED, i == SB_CAUSE_DELIVERED);
		assert_in_range(outcome, SB_DELIVERED, SB_N_OUTCOMES - 1);
	}
	assert_string_equal(sb_cause_word(SB_CAUSE_TTL), "ttl");
	assert_int_equal(sb_cause_outcome(SB_CAUSE_TTL), SB_EXPIRED);
	assert_int_equal(sb_cause_outcome(SB_CAUSE_CLOUD), SB_REJECTED);
	assert_int_equal(sb_cause_outcome(SB_CAUSE_REPLACED), SB_CANCELLED);
	assert_string_equal(sb_outcome_word(SB_IN_FLIGHT), "in-flight");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_one_is_normal_and_of_nobody, setup, teardown),
		cmocka_unit_test(it_may_be_empty),
		cmocka_unit_test_setup_teardown(the_view_is_what_a_plugin_needs, setup, teardown),
		cmocka_unit_test(every_cause_has_a_word_and_an_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
