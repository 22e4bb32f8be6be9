/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi-socket interface on the loop: libcurl says which sockets to watch and when it wants
 * to be called again, and is told what became ready. Names are looked up on a thread of its own, and
 * nobody waits for that thread, also when a fetch ends before it does.
 *
 * What does hold the loop: loading the library once, a few milliseconds; and with each fetch that is
 * given no roots, reading the system's, some tens of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "daemon/cleanup.h"
#include "daemon/hourly.h"
#include "daemon/https-curl.h"
#include "daemon/https-fetch.h"
#include "daemon/https.h"
#include "daemon/log.h"

/* A socket of libcurl's, and what it waits for there. */
struct sock {
	TAILQ_ENTRY(sock) entry;
	struct sb_https *https;
	curl_socket_t fd;
	struct sb_watch *watch;
};

struct sb_https {
	struct sb_loop *loop;
	struct sb_curl curl;
	CURLM *multi; /* NULL until the first fetch */
	struct sb_hourly missing; /* that the library is missing is in the log */
	struct sb_timer timer;
	TAILQ_HEAD(, sock) socks;
	TAILQ_HEAD(, sb_fetch) fetches;
};

/* ---- libcurl on the loop --------------------------------------------------------------------- */

/* What libcurl knows of a fetch goes before the fetch does. */
static struct sb_fetch *fetch_drop(struct sb_fetch *fetch)
{
	(void)fetch->curl->multi_remove_handle(fetch->https->multi, fetch->easy);

	return sb_fetch_free(fetch);
}

static void fetch_end(struct sb_fetch *fetch, CURLcode result)
{
	TAILQ_REMOVE(&fetch->https->fetches, fetch, entry);
	sb_fetch_tell(fetch, result);
	(void)fetch_drop(fetch);
}

/* Tell libcurl what came, and then whoever asked; outside of libcurl, so that they may ask and cancel. */
static void https_run(struct sb_https *https, curl_socket_t fd, int what)
{
	CURLMsg *message;
	int n;

	(void)https->curl.multi_socket_action(https->multi, fd, what, &n);
	while ((message = https->curl.multi_info_read(https->multi, &n))) {
		CURLcode result = message->data.result;
		struct sb_fetch *fetch = NULL;

		(void)https->curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
		fetch_end(fetch, result);
	}
}

static void https_on_time(struct sb_timer *timer)
{
	https_run(sb_container_of(timer, struct sb_https, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int https_on_deadline(CURLM *multi, long ms, void *userdata)
{
	struct sb_https *https = userdata;

	(void)multi;
	if (ms < 0)
		sb_timer_disarm(&https->timer);
	else
		sb_timer_arm(&https->timer, (uint64_t)ms * SB_USEC_PER_MSEC);

	return 0;
}

static void sock_on_ready(void *userdata, uint32_t events)
{
	const struct sock *sock = userdata;
	int what = 0;

	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	https_run(sock->https, sock->fd, what);
}

static struct sock *sock_new(struct sb_https *https, curl_socket_t fd)
{
	struct sock *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return NULL;

	sock->https = https;
	sock->fd = fd;
	TAILQ_INSERT_TAIL(&https->socks, sock, entry);

	return sock;
}

static struct sock *sock_free(struct sock *sock)
{
	if (!sock)
		return NULL;

	(void)sb_watch_free(sock->watch);
	TAILQ_REMOVE(&sock->https->socks, sock, entry);
	free(sock);

	return NULL;
}

/*
 * A failure may not be told: libcurl would refuse every fetch from then on. A socket that could not
 * be watched stays silent, and its fetch ends with its time.
 */
static int https_on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *known)
{
	struct sb_https *https = userdata;
	struct sock *sock = known;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)sock_free(sock);
		return 0;
	}
	if (!sock)
		sock = sock_new(https, fd);
	if (!sock)
		return 0;
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	sock->watch = sb_watch_free(sock->watch);
	(void)sb_watch_new(https->loop, fd, events, sock_on_ready, sock, &sock->watch);
	(void)https->curl.multi_assign(https->multi, fd, sock);

	return 0;
}

static int https_load(struct sb_https *https)
{
	char why[256];
	int r;

	if (https->multi)
		return 0;
	if (!https->curl.multi_init) {
		r = sb_curl_load(&https->curl, why, sizeof(why));
		if (r == -ENOTSUP && sb_hourly_take(&https->missing, sb_loop_now(https->loop), 1))
			sb_log_event(SB_EVENT_HTTPS_MISSING, NULL,
				     "no HTTPS on this box (%s): install libcurl's GnuTLS build",
				     why);
		if (r < 0)
			return r;
	}
	https->multi = https->curl.multi_init();
	if (!https->multi)
		return -ENOMEM;
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_SOCKETFUNCTION, https_on_socket);
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_SOCKETDATA, https);
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_TIMERFUNCTION, https_on_deadline);
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_TIMERDATA, https);

	return 0;
}

/**
 * sb_https_new() - prepare to fetch; libcurl is not loaded before the first fetch
 * @loop: outlives it; not a virtual one, for libcurl has its own clock
 * @ret: the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_https_new(struct sb_loop *loop, struct sb_https **ret)
{
	struct sb_https *https = calloc(1, sizeof(*https));

	if (!https)
		return -ENOMEM;
	https->loop = loop;
	sb_timer_init(&https->timer, loop, https_on_time);
	TAILQ_INIT(&https->socks);
	TAILQ_INIT(&https->fetches);

	*ret = https;

	return 0;
}

/**
 * sb_https_free() - end
 * @https: may be NULL; fetches under way are cancelled; not from within a completion
 *
 * Return: NULL.
 */
struct sb_https *sb_https_free(struct sb_https *https)
{
	if (!https)
		return NULL;

	while (!TAILQ_EMPTY(&https->fetches))
		(void)sb_fetch_cancel(TAILQ_FIRST(&https->fetches));
	if (https->multi)
		(void)https->curl.multi_cleanup(https->multi);
	while (!TAILQ_EMPTY(&https->socks))
		(void)sock_free(TAILQ_FIRST(&https->socks));
	sb_timer_disarm(&https->timer);
	sb_curl_done(&https->curl);
	free(https);

	return NULL;
}

/**
 * sb_https_get() - fetch something
 * @https: who fetches
 * @plan: what; copied
 * @way: how it leaves the box; NULL for as the routes say
 * @done: called once from the loop, never from within this call
 * @userdata: for @done
 * @ret: the fetch, valid until @done has returned or it is cancelled
 *
 * Proxies are those of the environment (https_proxy, no_proxy).
 *
 * Return: 0; -EINVAL for a URL that is none, or not https; -ENOTSUP when the box has no libcurl;
 * another negative errno. @done is not called then.
 */
int sb_https_get(struct sb_https *https, const struct skybus_fetch *plan,
		 const struct sb_fetch_way *way, sb_fetched_fn *done, void *userdata,
		 struct sb_fetch **ret)
{
	SB_CLEANUP(sb_fetch_free) struct sb_fetch *fetch = NULL;
	int r;

	r = https_load(https);
	if (r < 0)
		return r;
	r = sb_fetch_new(&https->curl, plan, way, &fetch);
	if (r < 0)
		return r;
	/* This arms the timer and does nothing more. */
	if (https->curl.multi_add_handle(https->multi, fetch->easy) != CURLM_OK)
		return -ENOMEM;

	fetch->https = https;
	fetch->done = done;
	fetch->userdata = userdata;
	TAILQ_INSERT_TAIL(&https->fetches, fetch, entry);
	*ret = SB_STEAL(fetch);

	return 0;
}

/**
 * sb_fetch_cancel() - lose interest in a fetch
 * @fetch: may be NULL, or the one that is just ending; its completion does not come any more
 *
 * Return: NULL.
 */
struct sb_fetch *sb_fetch_cancel(struct sb_fetch *fetch)
{
	/* One whose completion runs is freed when that returns. */
	if (!fetch || !fetch->done)
		return NULL;

	TAILQ_REMOVE(&fetch->https->fetches, fetch, entry);

	return fetch_drop(fetch);
}
