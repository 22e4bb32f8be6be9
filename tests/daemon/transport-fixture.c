/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "tests/daemon/transport-fixture.h"

int transport_setup(void **state)
{
	struct transport_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	scratch_init(&f->scratch);
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	assert_int_equal(sb_transport_new(f->loop, &f->transport), 0);
	peer_init(&f->peer);
	*state = f;

	return 0;
}

int transport_teardown(void **state)
{
	struct transport_fixture *f = *state;

	(void)sb_session_free(f->session);
	for (size_t i = 0; i < SB_ELEMENTS(f->others); i++)
		(void)sb_session_free(f->others[i]);
	(void)sb_transport_free(f->transport);
	(void)sb_loop_free(f->loop);
	server_stop(&f->server);
	peer_done(&f->peer);
	scratch_done(&f->scratch);
	free(f->whole);
	free(f);

	return 0;
}

/* ---- running ---- */

void transport_turn(struct transport_fixture *f)
{
	assert_true(sb_loop_turn(f->loop, 5 * SB_USEC_PER_MSEC) >= 0);
	sb_loop_advance(f->loop, 10);
}

void transport_run_until_told(struct transport_fixture *f, unsigned int times)
{
	for (unsigned int i = 0; i < 1000 && f->told < times; i++)
		transport_turn(f);
	assert_int_equal(f->told, times);
}

void transport_run_until_replies(struct transport_fixture *f, unsigned int times)
{
	for (unsigned int i = 0; i < 2000 && f->replies < times; i++)
		transport_turn(f);
	assert_int_equal(f->replies, times);
}

void transport_run_a_while(struct transport_fixture *f)
{
	for (unsigned int i = 0; i < 10; i++)
		transport_turn(f);
}

void transport_run_until_received(struct transport_fixture *f)
{
	for (unsigned int i = 0; i < 1000; i++) {
		transport_turn(f);
		if (peer_receive(&f->peer, &f->message))
			return;
	}
	fail_msg("nothing came");
}

/* As whoever has found our port and sends in the cloud's name: notifications with tokens that begin at 1. */
void transport_guess_tokens(struct transport_fixture *f)
{
	for (uint8_t guess = 1; guess < 10; guess++) {
		const uint8_t forged[] = {
			1 << 6 | PEER_NON << 4 | 1, SKYBUS_CODE(2, 5), 0x12, guess, guess,
			SB_OPTION_OBSERVE << 4 | 1, 0x20 + guess,      0xff, '!'
		};

		peer_send_bytes(&f->peer, forged, sizeof(forged));
		transport_run_a_while(f);
	}
}

void transport_on_session(void *userdata, int outcome, const char *detail)
{
	struct transport_fixture *f = userdata;

	f->told++;
	f->outcome = outcome;
	(void)snprintf(f->detail, sizeof(f->detail), "%s", detail);
	if (f->free_when_told)
		f->session = sb_session_free(f->session);
}

struct sb_peer transport_peer_at(uint16_t port)
{
	struct sb_peer peer = { .security = SKYBUS_PLAIN,
				.address_len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *in = (struct sockaddr_in *)&peer.address;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	return peer;
}

void transport_open_plain(struct transport_fixture *f, uint16_t port)
{
	struct sb_peer peer = transport_peer_at(port);

	assert_int_equal(sb_session_new(f->transport, &peer, transport_on_session, f, &f->session),
			 0);
	assert_int_equal(f->told, 0);
	transport_run_until_told(f, 1);
	assert_int_equal(f->outcome, 0);
}

int transport_send_with(struct transport_fixture *f, uint32_t method, const char *path,
			const void *payload, size_t payload_len, bool impatient)
{
	SB_CLEANUP(sb_request_free) struct sb_request *request = sb_request_new();

	assert_non_null(request);
	request->method = method;
	request->note = f->replies + 1;
	request->impatient = impatient;
	sb_request_path(request, path);
	sb_request_payload(request, payload, payload_len);

	return sb_session_send(f->session, request, TRANSPORT_LONG_TIME, transport_on_reply, f);
}

void transport_send_text(struct transport_fixture *f, const char *payload)
{
	assert_int_equal(transport_send_with(f, SKYBUS_POST, "/x", payload, strlen(payload), false),
			 0);
}

void transport_on_reply(void *userdata, const struct skybus_reply *reply)
{
	struct transport_fixture *f = userdata;
	size_t len = reply->payload_len < sizeof(f->payload) ? reply->payload_len
							     : sizeof(f->payload) - 1;

	assert_int_equal(reply->size, sizeof(*reply));
	assert_true(f->replies < TRANSPORT_REPLIES_MAX);
	f->notes[f->replies++] = reply->note;
	f->reply = *reply;
	memset(f->payload, 0, sizeof(f->payload));
	if (len > 0)
		memcpy(f->payload, reply->payload, len);
	free(f->whole);
	f->whole = malloc(reply->payload_len + 1);
	assert_non_null(f->whole);
	if (reply->payload_len > 0)
		memcpy(f->whole, reply->payload, reply->payload_len);
	f->n_options = reply->n_options;
	for (size_t i = 0; i < reply->n_options; i++) {
		assert_true(i == 0 || reply->options[i].number >= f->last_option);
		f->last_option = reply->options[i].number;
	}
	if (f->free_when_answered)
		f->session = sb_session_free(f->session);
	if (f->send_when_answered) {
		f->send_when_answered = false;
		transport_send_text(f, "again");
	}
}

void transport_expect_reply(const struct transport_fixture *f, uint32_t code, const char *payload)
{
	assert_int_equal(f->reply.outcome, SKYBUS_ANSWERED);
	assert_int_equal(f->reply.code, code);
	assert_string_equal(f->payload, payload);
}

struct sb_traffic transport_traffic_of(const struct transport_fixture *f)
{
	struct sb_traffic traffic;

	sb_session_traffic(f->session, &traffic);

	return traffic;
}

uint16_t transport_closed_port(struct transport_fixture *f)
{
	uint16_t port = f->peer.port;

	peer_done(&f->peer);

	return port;
}

void transport_start_server(struct transport_fixture *f, const char *program,
			    const char *const *arguments)
{
	if (!server_start(&f->server, program, arguments))
		skip();
}
