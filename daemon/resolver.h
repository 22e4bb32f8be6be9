/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names to addresses, without holding the loop: the C library asks on threads of its own
 * (getaddrinfo_a), so that every source in nsswitch.conf works, mDNS and /etc/hosts too.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "daemon/loop.h"

struct sb_resolver;
struct sb_lookup;

/** struct sb_address - one address with its port */
struct sb_address {
	struct sockaddr_storage sockaddr;
	socklen_t len;
};

/**
 * A lookup ended: @error is 0 and there is at least one address, in the order of RFC 6724; or a
 * negative errno, and @detail is the C library's phrase. The lookup is freed when this returns.
 */
typedef void sb_resolved_fn(void *userdata, int error, const char *detail,
			    const struct sb_address *addresses, size_t n_addresses);

int sb_resolver_new(struct sb_loop *loop, struct sb_resolver **ret);
struct sb_resolver *sb_resolver_free(struct sb_resolver *resolver);
int sb_resolver_ask(struct sb_resolver *resolver, const char *host, uint16_t port,
		    sb_resolved_fn *done, void *userdata, struct sb_lookup **ret);
struct sb_lookup *sb_lookup_cancel(struct sb_lookup *lookup);
