/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <cmocka.h>

#include "tests/daemon/fake-https.h"

struct sb_https {
	TAILQ_HEAD(, sb_fetch) fetches;
};

struct sb_fetch {
	TAILQ_ENTRY(sb_fetch) entry;
	sb_fetched_fn *done;
	void *userdata;
};

struct fake_web fake_web;

static struct sb_https https = { .fetches = TAILQ_HEAD_INITIALIZER(https.fetches) };

void fake_web_reset(void)
{
	assert_true(TAILQ_EMPTY(&https.fetches));
	fake_web = (struct fake_web){ 0 };
}

struct sb_https *fake_https(void)
{
	return &https;
}

/* ---- in place of the core ---- */

int sb_https_new(struct sb_loop *loop, struct sb_https **ret)
{
	(void)loop;
	*ret = &https;

	return 0;
}

struct sb_https *sb_https_free(struct sb_https *self)
{
	(void)self;

	return NULL;
}

static void forget(struct sb_fetch *fetch)
{
	TAILQ_REMOVE(&https.fetches, fetch, entry);
	fake_web.n_fetches--;
	free(fetch);
}

int sb_https_get(struct sb_https *self, const struct skybus_fetch *plan,
		 const struct sb_fetch_way *way, sb_fetched_fn *done, void *userdata,
		 struct sb_fetch **ret)
{
	struct sb_fetch *fetch;

	if (!plan->url)
		return -EINVAL;
	if (fake_web.error < 0)
		return fake_web.error;
	fetch = calloc(1, sizeof(*fetch));
	assert_non_null(fetch);
	fetch->done = done;
	fetch->userdata = userdata;
	TAILQ_INSERT_TAIL(&self->fetches, fetch, entry);
	fake_web.n_fetches++;
	(void)snprintf(fake_web.url, sizeof(fake_web.url), "%s", plan->url);
	(void)snprintf(fake_web.interface, sizeof(fake_web.interface), "%s",
		       way->interface ? way->interface : "");
	*ret = fetch;

	return 0;
}

struct sb_fetch *sb_fetch_cancel(struct sb_fetch *fetch)
{
	if (!fetch)
		return NULL;

	fake_web.n_cancelled++;
	forget(fetch);

	return NULL;
}

/* ---- for the test ---- */

/* The oldest fetch ends. */
void fake_fetched(uint32_t status, const char *body)
{
	struct sb_fetch *fetch = TAILQ_FIRST(&https.fetches);
	const struct skybus_fetched fetched = {
		.size = sizeof(fetched),
		.status = status,
		.content_type = "text/plain",
		.content_range = "",
		.body = (const uint8_t *)body,
		.body_len = (uint32_t)strlen(body),
		.reason = "",
	};

	assert_non_null(fetch);
	fetch->done(fetch->userdata, &fetched);
	forget(fetch);
}
