/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon has found when the link last tried: the doctor does not try itself, for clouds count logins.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/doctor.h"
#include "ctl/probe.h"
#include "ctl/text.h"

/* What the daemon lists at once. */
#define PAGE_MAX 256

static const char *property(const struct ctl_patient *patient, const char *name)
{
	return ctl_text_at(patient->link, name);
}

static bool is_state(const struct ctl_patient *patient, const char *state)
{
	return strcmp(property(patient, "State"), state) == 0;
}

/* ---- the configuration ---- */

static bool is_left_out(const struct ctl_patient *patient)
{
	const char *plugin = property(patient, "Plugin");
	const json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(patient->daemon, "FailedPlugins"), i, pair)
		if (strcmp(json_string_value(json_array_get(pair, 0)), plugin) == 0)
			return true;

	return false;
}

/** ctl_check_configuration() - whether the link may and can start at all */
void ctl_check_configuration(struct ctl_patient *patient)
{
	bool wrong = json_object_size(patient->attempt) == 0 ||
		     ctl_fact_is(patient, "cause", "configuration");

	if (is_state(patient, "disabled"))
		ctl_ill(patient, CTL_FINDING_DISABLED, "The link is disabled: %s.",
			property(patient, "StateReason"));
	else if (is_state(patient, "failed") && is_left_out(patient))
		ctl_ill(patient, CTL_FINDING_PLUGIN, "%s.", property(patient, "StateReason"));
	else if (is_state(patient, "failed") && wrong)
		ctl_ill(patient, CTL_FINDING_CONFIGURATION, "%s.",
			property(patient, "StateReason"));
	else
		ctl_well(patient, "The configuration of the link is taken.");
}

/* ---- DTLS ---- */

/*
 * The identity goes to the server behind its ServerHelloDone. A server that does not know it, or that cannot read
 * what was encrypted with another key, may say so by an alert, or drop it without a word (RFC 6347 section 4.1.2.7).
 */
static bool fell_silent(const struct ctl_patient *patient)
{
	return ctl_fact_is(patient, "cause", "silence") &&
	       ctl_fact_is(patient, "stage", "connecting") &&
	       ctl_fact_is(patient, "answered", "yes");
}

static void tell_refusal(struct ctl_patient *patient)
{
	const char *alert = ctl_fact(patient, "alert");

	ctl_ill(patient, CTL_FINDING_KEY_REFUSED, "%s:%s refused the DTLS handshake%s%s%s.",
		ctl_fact(patient, "host"), ctl_fact(patient, "port"),
		*alert ? " with the alert \"" : "", alert, *alert ? "\"" : "");
}

/** ctl_check_handshake() - whether the cloud and the link agree on a key */
void ctl_check_handshake(struct ctl_patient *patient)
{
	if (ctl_fact_is(patient, "security", "plain"))
		ctl_unknown(patient, "The link does not use DTLS.");
	else if (ctl_fact_is(patient, "cause", "handshake"))
		tell_refusal(patient);
	else if (fell_silent(patient))
		ctl_ill(patient, CTL_FINDING_KEY_SILENCE,
			"%s:%s took part in the DTLS handshake (last: %s) and then fell silent, which "
			"is how some servers meet a wrong identity or key.",
			ctl_fact(patient, "host"), ctl_fact(patient, "port"),
			ctl_fact(patient, "handshake"));
	else if (ctl_is_online(patient) || ctl_fact_is(patient, "stage", "authenticating"))
		ctl_well(patient, "The DTLS handshake succeeds.");
	else
		ctl_unknown(patient, "The link has not come so far.");
}

/* ---- certificates ---- */

static void date(time_t when, char ret[32])
{
	struct tm parts;

	if (!gmtime_r(&when, &parts) || strftime(ret, 32, "%F %H:%M UTC", &parts) == 0)
		(void)snprintf(ret, 32, "?");
}

static void tell_dates(struct ctl_patient *patient, const struct ctl_shown *shown, time_t now)
{
	char from[32], until[32], at[32];

	date(shown->from, from);
	date(shown->until, until);
	date(now, at);
	ctl_ill(patient, CTL_FINDING_CERTIFICATE_DATE,
		"The certificate of %s is valid from %s until %s, and by this box's clock it is %s.",
		ctl_fact(patient, "host"), from, until, at);
}

/** ctl_check_certificate() - whether the cloud's certificate is good, and what its dates are */
void ctl_check_certificate(struct ctl_patient *patient)
{
	struct ctl_target target = ctl_target_of(patient);
	struct ctl_shown shown = { .any = false };
	time_t now = time(NULL);

	if (!ctl_fact_is(patient, "security", "certificate")) {
		ctl_unknown(patient, "The cloud shows none.");
		return;
	}
	if (patient->host_answers)
		(void)ctl_hello_certificate(&target, &shown);
	if (shown.any && (now < shown.from || now > shown.until))
		tell_dates(patient, &shown, now);
	else if (ctl_fact_is(patient, "cause", "certificate"))
		ctl_ill(patient, CTL_FINDING_CERTIFICATE, "%s.", ctl_fact(patient, "reason"));
	else if (ctl_is_online(patient))
		ctl_well(patient, "The certificate of the cloud is trusted.");
	else
		ctl_unknown(patient, "The link has not come so far.");
}

/* ---- the cloud ---- */

static void tell_cause(struct ctl_patient *patient, const char *cause)
{
	static const struct {
		const char *cause;
		enum ctl_finding finding;
	} rows[] = {
		{ "refusal", CTL_FINDING_CLOUD_REFUSES },
		{ "reset", CTL_FINDING_SESSION_ENDED },
		{ "https", CTL_FINDING_HTTPS },
		{ "descriptors", CTL_FINDING_DESCRIPTORS },
	};
	const char *code = ctl_fact(patient, "code");

	for (size_t i = 0; i < CTL_ELEMENTS(rows); i++) {
		if (strcmp(cause, rows[i].cause) != 0)
			continue;
		/* Most plugins say it themselves. */
		if (strstr(ctl_fact(patient, "reason"), code))
			code = "";
		ctl_ill(patient, rows[i].finding, "%s%s%s%s.", ctl_fact(patient, "reason"),
			*code ? " (" : "", code, *code ? ")" : "");
		return;
	}
	ctl_ill(patient, CTL_FINDING_OTHER, "%s.", ctl_fact(patient, "reason"));
}

/* The daemon has met what the doctor does not meet any more, having looked itself. */
static bool is_over(const struct ctl_patient *patient, const char *cause)
{
	static const char *const causes[] = { "name", "route", "interface", "port", "network" };

	for (size_t i = 0; i < CTL_ELEMENTS(causes); i++)
		if (strcmp(cause, causes[i]) == 0)
			return true;

	return strcmp(cause, "silence") == 0 && !ctl_fact_is(patient, "stage", "authenticating");
}

/** ctl_check_cloud() - what the cloud made of the login */
void ctl_check_cloud(struct ctl_patient *patient)
{
	const char *cause = ctl_fact(patient, "cause");

	if (ctl_is_online(patient))
		ctl_well(patient, "The link is online.");
	else if (ctl_found(patient))
		ctl_unknown(patient, "What is wrong is nearer than the cloud.");
	else if (*ctl_fact(patient, "ended") == '\0')
		ctl_unknown(patient, "The link is %s, and has not failed before.",
			    property(patient, "State"));
	else if (is_over(patient, cause))
		ctl_ill(patient, CTL_FINDING_WAITS,
			"When the link last tried: %s. Now no such thing is to be seen.",
			ctl_fact(patient, "reason"));
	else if (strcmp(cause, "silence") == 0)
		ctl_ill(patient, CTL_FINDING_CLOUD_SILENT,
			"%s:%s is there, and did not answer the login: %s.",
			ctl_fact(patient, "host"), ctl_fact(patient, "port"),
			ctl_fact(patient, "reason"));
	else
		tell_cause(patient, cause);
}

/** ctl_check_budget() - whether the link may still send what is not urgent */
void ctl_check_budget(struct ctl_patient *patient)
{
	json_int_t budget = json_integer_value(json_object_get(patient->link, "Budget"));
	json_int_t used = json_integer_value(json_object_get(patient->link, "BudgetUsed"));

	if (budget <= 0)
		ctl_well(patient, "The link has no budget.");
	else if (used < budget)
		ctl_well(patient, "%d %% of its budget are used.",
			 (int)(100 * (double)used / (double)budget));
	else
		ctl_ill(patient, CTL_FINDING_BUDGET_SPENT, "%s.", property(patient, "StateReason"));
}

/* Those of the first page, which are the oldest: then it is said that there are more. */
static json_t *dead_letters(const struct ctl_patient *patient, char *ret_why, size_t size)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	CTL_CLEANUP(json_decref) json_t *body = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct ctl *ctl = patient->ctl;
	int r = ctl_try(ctl, CTL_MANAGER, "ListDeadLetters", &error, &reply, "st",
			property(patient, "Name"), UINT64_C(0));

	(void)snprintf(ret_why, size, "%s", error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);
	if (r < 0 || ctl_body(reply, &body) < 0)
		return NULL;

	return json_incref(json_array_get(body, 0));
}

/** ctl_check_messages() - what the cloud made of messages */
void ctl_check_messages(struct ctl_patient *patient)
{
	char why[CTL_SENTENCE_MAX];
	CTL_CLEANUP(json_decref) json_t *letters = dead_letters(patient, why, sizeof(why));
	size_t n = json_array_size(letters);
	const json_t *last = json_array_get(letters, n - 1);
	const char *reason = json_string_value(json_array_get(last, 6));

	if (!letters)
		ctl_unknown(patient, "Which were refused is not known: %s.", why);
	else if (n == 0)
		ctl_well(patient, "None that was refused is left.");
	else
		ctl_ill(patient, CTL_FINDING_MESSAGES_REFUSED,
			"%zu%s refused for good, as for %s: %s.", n,
			n == 1		? " message was"
			: n == PAGE_MAX ? " messages or more were"
					: " messages were",
			json_string_value(json_array_get(last, 2)), reason ? reason : "");
}
