/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "skybusctl doctor": a row of checks, each of which looks at one thing. What it has found is a row of
 * doctor-finding.h and a sentence with the particulars. The first finding in the order of the checks is the
 * verdict, since each check stands on those before it: a name that does not resolve explains a port that is
 * silent, and not the other way round.
 *
 * Nothing here makes the daemon log in, since clouds count logins. What the daemon has found when it last tried is
 * in the link's LastAttempt; whether that is so still, the doctor looks itself as far as that costs nothing: it
 * looks the name up, asks the kernel for the route, and sends a CoAP ping or a DTLS ClientHello.
 */
#include <netdb.h>

#include "ctl/bus.h"
#include "ctl/doctor-finding.h"
#include "ctl/probe.h"

#define CTL_CHECKS_MAX 16
#define CTL_SENTENCE_MAX 640

/** enum ctl_health - what a check came to */
enum ctl_health {
	CTL_HEALTHY,
	CTL_ILL,
	CTL_UNKNOWN, /* it could not be looked at, or says nothing here */
};

/** struct ctl_checked - what one check came to */
struct ctl_checked {
	const char *name;
	enum ctl_health health;
	enum ctl_finding finding; /* if ill */
	char sentence[CTL_SENTENCE_MAX];
};

/** struct ctl_patient - who is looked at: the daemon, or a link */
struct ctl_patient {
	struct ctl *ctl;
	const json_t *daemon; /* properties of the manager; NULL while they are not known */
	const json_t *link; /* those of the link; NULL for the daemon */
	const json_t *attempt; /* the link's LastAttempt */
	struct addrinfo *addresses; /* of its host, by the check "name" */
	const struct addrinfo
		*reachable; /* the first of them that there is a route to, by "route" */
	char interface[16]; /* by which the way to it leads, if that is known, by "route" */
	bool host_answers; /* by "port" */
	struct ctl_checked checked[CTL_CHECKS_MAX];
	size_t n_checked;
};

/** struct ctl_check - a row of a table of checks; ends with a name of NULL */
struct ctl_check {
	const char *name;
	void (*run)(struct ctl_patient *patient);
};

/* ---- doctor.c ---- */

void ctl_well(struct ctl_patient *patient, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void ctl_unknown(struct ctl_patient *patient, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void ctl_ill(struct ctl_patient *patient, enum ctl_finding finding, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *ctl_fact(const struct ctl_patient *patient, const char *key);
bool ctl_fact_is(const struct ctl_patient *patient, const char *key, const char *value);
bool ctl_is_online(const struct ctl_patient *patient);
bool ctl_found(const struct ctl_patient *patient);

enum ctl_exit ctl_doctor(struct ctl *ctl, json_t **ret);

/* ---- the checks, by what they look at ---- */

enum ctl_finding ctl_doctor_bus(struct ctl *ctl, json_t **ret_daemon, char *ret_why, size_t size);
void ctl_check_disk(struct ctl_patient *patient);
void ctl_check_clock(struct ctl_patient *patient);

void ctl_check_configuration(struct ctl_patient *patient);
void ctl_check_handshake(struct ctl_patient *patient);
void ctl_check_certificate(struct ctl_patient *patient);
void ctl_check_cloud(struct ctl_patient *patient);
void ctl_check_budget(struct ctl_patient *patient);
void ctl_check_messages(struct ctl_patient *patient);

void ctl_check_interface(struct ctl_patient *patient);
void ctl_check_name(struct ctl_patient *patient);
void ctl_check_route(struct ctl_patient *patient);

struct ctl_target ctl_target_of(const struct ctl_patient *patient);
void ctl_check_port(struct ctl_patient *patient);
void ctl_check_mtu(struct ctl_patient *patient);
void ctl_check_nat(struct ctl_patient *patient);
