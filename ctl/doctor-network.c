/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box's own part of the way: its interface, its name server, its routing table.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/doctor.h"
#include "ctl/probe.h"

/* ---- interfaces ---- */

/* IFF_…; 0 if it cannot be asked. */
static unsigned int flags_of(const char *interface)
{
	struct ifreq request = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return 0;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	r = ioctl(fd, SIOCGIFFLAGS, &request);
	(void)close(fd);

	return r < 0 ? 0 : (unsigned short)request.ifr_flags;
}

static bool is_inet(const struct ifaddrs *item)
{
	return item->ifa_addr &&
	       (item->ifa_addr->sa_family == AF_INET || item->ifa_addr->sa_family == AF_INET6);
}

/* Of any but the loopback: one that could carry something. */
static bool any_is_up(void)
{
	struct if_nameindex *all = if_nameindex();
	bool up = false;

	for (const struct if_nameindex *item = all; item && item->if_index > 0; item++) {
		unsigned int flags = flags_of(item->if_name);

		if (!(flags & IFF_LOOPBACK) && (flags & IFF_UP) && (flags & IFF_RUNNING))
			up = true;
	}
	if (all)
		if_freenameindex(all);

	return up;
}

static bool has_address(const char *interface)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return true; /* what is not known may be good */
	for (const struct ifaddrs *item = all; item; item = item->ifa_next)
		if (is_inet(item) && strcmp(item->ifa_name, interface) == 0)
			found = true;
	freeifaddrs(all);

	return found;
}

static void look_at_interface(struct ctl_patient *patient, const char *interface)
{
	unsigned int flags = flags_of(interface);

	if (if_nametoindex(interface) == 0)
		ctl_ill(patient, CTL_FINDING_INTERFACE_MISSING,
			"The box has no network interface %s, which the link is to go through.",
			interface);
	else if (!(flags & IFF_UP))
		ctl_ill(patient, CTL_FINDING_INTERFACE_DOWN, "The network interface %s is down.",
			interface);
	else if (!(flags & IFF_RUNNING))
		ctl_ill(patient, CTL_FINDING_INTERFACE_DOWN,
			"The network interface %s has no carrier: nothing is at the other end of its cable.",
			interface);
	else if (!has_address(interface))
		ctl_ill(patient, CTL_FINDING_INTERFACE_DOWN,
			"The network interface %s has no address.", interface);
	else if (ctl_fact_is(patient, "cause", "rights"))
		ctl_ill(patient, CTL_FINDING_INTERFACE_RIGHTS, "%s", ctl_fact(patient, "reason"));
	else
		ctl_well(patient, "The network interface %s is up, and has an address.", interface);
}

/** ctl_check_interface() - the interface that the link is to go through, or any that could carry it */
void ctl_check_interface(struct ctl_patient *patient)
{
	const char *interface = ctl_fact(patient, "interface");

	if (*interface)
		look_at_interface(patient, interface);
	else if (any_is_up())
		ctl_well(patient, "The box has a network interface that is up.");
	else
		ctl_ill(patient, CTL_FINDING_INTERFACE_DOWN,
			"No network interface of the box is up and has a carrier.");
}

/* ---- the name ---- */

/* So that it is said which. */
static void tell_addresses(struct ctl_patient *patient, const char *host)
{
	char text[NI_MAXHOST] = "";
	unsigned int n = 0;

	for (const struct addrinfo *item = patient->addresses; item; item = item->ai_next)
		n++;
	(void)getnameinfo(patient->addresses->ai_addr, patient->addresses->ai_addrlen, text,
			  sizeof(text), NULL, 0, NI_NUMERICHOST);
	if (strcmp(text, host) == 0)
		ctl_well(patient, "%s is an address.", host);
	else if (n > 1)
		ctl_well(patient, "%s is %s, and %u more.", host, text, n - 1);
	else
		ctl_well(patient, "%s is %s.", host, text);
}

/** ctl_check_name() - the name of the cloud's host */
void ctl_check_name(struct ctl_patient *patient)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	const char *host = ctl_fact(patient, "host");
	const char *port = ctl_fact(patient, "port");
	int r;

	if (*host == '\0') {
		ctl_unknown(patient, "The link has not yet tried to reach any host.");
		return;
	}
	r = getaddrinfo(host, port, &hints, &patient->addresses);
	if (r == 0)
		tell_addresses(patient, host);
	else
		ctl_ill(patient, CTL_FINDING_NAME, "The name %s does not resolve: %s.", host,
			r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
}

/* ---- the route ---- */

static void interface_of(const struct sockaddr *local, char ret[16])
{
	struct ifaddrs *all = NULL;
	size_t at = local->sa_family == AF_INET6 ? offsetof(struct sockaddr_in6, sin6_addr)
						 : offsetof(struct sockaddr_in, sin_addr);
	size_t len =
		local->sa_family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *item = all; item; item = item->ifa_next) {
		if (!item->ifa_addr || item->ifa_addr->sa_family != local->sa_family)
			continue;
		if (memcmp((const char *)item->ifa_addr + at, (const char *)local + at, len) == 0)
			(void)snprintf(ret, 16, "%s", item->ifa_name);
	}
	freeifaddrs(all);
}

static void tell_route(struct ctl_patient *patient, int fd)
{
	struct sockaddr_storage local = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(local);
	char text[NI_MAXHOST] = "?";

	if (getsockname(fd, (struct sockaddr *)&local, &len) == 0) {
		interface_of((const struct sockaddr *)&local, patient->interface);
		(void)getnameinfo((const struct sockaddr *)&local, len, text, sizeof(text), NULL, 0,
				  NI_NUMERICHOST);
	}
	ctl_well(patient, "Packets to it leave by %s from %s.",
		 patient->interface[0] ? patient->interface : "an interface", text);
}

/** ctl_check_route() - whether the kernel knows a way to the host */
void ctl_check_route(struct ctl_patient *patient)
{
	const char *interface = ctl_fact(patient, "interface");
	struct ctl_target target = { .interface = *interface ? interface : NULL };
	int r = -ENETUNREACH;
	int fd = -1;

	if (!patient->addresses) {
		ctl_unknown(patient, "To where is not known.");
		return;
	}
	for (target.address = patient->addresses; target.address;
	     target.address = target.address->ai_next) {
		r = ctl_probe_open(&target, &fd);
		if (r == 0)
			break;
	}
	patient->reachable = target.address;
	if (r < 0) {
		ctl_ill(patient, CTL_FINDING_NO_ROUTE, "The box has no route to %s (%s).",
			ctl_fact(patient, "host"), strerror(-r));
		return;
	}
	tell_route(patient, fd);
	(void)close(fd);
}
