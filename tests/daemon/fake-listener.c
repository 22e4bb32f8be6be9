/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/fake-listener.h"

struct sb_listener {
	sb_incoming_fn *incoming;
	void *userdata;
};

struct sb_incoming {
	char path[64];
	struct skybus_incoming view;
};

struct fake_listening fake_listening;

void fake_listening_reset(void)
{
	assert_null(fake_listening.listener);
	assert_int_equal(fake_listening.waiting, 0);
	fake_listening = (struct fake_listening){ 0 };
}

/* ---- in place of the core ---- */

int sb_listener_new(struct sb_transport *transport, const struct sb_listener_plan *plan,
		    sb_incoming_fn *incoming, void *userdata, struct sb_listener **ret)
{
	struct sb_listener *listener;

	(void)transport;
	/* The old one goes first: the port may be the same. */
	assert_null(fake_listening.listener);
	if (fake_listening.error < 0)
		return fake_listening.error;
	listener = calloc(1, sizeof(*listener));
	assert_non_null(listener);
	listener->incoming = incoming;
	listener->userdata = userdata;
	fake_listening.listener = listener;
	fake_listening.n_listeners++;
	fake_listening.port = plan->port;
	(void)snprintf(fake_listening.interface, sizeof(fake_listening.interface), "%s",
		       plan->interface ? plan->interface : "");
	fake_listening.n_networks = plan->from ? plan->from->n : 0;
	*ret = listener;

	return 0;
}

struct sb_listener *sb_listener_free(struct sb_listener *listener)
{
	if (!listener)
		return NULL;

	/* Whoever waits has been answered before, while there was a way. */
	assert_int_equal(fake_listening.waiting, 0);
	assert_ptr_equal(listener, fake_listening.listener);
	fake_listening.listener = NULL;
	free(listener);

	return NULL;
}

const struct skybus_incoming *sb_incoming_view(const struct sb_incoming *incoming)
{
	return &incoming->view;
}

void sb_incoming_answer(struct sb_incoming *incoming, const struct sb_response *response)
{
	size_t len = strlen(fake_listening.answers);

	assert_int_equal(response->error, 0);
	(void)snprintf(fake_listening.answers + len, sizeof(fake_listening.answers) - len,
		       "%s %u.%02u %.*s|", incoming->path, response->code >> 5, response->code & 31,
		       (int)response->payload_len,
		       response->payload ? (const char *)response->payload : "");
	sb_incoming_drop(incoming);
}

void sb_incoming_drop(struct sb_incoming *incoming)
{
	fake_listening.waiting--;
	free(incoming);
}

/* ---- for the test ---- */

/* A POST comes from the cloud. */
void fake_incoming(const char *path)
{
	struct sb_incoming *incoming = calloc(1, sizeof(*incoming));

	assert_non_null(incoming);
	assert_non_null(fake_listening.listener);
	(void)snprintf(incoming->path, sizeof(incoming->path), "%s", path);
	incoming->view = (struct skybus_incoming){
		.size = sizeof(incoming->view),
		.method = SKYBUS_POST,
		.path = incoming->path,
		.query = "",
		.from = "10.64.0.1:40000",
		.payload = (const uint8_t *)"do it",
		.payload_len = 5,
		.content_format = SKYBUS_NO_FORMAT,
	};
	fake_listening.waiting++;
	fake_listening.listener->incoming(fake_listening.listener->userdata, incoming);
}
