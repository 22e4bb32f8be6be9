/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lookup belongs to two: the C library, until it says that it is done, and whoever asked, until he
 * is told or loses interest. So a cancelled lookup is only marked; it goes when the library is through
 * with it. The library's thread touches nothing of ours but an eventfd.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/resolver.h"

#define ADDRESSES_MAX 8

struct sb_lookup {
	TAILQ_ENTRY(sb_lookup) entry;
	struct sb_resolver *resolver;
	char *host;
	char port[8];
	struct addrinfo hints;
	struct gaicb request;
	struct sb_task known; /* tells of a numeric address */
	bool numeric;
	sb_resolved_fn *done; /* NULL once cancelled */
	void *userdata;
};

struct sb_resolver {
	struct sb_loop *loop;
	struct sb_watch *watch;
	int wake; /* counts the notices that came */
	uint64_t notices_due;
	TAILQ_HEAD(, sb_lookup) lookups;
};

static struct sb_lookup *lookup_free(struct sb_lookup *lookup)
{
	if (!lookup)
		return NULL;

	sb_task_cancel(&lookup->known);
	if (lookup->request.ar_result)
		freeaddrinfo(lookup->request.ar_result);
	free(lookup->host);
	free(lookup);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_resolver *, sb_resolver_free)
SB_DEFINE_CLEANUP(struct sb_lookup *, lookup_free)

/* On a thread of the C library's. */
static void wake_on_notify(union sigval value)
{
	(void)eventfd_write(value.sival_int, 1);
}

static void take_notices(struct sb_resolver *resolver)
{
	eventfd_t count;

	if (eventfd_read(resolver->wake, &count) == 0)
		resolver->notices_due -= count;
}

static int error_of(int gai)
{
	switch (gai) {
	case 0:
		return 0;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_AGAIN:
		return -EAGAIN;
	default:
		return -EHOSTUNREACH;
	}
}

static void lookup_tell(struct sb_lookup *lookup, int gai)
{
	struct sb_address addresses[ADDRESSES_MAX];
	size_t n = 0;

	if (gai == 0) {
		for (struct addrinfo *info = lookup->request.ar_result; info && n < ADDRESSES_MAX;
		     info = info->ai_next) {
			memcpy(&addresses[n].sockaddr, info->ai_addr, info->ai_addrlen);
			addresses[n++].len = info->ai_addrlen;
		}
	}
	lookup->done(lookup->userdata, error_of(gai), gai ? gai_strerror(gai) : "", addresses, n);
}

static void lookup_end(struct sb_lookup *lookup, int gai)
{
	TAILQ_REMOVE(&lookup->resolver->lookups, lookup, entry);
	if (lookup->done)
		lookup_tell(lookup, gai);
	(void)lookup_free(lookup);
}

static void lookup_on_known(struct sb_task *task)
{
	lookup_end(sb_container_of(task, struct sb_lookup, known), 0);
}

static void resolver_on_wake(void *userdata, uint32_t events)
{
	struct sb_resolver *resolver = userdata;
	struct sb_lookup *lookup = TAILQ_FIRST(&resolver->lookups);

	(void)events;
	take_notices(resolver);
	while (lookup) {
		int gai = lookup->numeric ? EAI_INPROGRESS : gai_error(&lookup->request);

		if (gai == EAI_INPROGRESS) {
			lookup = TAILQ_NEXT(lookup, entry);
			continue;
		}
		lookup_end(lookup, gai);
		/* The callee may have asked or cancelled: begin anew. */
		lookup = TAILQ_FIRST(&resolver->lookups);
	}
}

/**
 * sb_resolver_new() - prepare to look up names
 * @loop: outlives the resolver
 * @ret: the resolver, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_resolver_new(struct sb_loop *loop, struct sb_resolver **ret)
{
	SB_CLEANUP(sb_resolver_free) struct sb_resolver *resolver = calloc(1, sizeof(*resolver));
	int r;

	if (!resolver)
		return -ENOMEM;
	resolver->loop = loop;
	TAILQ_INIT(&resolver->lookups);
	resolver->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resolver->wake < 0)
		return -errno;
	r = sb_watch_new(loop, resolver->wake, EPOLLIN, resolver_on_wake, resolver,
			 &resolver->watch);
	if (r < 0)
		return r;

	*ret = SB_STEAL(resolver);

	return 0;
}

/**
 * sb_resolver_free() - free a resolver
 * @resolver: may be NULL
 *
 * Lookups that are still under way are waited for: the C library writes into their memory, and its
 * notice for each needs the eventfd. It asks the next server after a few seconds, so this ends.
 *
 * Return: NULL.
 */
struct sb_resolver *sb_resolver_free(struct sb_resolver *resolver)
{
	struct sb_lookup *lookup;

	if (!resolver)
		return NULL;

	(void)sb_watch_free(resolver->watch);
	/* Of a request that no thread had begun the library forgets the notice too. */
	TAILQ_FOREACH(lookup, &resolver->lookups, entry)
		if (gai_cancel(&lookup->request) == EAI_CANCELED)
			resolver->notices_due--;
	while (resolver->notices_due > 0) {
		struct pollfd notice = { .fd = resolver->wake, .events = POLLIN };

		(void)poll(&notice, 1, -1);
		take_notices(resolver);
	}
	while ((lookup = TAILQ_FIRST(&resolver->lookups))) {
		TAILQ_REMOVE(&resolver->lookups, lookup, entry);
		(void)lookup_free(lookup);
	}
	if (resolver->wake >= 0)
		(void)close(resolver->wake);
	free(resolver);

	return NULL;
}

static int lookup_new(const char *host, uint16_t port, struct sb_resolver *resolver,
		      struct sb_lookup **ret)
{
	SB_CLEANUP(lookup_free) struct sb_lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return -ENOMEM;
	lookup->resolver = resolver;
	sb_task_init(&lookup->known, resolver->loop, lookup_on_known);
	lookup->host = strdup(host);
	if (!lookup->host)
		return -ENOMEM;
	(void)snprintf(lookup->port, sizeof(lookup->port), "%u", port);
	lookup->hints.ai_socktype = SOCK_DGRAM;
	lookup->request.ar_name = lookup->host;
	lookup->request.ar_service = lookup->port;
	lookup->request.ar_request = &lookup->hints;
	*ret = SB_STEAL(lookup);

	return 0;
}

/* A numeric address needs no server, and so no thread. */
static bool resolve_numeric(struct sb_lookup *lookup)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};

	lookup->numeric =
		getaddrinfo(lookup->host, lookup->port, &hints, &lookup->request.ar_result) == 0;

	return lookup->numeric;
}

static int resolve_on_thread(struct sb_lookup *lookup)
{
	struct sigevent notify = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_notify_function = wake_on_notify,
		.sigev_value.sival_int = lookup->resolver->wake,
	};
	struct gaicb *list[] = { &lookup->request };

	lookup->hints.ai_flags = AI_NUMERICSERV;
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, &notify) != 0)
		return -EAGAIN;
	lookup->resolver->notices_due++;

	return 0;
}

/**
 * sb_resolver_ask() - look a name up
 * @resolver: whom to ask
 * @host: a name or a numeric address; copied
 * @port: goes into the addresses
 * @done: called once from the loop, never from within this call
 * @userdata: for @done
 * @ret: the lookup, valid until @done has been called or it is cancelled
 *
 * Return: 0, or a negative errno; @done is not called then.
 */
int sb_resolver_ask(struct sb_resolver *resolver, const char *host, uint16_t port,
		    sb_resolved_fn *done, void *userdata, struct sb_lookup **ret)
{
	SB_CLEANUP(lookup_free) struct sb_lookup *lookup = NULL;
	int r;

	r = lookup_new(host, port, resolver, &lookup);
	if (r < 0)
		return r;
	if (resolve_numeric(lookup))
		sb_task_schedule(&lookup->known);
	else
		r = resolve_on_thread(lookup);
	if (r < 0)
		return r;

	lookup->done = done;
	lookup->userdata = userdata;
	TAILQ_INSERT_TAIL(&resolver->lookups, lookup, entry);
	*ret = SB_STEAL(lookup);

	return 0;
}

/**
 * sb_lookup_cancel() - lose interest in a lookup
 * @lookup: may be NULL; its completion does not come any more
 *
 * Return: NULL.
 */
struct sb_lookup *sb_lookup_cancel(struct sb_lookup *lookup)
{
	if (lookup)
		lookup->done = NULL;

	return NULL;
}
