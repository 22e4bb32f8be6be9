/* SPDX-License-Identifier: Apache-2.0 */
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/doctor-bundle.h"
#include "ctl/doctor.h"
#include "ctl/links.h"
#include "ctl/output.h"
#include "ctl/run.h"
#include "ctl/text.h"

/* In the order in which they stand on each other. */
static const struct ctl_check box_checks[] = {
	{ "disk", ctl_check_disk },
	{ "clock", ctl_check_clock },
	{ NULL, NULL },
};

static const struct ctl_check link_checks[] = {
	{ "configuration", ctl_check_configuration },
	{ "interface", ctl_check_interface },
	{ "name", ctl_check_name },
	{ "route", ctl_check_route },
	{ "port", ctl_check_port },
	{ "mtu", ctl_check_mtu },
	{ "certificate", ctl_check_certificate },
	{ "handshake", ctl_check_handshake },
	{ "cloud", ctl_check_cloud },
	{ "budget", ctl_check_budget },
	{ "nat", ctl_check_nat },
	{ "messages", ctl_check_messages },
	{ NULL, NULL },
};

/* ---- what checks say ---- */

__attribute__((format(printf, 4, 0))) static void say(struct ctl_patient *patient,
						      enum ctl_health health,
						      enum ctl_finding finding, const char *format,
						      va_list arguments)
{
	struct ctl_checked *checked = &patient->checked[patient->n_checked];
	size_t len;

	checked->health = health;
	checked->finding = finding;
	(void)vsnprintf(checked->sentence, sizeof(checked->sentence), format, arguments);
	/* Sentences of others may end with a mark of their own. */
	len = strlen(checked->sentence);
	if (len > 2 && checked->sentence[len - 1] == '.' &&
	    strchr(".?!", checked->sentence[len - 2]))
		checked->sentence[len - 1] = '\0';
}

/** ctl_well() - the present check has found nothing. @format: a sentence, what it has seen */
void ctl_well(struct ctl_patient *patient, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(patient, CTL_HEALTHY, CTL_FINDING_NONE, format, arguments);
	va_end(arguments);
}

/** ctl_unknown() - the present check has nothing to say. @format: a sentence, why not */
void ctl_unknown(struct ctl_patient *patient, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(patient, CTL_UNKNOWN, CTL_FINDING_NONE, format, arguments);
	va_end(arguments);
}

/** ctl_ill() - the present check has found something. @format: a sentence with the particulars */
void ctl_ill(struct ctl_patient *patient, enum ctl_finding finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(patient, CTL_ILL, finding, format, arguments);
	va_end(arguments);
}

/* ---- what checks ask ---- */

/** ctl_fact() - of the link's LastAttempt. @key: which. Return: lent; "" if it is not known. */
const char *ctl_fact(const struct ctl_patient *patient, const char *key)
{
	return ctl_text_at(patient->attempt, key);
}

/** ctl_fact_is() - likewise. Return: whether it is @value. */
bool ctl_fact_is(const struct ctl_patient *patient, const char *key, const char *value)
{
	return strcmp(ctl_fact(patient, key), value) == 0;
}

/** ctl_is_online() - Return: whether the link is online */
bool ctl_is_online(const struct ctl_patient *patient)
{
	const char *state = json_string_value(json_object_get(patient->link, "State"));

	return state && strcmp(state, "online") == 0;
}

static const struct ctl_checked *first_ill(const struct ctl_patient *patient)
{
	for (size_t i = 0; i < patient->n_checked; i++)
		if (patient->checked[i].health == CTL_ILL)
			return &patient->checked[i];

	return NULL;
}

/** ctl_found() - Return: whether a check before the present one has found something */
bool ctl_found(const struct ctl_patient *patient)
{
	return first_ill(patient) != NULL;
}

/* ---- on a terminal ---- */

static void print_checked(const struct ctl *ctl, const struct ctl_checked *checked)
{
	static const char *const marks[] = { "\xe2\x9c\x93", "\xe2\x9c\x97", "?" };
	static const char *const words[] = { "ok", "NO", "? " };
	static const enum ctl_colour colours[] = { CTL_GOOD, CTL_BAD, CTL_FAINT };
	bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

	(void)printf("  %s%s%s %-14s", ctl_colour(ctl, colours[checked->health]),
		     utf8 ? marks[checked->health] : words[checked->health],
		     ctl_colour(ctl, CTL_PLAIN), checked->name);
	ctl_print_line(checked->sentence);
	(void)fflush(stdout);
}

static void print_verdict(const struct ctl_patient *patient)
{
	const struct ctl *ctl = patient->ctl;
	const struct ctl_checked *ill = first_ill(patient);

	if (!ill) {
		(void)printf("  %sNothing that is wrong was found.%s\n\n",
			     ctl_colour(ctl, CTL_GOOD), ctl_colour(ctl, CTL_PLAIN));
		return;
	}
	(void)printf("\n  %s%s:%s ", ctl_colour(ctl, CTL_BAD), ctl_findings[ill->finding].name,
		     ctl_colour(ctl, CTL_PLAIN));
	ctl_print_line(ill->sentence);
	(void)printf("  %s\n\n", ctl_findings[ill->finding].mend);
}

/* ---- the round ---- */

static void look_at(struct ctl_patient *patient, const struct ctl_check *checks)
{
	for (const struct ctl_check *check = checks; check->name; check++) {
		struct ctl_checked *checked = &patient->checked[patient->n_checked];

		checked->name = check->name;
		check->run(patient);
		patient->n_checked++;
		if (!patient->ctl->json)
			print_checked(patient->ctl, checked);
	}
	if (!patient->ctl->json)
		print_verdict(patient);
}

static json_t *json_of_checked(const struct ctl_checked *checked)
{
	static const char *const words[] = { "well", "ill", "unknown" };

	return json_pack("{s:s, s:s, s:s, s:s}", "check", checked->name, "health",
			 words[checked->health], "finding",
			 checked->health == CTL_ILL ? ctl_findings[checked->finding].name : "",
			 "sentence", checked->sentence);
}

static json_t *json_of(const struct ctl_patient *patient, const char *name)
{
	const struct ctl_checked *ill = first_ill(patient);
	enum ctl_finding finding = ill ? ill->finding : CTL_FINDING_NONE;
	json_t *checks = json_array();

	for (size_t i = 0; i < patient->n_checked; i++)
		(void)json_array_append_new(checks, json_of_checked(&patient->checked[i]));

	return json_pack("{s:s?, s:s, s:s, s:s, s:o}", "name", name, "finding",
			 ctl_findings[finding].name, "sentence", ill ? ill->sentence : "", "mend",
			 ctl_findings[finding].mend, "checks", checks);
}

static json_t *look_at_link(struct ctl *ctl, const json_t *daemon, const json_t *link)
{
	const char *name = json_string_value(json_object_get(link, "Name"));
	struct ctl_patient patient = {
		.ctl = ctl,
		.daemon = daemon,
		.link = link,
		.attempt = json_object_get(link, "LastAttempt"),
	};
	json_t *found;

	if (!ctl->json)
		(void)printf("The link %s:\n", name);
	look_at(&patient, link_checks);
	found = json_of(&patient, name);
	if (patient.addresses)
		freeaddrinfo(patient.addresses);

	return found;
}

static json_t *look_at_box(struct ctl *ctl, json_t **ret_daemon)
{
	struct ctl_patient patient = { .ctl = ctl };
	char why[CTL_SENTENCE_MAX];
	enum ctl_finding finding = ctl_doctor_bus(ctl, ret_daemon, why, sizeof(why));

	if (!ctl->json)
		(void)printf("This box:\n");
	patient.daemon = *ret_daemon;
	patient.checked[0].name = "bus";
	if (finding == CTL_FINDING_NONE)
		ctl_well(&patient, "skybusd %s answers on the bus.",
			 json_string_value(json_object_get(*ret_daemon, "Version")));
	else
		ctl_ill(&patient, finding, "It does not answer: %s.", why);
	patient.n_checked = 1;
	if (!ctl->json)
		print_checked(ctl, &patient.checked[0]);
	look_at(&patient, *ret_daemon ? box_checks : box_checks + 1);

	return json_of(&patient, NULL);
}

static bool is_ill(const json_t *found)
{
	return strcmp(json_string_value(json_object_get(found, "finding")),
		      ctl_findings[CTL_FINDING_NONE].name) != 0;
}

/* The daemon's first, then that of the first link that has one. */
static const json_t *verdict_of(const json_t *box, const json_t *links)
{
	const json_t *link;
	size_t i;

	if (is_ill(box))
		return box;
	json_array_foreach(links, i, link)
		if (is_ill(link))
			return link;

	return box;
}

static enum ctl_exit look_at_links(struct ctl *ctl, const json_t *daemon, json_t *found)
{
	CTL_CLEANUP(json_decref) json_t *links = NULL, *one = NULL;
	const char *name = ctl_word(ctl, 0);
	enum ctl_exit status;
	const json_t *link;
	size_t i;

	if (name) {
		status = ctl_link_get(ctl, name, &one);
		links = json_array();
		if (status == CTL_EXIT_OK)
			(void)json_array_append(links, one);
	} else {
		status = ctl_links(ctl, &links);
	}
	if (status != CTL_EXIT_OK)
		return status;
	json_array_foreach(links, i, link)
		(void)json_array_append_new(found, look_at_link(ctl, daemon, link));

	return CTL_EXIT_OK;
}

/**
 * ctl_doctor() - look at everything
 * @ctl: the command line
 * @ret: what was found: the verdict, and all checks; a new reference
 *
 * Return: CTL_EXIT_OK if nothing was found, CTL_EXIT_FINDING, or what else to end with when that was said.
 */
enum ctl_exit ctl_doctor(struct ctl *ctl, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *daemon = NULL, *links = json_array();
	CTL_CLEANUP(json_decref) json_t *box = look_at_box(ctl, &daemon);
	enum ctl_exit status = CTL_EXIT_OK;
	const json_t *verdict;

	if (!box || !links)
		return ctl_no_memory();
	if (daemon)
		status = look_at_links(ctl, daemon, links);
	if (status != CTL_EXIT_OK)
		return status;
	verdict = verdict_of(box, links);
	*ret = json_pack("{s:O, s:O, s:O, s:O, s:O}", "finding",
			 json_object_get(verdict, "finding"), "sentence",
			 json_object_get(verdict, "sentence"), "mend",
			 json_object_get(verdict, "mend"), "box", box, "links", links);
	if (!*ret)
		return ctl_no_memory();

	return is_ill(verdict) ? CTL_EXIT_FINDING : CTL_EXIT_OK;
}

/* ---- the command ---- */

static enum ctl_exit print_findings(struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{ "finding", "FINDING", CTL_TEXT, false },
		{ "meaning", "WHAT IT IS", CTL_TEXT, true },
		{ "mend", "WHAT TO DO", CTL_TEXT, true },
	};
	CTL_CLEANUP(json_decref) json_t *rows = json_array();

	for (size_t i = 0; i < CTL_FINDINGS_N; i++)
		(void)json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "finding",
							    ctl_findings[i].name, "meaning",
							    ctl_findings[i].meaning, "mend",
							    ctl_findings[i].mend));
	ctl_output_pager(ctl);

	return ctl_print_table(ctl, columns, CTL_ELEMENTS(columns), rows);
}

/** ctl_run_doctor() - "doctor [LINK]" */
enum ctl_exit ctl_run_doctor(struct ctl *ctl)
{
	CTL_CLEANUP(json_decref) json_t *found = NULL;
	enum ctl_exit status, printed;

	if (ctl_option(ctl, "findings"))
		return print_findings(ctl);
	if (ctl_option(ctl, "bundle"))
		return ctl_doctor_bundle(ctl, ctl_option(ctl, "bundle"));
	status = ctl_doctor(ctl, &found);
	if (!found || !ctl->json)
		return status;
	printed = ctl_print_json(found, true);

	return printed != CTL_EXIT_OK ? printed : status;
}
