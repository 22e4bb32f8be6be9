/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is beyond the box: whether the host answers, and how large packets may be.
 */
#include <string.h>

#include "ctl/doctor.h"
#include "ctl/probe.h"

/* What IPv6 promises, and what the largest packets of links need: RFC 8200 section 5. */
#define PACKET_ENOUGH 1280

/* So many addresses of a name are asked. */
#define ADDRESSES_MAX 3

/* So exactly is the largest size told that gets through. */
#define PACKET_STEP 16

/* An answer to this is one to a padded message at all; a ClientHello without padding is not smaller. */
#define PACKET_SMALL_COAP 64
#define PACKET_SMALL_DTLS 450

/** ctl_target_of() - the host of the link. Return: for probes, as long as the patient has its addresses. */
struct ctl_target ctl_target_of(const struct ctl_patient *patient)
{
	const char *interface = ctl_fact(patient, "interface");
	const char *host = ctl_fact(patient, "host");
	bool numeric = strchr(host, ':') || strspn(host, "0123456789.") == strlen(host);

	return (struct ctl_target){
		.address = patient->reachable,
		.interface = *interface ? interface : NULL,
		.name = numeric ? NULL : host,
		.dtls = !ctl_fact_is(patient, "security", "plain"),
		.certificates = ctl_fact_is(patient, "security", "certificate"),
	};
}

/* ---- the port ---- */

static const char *what_was_sent(const struct ctl_target *target)
{
	return target->dtls ? "a DTLS hello" : "a CoAP ping";
}

/* A CoAP server need not answer pings; one that has answered the link just now is not behind a firewall. */
static bool has_answered(const struct ctl_patient *patient)
{
	return ctl_is_online(patient) || ctl_fact_is(patient, "cause", "refusal") ||
	       (ctl_fact_is(patient, "answered", "yes") &&
		!ctl_fact_is(patient, "cause", "silence"));
}

static void tell_silence(struct ctl_patient *patient, const struct ctl_target *target)
{
	const char *host = ctl_fact(patient, "host"), *port = ctl_fact(patient, "port");

	if (has_answered(patient))
		ctl_unknown(
			patient,
			"%s did not answer %s at UDP port %s, although it has answered the link; "
			"not all clouds do.",
			host, what_was_sent(target), port);
	else
		ctl_ill(patient, CTL_FINDING_PORT_BLOCKED,
			"Nothing comes back from %s: neither an answer to %s at UDP port %s nor an "
			"error of the network. A firewall drops it, or nobody has that address.",
			host, what_was_sent(target), port);
}

static void tell_answer(struct ctl_patient *patient, const struct ctl_target *target,
			enum ctl_answer answer)
{
	const char *host = ctl_fact(patient, "host"), *port = ctl_fact(patient, "port");

	switch (answer) {
	case CTL_ANSWERED:
		patient->host_answers = true;
		ctl_well(patient, "%s answers %s at UDP port %s.", host, what_was_sent(target),
			 port);
		break;
	case CTL_SILENCE:
		tell_silence(patient, target);
		break;
	case CTL_PORT_CLOSED:
		ctl_ill(patient, CTL_FINDING_PORT_CLOSED,
			"%s answers that nothing listens at UDP port %s.", host, port);
		break;
	case CTL_UNREACHABLE:
		ctl_ill(patient, CTL_FINDING_UNREACHABLE,
			"The network answers that %s, UDP port %s, cannot be reached or is forbidden.",
			host, port);
		break;
	case CTL_NO_WAY:
		ctl_ill(patient, CTL_FINDING_NO_ROUTE, "The box has no route to %s.", host);
		break;
	case CTL_TOO_BIG:
	case CTL_CANNOT:
		ctl_unknown(patient, "No datagram could be sent to %s.", host);
		break;
	}
}

/* One of several addresses may be down; the daemon takes the next with each attempt. */
static enum ctl_answer ask_in_turn(struct ctl_target *target)
{
	const struct addrinfo *next = target->address->ai_next;
	enum ctl_answer answer = ctl_probe(target);

	for (unsigned int i = 1; i < ADDRESSES_MAX && next && answer != CTL_ANSWERED; i++) {
		struct ctl_target other = *target;
		enum ctl_answer others;

		other.address = next;
		others = ctl_probe(&other);
		if (others == CTL_ANSWERED) {
			*target = other;
			return others;
		}
		next = next->ai_next;
	}

	return answer;
}

/** ctl_check_port() - whether somebody is there */
void ctl_check_port(struct ctl_patient *patient)
{
	struct ctl_target target = ctl_target_of(patient);
	enum ctl_answer answer;

	if (!patient->reachable || ctl_found(patient)) {
		ctl_unknown(patient, "There is no way to it.");
		return;
	}
	answer = ask_in_turn(&target);
	patient->reachable = target.address;
	tell_answer(patient, &target, answer);
}

/* ---- the size of packets ---- */

static bool fits(const struct ctl_target *target, size_t packet)
{
	return ctl_probe_size(target, packet) == CTL_ANSWERED;
}

static size_t largest(const struct ctl_target *target, size_t fits_at, size_t fails_at)
{
	while (fails_at - fits_at > PACKET_STEP) {
		size_t middle = fits_at + (fails_at - fits_at) / 2;

		if (fits(target, middle))
			fits_at = middle;
		else
			fails_at = middle;
	}

	return fits_at;
}

/* Twice, and with small ones in between: a server may answer this one and not that one, as it likes. */
static bool is_too_large(const struct ctl_target *target, size_t small)
{
	return fits(target, small) && !fits(target, PACKET_ENOUGH) && fits(target, small);
}

/** ctl_check_mtu() - whether packets that are as large as they may become get through */
void ctl_check_mtu(struct ctl_patient *patient)
{
	struct ctl_target target = ctl_target_of(patient);
	size_t small = target.dtls ? PACKET_SMALL_DTLS : PACKET_SMALL_COAP;
	size_t most;

	if (!patient->host_answers) {
		ctl_unknown(patient, "The host does not answer small ones.");
		return;
	}
	if (fits(&target, PACKET_ENOUGH)) {
		ctl_well(patient, "Packets of %d bytes get through.", PACKET_ENOUGH);
		return;
	}
	if (!is_too_large(&target, small)) {
		ctl_unknown(patient, "The host does not always answer what is padded.");
		return;
	}
	most = largest(&target, small, PACKET_ENOUGH);
	ctl_ill(patient, CTL_FINDING_MTU,
		"Packets of more than %zu bytes do not get through to %s, and %d are needed.", most,
		ctl_fact(patient, "host"), PACKET_ENOUGH);
}
