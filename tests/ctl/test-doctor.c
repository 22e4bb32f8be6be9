/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the doctor makes of what the daemon tells. What it looks at itself, and most of this as well, is in
 * tests/system/test-doctor.py; here is what takes long there, or cannot be had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/doctor.h"

static struct ctl ctl;
static struct ctl_patient patient;
static json_t *attempt;
static json_t *properties; /* of the link */
static json_t *manager;

static int setup(void **state)
{
	(void)state;
	attempt = json_object();
	properties = json_pack("{s:s, s:s, s:s}", "Name", "plant", "State", "backoff",
			       "StateReason", "since it is so");
	manager = json_pack("{s:{s:s, s:s}}", "Store", "directory", "/", "state", "works");
	patient = (struct ctl_patient){
		.ctl = &ctl, .daemon = manager, .link = properties, .attempt = attempt
	};

	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(attempt);
	json_decref(properties);
	json_decref(manager);

	return 0;
}

static void fact(const char *key, const char *value)
{
	assert_int_equal(json_object_set_new(attempt, key, json_string(value)), 0);
}

/* An attempt that ended so. */
static void ended(const char *stage, const char *cause)
{
	fact("began", "1");
	fact("ended", "2");
	fact("host", "cloud.example");
	fact("port", "5684");
	fact("security", "psk");
	fact("stage", stage);
	fact("cause", cause);
	fact("reason", "that is why");
}

static void expect(void (*check)(struct ctl_patient *patient), enum ctl_health health,
		   enum ctl_finding finding, const char *part)
{
	const struct ctl_checked *checked = &patient.checked[0];

	check(&patient);
	assert_int_equal(checked->health, health);
	assert_string_equal(ctl_findings[checked->finding].name, ctl_findings[finding].name);
	if (!strstr(checked->sentence, part))
		fail_msg("\"%s\" is not in \"%s\"", part, checked->sentence);
}

/* ---- DTLS ---- */

static void a_server_that_falls_silent(void **state)
{
	(void)state;
	ended("connecting", "silence");
	fact("answered", "yes");
	fact("handshake", "SERVER HELLO DONE");
	expect(ctl_check_handshake, CTL_ILL, CTL_FINDING_KEY_SILENCE, "SERVER HELLO DONE");
}

static void one_that_never_said_anything(void **state)
{
	(void)state;
	ended("connecting", "silence");
	fact("answered", "no");
	expect(ctl_check_handshake, CTL_UNKNOWN, CTL_FINDING_NONE, "");
}

static void one_that_refuses(void **state)
{
	(void)state;
	ended("connecting", "handshake");
	fact("alert", "Unknown PSK identity");
	expect(ctl_check_handshake, CTL_ILL, CTL_FINDING_KEY_REFUSED,
	       "with the alert \"Unknown PSK identity\"");
}

/* ---- the end of a login ---- */

static void each_cause_has_its_finding(void **state)
{
	static const struct {
		const char *stage;
		const char *cause;
		enum ctl_finding finding;
	} rows[] = {
		{ "authenticating", "refusal", CTL_FINDING_CLOUD_REFUSES },
		{ "authenticating", "silence", CTL_FINDING_CLOUD_SILENT },
		{ "online", "reset", CTL_FINDING_SESSION_ENDED },
		{ "starting", "https", CTL_FINDING_HTTPS },
		{ "resolving", "descriptors", CTL_FINDING_DESCRIPTORS },
		{ "authenticating", "other", CTL_FINDING_OTHER },
		{ "connecting", "silence", CTL_FINDING_WAITS },
		{ "online", "silence", CTL_FINDING_WAITS },
		{ "resolving", "name", CTL_FINDING_WAITS },
		{ "connecting", "port", CTL_FINDING_WAITS },
		{ "online", "network", CTL_FINDING_WAITS },
	};

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(rows); i++) {
		ended(rows[i].stage, rows[i].cause);
		expect(ctl_check_cloud, CTL_ILL, rows[i].finding, "that is why");
	}
}

static void the_code_is_said_once(void **state)
{
	(void)state;
	ended("authenticating", "refusal");
	fact("code", "4.01");
	expect(ctl_check_cloud, CTL_ILL, CTL_FINDING_CLOUD_REFUSES, "that is why (4.01).");
	fact("reason", "4.01 is why.");
	expect(ctl_check_cloud, CTL_ILL, CTL_FINDING_CLOUD_REFUSES, "4.01 is why.");
	assert_null(strstr(patient.checked[0].sentence, ".."));
	assert_null(strchr(patient.checked[0].sentence, '('));
}

static void what_is_nearer_comes_first(void **state)
{
	(void)state;
	ended("authenticating", "refusal");
	patient.n_checked = 1;
	patient.checked[0] = (struct ctl_checked){ .health = CTL_ILL };
	ctl_check_cloud(&patient);
	assert_int_equal(patient.checked[1].health, CTL_UNKNOWN);
}

static void a_link_that_is_on_its_way(void **state)
{
	(void)state;
	(void)json_object_set_new(properties, "State", json_string("connecting"));
	fact("began", "1");
	expect(ctl_check_cloud, CTL_UNKNOWN, CTL_FINDING_NONE, "connecting");
}

/* ---- an interface ---- */

static void an_interface_that_may_not_be_chosen(void **state)
{
	(void)state;
	ended("connecting", "rights");
	fact("interface", "lo");
	expect(ctl_check_interface, CTL_ILL, CTL_FINDING_INTERFACE_RIGHTS, "that is why");
}

/* ---- bytes ---- */

static void spend(json_int_t used, json_int_t budget)
{
	(void)json_object_set_new(properties, "Budget", json_integer(budget));
	(void)json_object_set_new(properties, "BudgetUsed", json_integer(used));
}

static void a_budget_that_is_spent(void **state)
{
	(void)state;
	expect(ctl_check_budget, CTL_HEALTHY, CTL_FINDING_NONE, "no budget");
	spend(799, 1000);
	expect(ctl_check_budget, CTL_HEALTHY, CTL_FINDING_NONE, "79 %");
	spend(1000, 1000);
	expect(ctl_check_budget, CTL_ILL, CTL_FINDING_BUDGET_SPENT, "since it is so.");
}

/* ---- silences ---- */

static void idle(const char *survived, const char *failed, const char *failures)
{
	fact("host", "cloud.example");
	fact("idle-survived", survived);
	fact("idle-failed", failed);
	fact("idle-failures", failures);
}

static void silences_that_were_too_long(void **state)
{
	(void)state;
	idle("60000000", "120000000", "2");
	expect(ctl_check_nat, CTL_ILL, CTL_FINDING_NAT, "A silence of 120 s is too long");
}

static void once_may_be_anything(void **state)
{
	(void)state;
	idle("60000000", "120000000", "1");
	expect(ctl_check_nat, CTL_HEALTHY, CTL_FINDING_NONE, "outlived a silence of 60 s");
}

static void a_longer_one_was_outlived(void **state)
{
	(void)state;
	idle("300000000", "120000000", "3");
	expect(ctl_check_nat, CTL_HEALTHY, CTL_FINDING_NONE, "outlived a silence of 300 s");
}

/* ---- the disk ---- */

static void store(const char *key, const char *value)
{
	(void)json_object_set_new(json_object_get(manager, "Store"), key, json_string(value));
}

static void a_disk_that_is_busy_for_long(void **state)
{
	(void)state;
	expect(ctl_check_disk, CTL_HEALTHY, CTL_FINDING_NONE, "at most 0.000 s");
	store("longest-commit", "900000");
	expect(ctl_check_disk, CTL_HEALTHY, CTL_FINDING_NONE, "at most 0.900 s");
	store("busy", "4200000");
	expect(ctl_check_disk, CTL_ILL, CTL_FINDING_DISK_SLOW, "for 4.2 s");
}

/* ---- all ---- */

static void each_finding_says_what_to_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < CTL_FINDINGS_N; i++) {
		assert_string_not_equal(ctl_findings[i].name, "");
		assert_string_not_equal(ctl_findings[i].meaning, "");
		assert_int_equal(strlen(ctl_findings[i].mend) > 10, i != CTL_FINDING_NONE);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ctl_findings[i].name, ctl_findings[j].name);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_falls_silent),
		TEST(one_that_never_said_anything),
		TEST(one_that_refuses),
		TEST(each_cause_has_its_finding),
		TEST(the_code_is_said_once),
		TEST(what_is_nearer_comes_first),
		TEST(a_link_that_is_on_its_way),
		TEST(an_interface_that_may_not_be_chosen),
		TEST(a_budget_that_is_spent),
		TEST(silences_that_were_too_long),
		TEST(once_may_be_anything),
		TEST(a_longer_one_was_outlived),
		TEST(a_disk_that_is_busy_for_long),
		TEST(each_finding_says_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
