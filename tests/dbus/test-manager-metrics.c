/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/metrics.h"
#include "tests/dbus/fixture.h"

#define TEXT_MAX 65536

/* All samples, a line each: "skybus_link_wire_bytes_total{link=plant,direction=sent} 7". */
static char text[TEXT_MAX];
static size_t text_len;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_len += (size_t)vsnprintf(text + text_len, sizeof(text) - text_len, format, arguments);
	va_end(arguments);
	assert_true(text_len < sizeof(text));
}

static void read_labels(sd_bus_message *reply)
{
	const char *name;
	const char *value;
	unsigned int n = 0;

	assert_true(sd_bus_message_enter_container(reply, 'a', "{ss}") > 0);
	for (; sd_bus_message_read(reply, "{ss}", &name, &value) > 0; n++)
		say("%c%s=%s", n == 0 ? '{' : ',', name, value);
	assert_true(sd_bus_message_exit_container(reply) > 0);
	if (n > 0)
		say("}");
}

static void read_samples(sd_bus_message *reply, const char *family)
{
	const char *suffix;
	double value;

	assert_true(sd_bus_message_enter_container(reply, 'a', "(sa{ss}d)") > 0);
	while (sd_bus_message_enter_container(reply, 'r', "sa{ss}d") > 0) {
		assert_true(sd_bus_message_read(reply, "s", &suffix) > 0);
		say("%s%s", family, suffix);
		read_labels(reply);
		assert_true(sd_bus_message_read(reply, "d", &value) > 0);
		say(" %g\n", value);
		assert_true(sd_bus_message_exit_container(reply) > 0);
	}
	assert_true(sd_bus_message_exit_container(reply) > 0);
}

/* Each family is there, as the table has it. */
static void list_metrics(struct fixture *f)
{
	sd_bus_message *reply = fixture_call(f, f->app, SB_BUS_ROOT, "ListMetrics", "");
	size_t n = 0;

	text_len = 0;
	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	assert_true(sd_bus_message_enter_container(reply, 'a', "(sssa(sa{ss}d))") > 0);
	for (; sd_bus_message_enter_container(reply, 'r', "sssa(sa{ss}d)") > 0; n++) {
		const char *words[3];

		assert_true(sd_bus_message_read(reply, "sss", &words[0], &words[1], &words[2]) > 0);
		assert_string_equal(words[0], sb_metrics_at(n)->name);
		assert_string_equal(words[1], sb_metrics_at(n)->type);
		assert_string_equal(words[2], sb_metrics_at(n)->help);
		read_samples(reply, words[0]);
		assert_true(sd_bus_message_exit_container(reply) > 0);
	}
	assert_int_equal(n, sb_metrics_count());
}

static void expect(const char *line)
{
	const char *found = strstr(text, line);

	if (!found || (found > text && found[-1] != '\n') || found[strlen(line)] != '\n')
		fail_msg("there is no line \"%s\" in:\n%s", line, text);
}

static void expect_none(const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}

static void links_have_their_numbers(void **state)
{
	struct fixture *f = *state;
	struct sb_link_status *status = &f->plant->status;

	status->state = SB_LINK_ONLINE;
	status->queue = (struct sb_queue_stats){ .queued = 1, .queued_bytes = 2, .in_flight = 3 };
	status->queue.causes[SB_CAUSE_DELIVERED] = 4;
	status->queue.causes[SB_CAUSE_TTL] = 5;
	status->window = 6;
	status->wire_sent = 7;
	status->wire_received = 8;
	status->wire_repeated = 9;
	status->traffic = (struct sb_traffic){ .sent = 10, .received = 11 };
	status->counts.logins[SB_LOGIN_SUCCEEDED] = 12;
	status->counts.logins[SB_LOGIN_REFUSED] = 13;
	status->counts.logins[SB_LOGIN_FAILED] = 14;
	status->session_expires_ms = 1700000000500;
	status->budget = 15;
	status->budget_used = 16;
	(void)fake_link_add(f->gateway, "other");
	list_metrics(f);
	expect("skybus_link_state{link=plant,skybus_link_state=online} 1");
	expect("skybus_link_state{link=plant,skybus_link_state=starting} 0");
	expect("skybus_link_state{link=other,skybus_link_state=online} 0");
	expect("skybus_link_state{link=other,skybus_link_state=starting} 1");
	expect("skybus_link_queued_messages{link=plant} 1");
	expect("skybus_link_queued_messages{link=other} 0");
	expect("skybus_link_queued_bytes{link=plant} 2");
	expect("skybus_link_in_flight_messages{link=plant} 3");
	expect("skybus_link_ended_messages_total{link=plant,outcome=delivered,cause=delivered} 4");
	expect("skybus_link_ended_messages_total{link=plant,outcome=expired,cause=ttl} 5");
	expect("skybus_link_ended_messages_total{link=plant,outcome=cancelled,cause=replaced} 0");
	expect("skybus_link_window_requests{link=plant} 6");
	expect("skybus_link_wire_bytes_total{link=plant,direction=sent} 7");
	expect("skybus_link_wire_bytes_total{link=plant,direction=received} 8");
	expect("skybus_link_retransmissions_total{link=plant} 9");
	expect("skybus_link_coap_bytes_total{link=plant,direction=sent} 10");
	expect("skybus_link_coap_bytes_total{link=plant,direction=received} 11");
	expect("skybus_link_logins_total{link=plant,result=succeeded} 12");
	expect("skybus_link_logins_total{link=plant,result=refused} 13");
	expect("skybus_link_logins_total{link=plant,result=failed} 14");
	expect("skybus_link_session_expiry_timestamp_seconds{link=plant} 1.7e+09");
	expect_none("skybus_link_session_expiry_timestamp_seconds{link=other}");
	expect("skybus_link_budget_bytes{link=plant} 15");
	expect("skybus_link_budget_used_bytes{link=plant} 16");
	expect_none("budget_bytes{link=other}");
}

static void round_trips_add_up(void **state)
{
	struct fixture *f = *state;
	struct sb_histogram *trips = &f->plant->status.counts.round_trips;

	sb_histogram_add(trips, 7000);
	sb_histogram_add(trips, 8000);
	sb_histogram_add(trips, 3000000);
	sb_histogram_add(trips, 90000000);
	list_metrics(f);
	expect("skybus_link_round_trip_seconds_bucket{link=plant,le=0.005} 0");
	expect("skybus_link_round_trip_seconds_bucket{link=plant,le=0.01} 2");
	expect("skybus_link_round_trip_seconds_bucket{link=plant,le=2.5} 2");
	expect("skybus_link_round_trip_seconds_bucket{link=plant,le=5.0} 3");
	expect("skybus_link_round_trip_seconds_bucket{link=plant,le=60.0} 3");
	expect("skybus_link_round_trip_seconds_bucket{link=plant,le=+Inf} 4");
	expect("skybus_link_round_trip_seconds_count{link=plant} 4");
	expect("skybus_link_round_trip_seconds_sum{link=plant} 93.015");
}

/* Of inboxes only the sums: who has which is for its user, and for administrators. */
static void the_daemon_has_its_numbers(void **state)
{
	struct fixture *f = *state;

	f->gateway->inboxes.n = 2;
	(void)snprintf(f->gateway->inboxes.all[0].name, 8, "private");
	list_metrics(f);
	expect("skybus_inboxes 2");
	expect("skybus_inbox_messages 6");
	expect("skybus_inbox_bytes 40");
	expect_none("private");
	expect("skybus_subscriptions 0");
	expect("skybus_streams 0");
	expect("skybus_store_commits_total 17");
	expect("skybus_store_database_bytes 8192");
	expect("skybus_store_failing 0");
	expect("skybus_build_info{version=" SKYBUS_VERSION "} 1");
	assert_non_null(strstr(text, "skybus_process_cpu_seconds_total "));
	assert_non_null(strstr(text, "skybus_process_resident_memory_bytes "));
	assert_non_null(strstr(text, "skybus_process_open_fds "));
	assert_non_null(strstr(text, "skybus_process_start_time_seconds "));
	f->gateway->inboxes.n = 0;
}

static void a_disk_that_fails_shows(void **state)
{
	struct fixture *f = *state;

	f->gateway->outbox.report.error = -5;
	list_metrics(f);
	expect("skybus_store_failing 1");
}

static void without_links_there_are_no_samples_of_any(void **state)
{
	struct fixture *f = *state;

	fake_link_remove(f->plant);
	list_metrics(f);
	expect_none("link=");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(links_have_their_numbers),
		TEST(round_trips_add_up),
		TEST(the_daemon_has_its_numbers),
		TEST(a_disk_that_fails_shows),
		TEST(without_links_there_are_no_samples_of_any),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
