/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the way to a cloud may be silent before a router forgets who talks to whom.
 *
 * In passing the daemon has seen what its sessions have outlived, and what they have not. To measure it, a DTLS
 * server's cookie is asked for, which is for the address and the port that the server sees (RFC 6347 section
 * 4.2.1), and is answered after a silence: if the server then sends another cookie, it sees another address or
 * port. Several such silences run side by side, each from a port of its own, so it takes no longer than the longest.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/doctor.h"
#include "ctl/number.h"
#include "ctl/probe.h"

/* So often the daemon must have seen it: a network that was away for a while looks the same, once. */
#define FAILURES_MIN 2

#define NAT_USEC (180 * CTL_USEC_PER_SEC)

/* Routers forget after 30 s, 60 s, 120 s or 180 s, as a rule; modems' networks after 30 s and more. Seconds. */
static const unsigned int silences[] = { 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600 };

#define SILENCES (sizeof(silences) / sizeof(silences[0]))

/** struct bounds - between which the truth is, seconds; 0: not known */
struct bounds {
	unsigned int survived;
	unsigned int failed;
};

/* ---- seen in passing ---- */

static unsigned int seconds(const struct ctl_patient *patient, const char *key)
{
	return (unsigned int)(strtoull(ctl_fact(patient, key), NULL, 10) / CTL_USEC_PER_SEC);
}

static void tell_bounds(struct ctl_patient *patient, const struct bounds *bounds)
{
	if (bounds->failed > 0)
		ctl_ill(patient, CTL_FINDING_NAT,
			"A silence of %u s is too long for the way to %s; it has outlived one of %u s.",
			bounds->failed, ctl_fact(patient, "host"), bounds->survived);
	else if (bounds->survived > 0)
		ctl_well(patient, "The way to it has outlived a silence of %u s.",
			 bounds->survived);
	else
		ctl_unknown(
			patient,
			"No silence was long enough to tell; \"skybusctl doctor --nat LINK\" measures.");
}

static void tell_passing(struct ctl_patient *patient)
{
	struct bounds bounds = {
		.survived = seconds(patient, "idle-survived"),
		.failed = seconds(patient, "idle-failed"),
	};

	/* Another address than before, say: then it was no router that forgot. */
	if (bounds.failed <= bounds.survived ||
	    strtoul(ctl_fact(patient, "idle-failures"), NULL, 10) < FAILURES_MIN)
		bounds.failed = 0;
	tell_bounds(patient, &bounds);
}

/* ---- measured ---- */

static size_t how_many(uint64_t most_usec)
{
	size_t n = 0;

	while (n < SILENCES && silences[n] * CTL_USEC_PER_SEC <= most_usec)
		n++;

	return n;
}

static void wait_until(uint64_t when)
{
	uint64_t now = ctl_clock();

	while (now < when) {
		(void)usleep((useconds_t)(when - now < CTL_USEC_PER_SEC ? when - now
									: CTL_USEC_PER_SEC));
		now = ctl_clock();
	}
}

static void tell_progress(const struct ctl_patient *patient, unsigned int silence, bool known)
{
	if (isatty(STDERR_FILENO) && !patient->ctl->json)
		(void)fprintf(stderr, "    %u s: %s\n", silence,
			      known ? "it knows us still" : "it takes us for another");
}

/* Return: false if it cannot be measured with this server. */
static bool measure(const struct ctl_patient *patient, const struct ctl_target *target, size_t n,
		    struct bounds *ret)
{
	struct ctl_hello *hellos[SILENCES] = { NULL };
	uint64_t began[SILENCES];
	bool good = true;

	for (size_t i = 0; i < n && good; i++) {
		good = ctl_hello_new(target, 0, &hellos[i]) == 0 &&
		       ctl_hello_greet(hellos[i], 2) == CTL_ANSWERED;
		began[i] = ctl_clock();
	}
	for (size_t i = 0; i < n && good && ret->failed == 0; i++) {
		bool known = false;

		wait_until(began[i] + silences[i] * CTL_USEC_PER_SEC);
		good = ctl_hello_go_on(hellos[i], &known) == CTL_ANSWERED;
		if (!good)
			break;
		tell_progress(patient, silences[i], known);
		if (known)
			ret->survived = silences[i];
		else
			ret->failed = silences[i];
	}
	for (size_t i = 0; i < n; i++)
		(void)ctl_hello_free(hellos[i]);

	return good;
}

static void tell_measured(struct ctl_patient *patient, uint64_t most_usec)
{
	const struct ctl_target target = ctl_target_of(patient);
	struct bounds bounds = { .survived = 0 };

	if (!patient->host_answers)
		ctl_unknown(patient, "The host does not answer, so it cannot be measured.");
	else if (ctl_fact_is(patient, "security", "plain"))
		ctl_unknown(patient, "Only a server of DTLS tells whether it knows who asks.");
	else if (!measure(patient, &target, how_many(most_usec), &bounds))
		ctl_unknown(patient, "The server does not tell whether it knows who asks.");
	else
		tell_bounds(patient, &bounds);
}

/** ctl_check_nat() - how long the way may be silent */
void ctl_check_nat(struct ctl_patient *patient)
{
	uint64_t most = NAT_USEC;

	if (!ctl_option(patient->ctl, "nat"))
		tell_passing(patient);
	else if (ctl_span_option(patient->ctl, "nat", &most) == CTL_EXIT_OK)
		tell_measured(patient, most);
	else
		ctl_unknown(patient, "For how long?");
}
