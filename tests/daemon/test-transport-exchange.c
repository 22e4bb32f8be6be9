/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/transport-private.h"
#include "tests/daemon/transport-fixture.h"

#define BIG 20000

/* ---- a peer made by hand ---- */

static void an_acknowledgement_carries_the_answer(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	assert_int_equal(f->message.type, PEER_CON);
	assert_int_equal(f->message.code, SKYBUS_POST);
	assert_int_equal(f->message.token_len, 4);
	assert_memory_equal(f->message.bytes + 8, "\xb1x\xffhello", 8);
	assert_int_equal(transport_traffic_of(f).sent, f->message.len);
	assert_int_equal(transport_traffic_of(f).received, 0);
	peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(2, 4), &f->message, "fine");
	transport_run_until_replies(f, 1);
	transport_expect_reply(f, SKYBUS_CODE(2, 4), "fine");
	assert_int_equal(f->notes[0], 1);
	assert_int_equal(f->reply.content_format, SKYBUS_NO_FORMAT);
	assert_int_equal(f->reply.max_age, UINT32_MAX);
	assert_int_equal(f->reply.n_options, 0);
	assert_int_equal(transport_traffic_of(f).received, 4 + 4 + 1 + 4);
}

static void a_separate_response_is_acknowledged(void **state)
{
	struct transport_fixture *f = *state;
	struct peer_message request;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	request = f->message;
	peer_send(&f->peer, PEER_ACK, 0, &request, "");
	transport_run_a_while(f);
	assert_int_equal(f->replies, 0);
	peer_send(&f->peer, PEER_CON, SKYBUS_CODE(2, 5), &request, "late");
	transport_run_until_received(f);
	assert_int_equal(f->message.type, PEER_ACK);
	assert_int_equal(f->message.code, 0);
	assert_int_equal(f->message.mid, request.mid ^ 0x5555);
	assert_int_equal(f->replies, 1);
	transport_expect_reply(f, SKYBUS_CODE(2, 5), "late");
}

static bool has_answered(const struct transport_fixture *f)
{
	struct sb_session_facts facts;

	sb_session_facts(f->session, &facts);
	assert_null(facts.handshake);

	return facts.answered;
}

static void a_separate_response_that_never_comes_is_a_timeout(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	peer_send(&f->peer, PEER_ACK, 0, &f->message, "");
	transport_run_a_while(f);
	sb_loop_advance(f->loop, TRANSPORT_LONG_TIME - SB_USEC_PER_SEC);
	assert_int_equal(f->replies, 0);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->reply.outcome, SKYBUS_TIMEOUT);
	/* And an answer that comes after all is nobody's. */
	peer_send(&f->peer, PEER_NON, SKYBUS_CODE(2, 5), &f->message, "too late");
	transport_run_a_while(f);
	assert_int_equal(f->replies, 1);
}

static void a_response_that_comes_twice_is_told_once(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(2, 4), &f->message, "");
	peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(2, 4), &f->message, "");
	peer_send(&f->peer, PEER_NON, SKYBUS_CODE(2, 4), &f->message, "");
	transport_run_a_while(f);
	assert_int_equal(f->replies, 1);
}

static void a_response_is_a_sign_of_life(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	assert_false(has_answered(f));
	peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(4, 4), &f->message, "");
	transport_run_until_replies(f, 1);
	assert_true(has_answered(f));
}

static void a_wrong_token_is_nobodys(void **state)
{
	struct transport_fixture *f = *state;
	struct peer_message wrong;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	wrong = f->message;
	wrong.token[3] ^= 1;
	peer_send(&f->peer, PEER_NON, SKYBUS_CODE(2, 4), &wrong, "");
	wrong.token_len = 0;
	peer_send(&f->peer, PEER_NON, SKYBUS_CODE(2, 4), &wrong, "");
	transport_run_a_while(f);
	assert_int_equal(f->replies, 0);
	peer_send(&f->peer, PEER_NON, SKYBUS_CODE(2, 4), &f->message, "right");
	transport_run_until_replies(f, 1);
	transport_expect_reply(f, SKYBUS_CODE(2, 4), "right");
}

static void a_stranger_at_another_port_is_not_heard(void **state)
{
	struct transport_fixture *f = *state;
	struct peer stranger;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	peer_init(&stranger);
	stranger.from = f->peer.from;
	peer_send(&stranger, PEER_ACK, SKYBUS_CODE(2, 4), &f->message, "forged");
	peer_done(&stranger);
	transport_run_a_while(f);
	assert_int_equal(f->replies, 0);
	peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(2, 4), &f->message, "true");
	transport_run_until_replies(f, 1);
	assert_string_equal(f->payload, "true");
}

static void a_reset_ends_a_request(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	peer_send(&f->peer, PEER_RST, 0, &f->message, "");
	transport_run_until_replies(f, 1);
	assert_int_equal(f->reply.outcome, SKYBUS_RESET);
	assert_int_equal(f->notes[0], 1);
	assert_int_equal(f->told, 1);
}

/* 2.05 with Content-Format, Max-Age and @n empty Location-Query options. */
static size_t many_options(const struct peer_message *request, size_t n, uint8_t *bytes)
{
	size_t len = 0;

	bytes[len++] = (uint8_t)(1 << 6 | PEER_ACK << 4 | 4);
	bytes[len++] = SKYBUS_CODE(2, 5);
	bytes[len++] = request->mid >> 8;
	bytes[len++] = request->mid & 0xff;
	memcpy(bytes + len, request->token, 4);
	len += 4;
	bytes[len++] = 12 << 4 | 1; /* Content-Format */
	bytes[len++] = SKYBUS_FORMAT_CBOR;
	bytes[len++] = 2 << 4 | 2; /* Max-Age */
	bytes[len++] = 1;
	bytes[len++] = 0x2c;
	bytes[len++] = 6 << 4 | 0; /* Location-Query, 20, repeatable */
	for (size_t i = 1; i < n; i++)
		bytes[len++] = 0;

	return len;
}

static void a_reply_may_have_hundreds_of_options(void **state)
{
	struct transport_fixture *f = *state;
	uint8_t bytes[1024];
	size_t len;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	len = many_options(&f->message, 300, bytes);
	peer_send_bytes(&f->peer, bytes, len);
	transport_run_until_replies(f, 1);
	transport_expect_reply(f, SKYBUS_CODE(2, 5), "");
	assert_int_equal(f->n_options, 302);
	assert_int_equal(f->last_option, 20);
	assert_int_equal(f->reply.content_format, SKYBUS_FORMAT_CBOR);
	assert_int_equal(f->reply.max_age, 300);
	assert_int_equal(transport_traffic_of(f).received, len);
}

static void garbage_harms_nobody(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	peer_send_bytes(&f->peer, "", 0);
	peer_send_bytes(&f->peer, "\x00", 1);
	peer_send_bytes(&f->peer, "\x40\x00\x00", 3);
	peer_send_bytes(&f->peer, "\x6f\x45\x00\x01", 4); /* a token of 15 bytes */
	peer_send_bytes(&f->peer, "\x40\x45\x00\x01\xff", 5); /* a marker without payload */
	peer_send_bytes(&f->peer, "\x40\x45\x00\x01\xe0", 5); /* an option that is cut */
	transport_run_a_while(f);
	assert_int_equal(f->replies, 0);
	peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(2, 4), &f->message, "still here");
	transport_run_until_replies(f, 1);
	assert_string_equal(f->payload, "still here");
}

static void the_cloud_may_not_ask_us(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "hello");
	transport_run_until_received(f);
	peer_send_bytes(&f->peer, "\x40\x01\x12\x34\xb1x", 6); /* GET /x */
	for (unsigned int i = 0; i < 100 && f->message.mid != 0x1234; i++) {
		transport_turn(f);
		(void)peer_receive(&f->peer, &f->message);
	}
	assert_int_equal(f->message.mid, 0x1234);
	assert_int_equal(f->message.code, SKYBUS_CODE(4, 4));
	assert_int_equal(f->replies, 0);
}

static void many_requests_are_told_apart(void **state)
{
	struct transport_fixture *f = *state;
	struct peer_message requests[8];
	char payload[32];

	transport_open_plain(f, f->peer.port);
	for (size_t i = 0; i < SB_ELEMENTS(requests); i++) {
		SB_CLEANUP(sb_request_free) struct sb_request *request = sb_request_new();

		assert_non_null(request);
		request->note = 100 + i;
		assert_int_equal(sb_session_send(f->session, request, TRANSPORT_LONG_TIME,
						 transport_on_reply, f),
				 0);
	}
	for (size_t i = 0; i < SB_ELEMENTS(requests); i++) {
		transport_run_until_received(f);
		requests[i] = f->message;
	}
	for (size_t i = SB_ELEMENTS(requests); i-- > 0;) {
		(void)snprintf(payload, sizeof(payload), "%zu", i);
		peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(2, 4), &requests[i], payload);
	}
	transport_run_until_replies(f, SB_ELEMENTS(requests));
	for (size_t i = 0; i < SB_ELEMENTS(requests); i++)
		assert_int_equal(f->notes[i], 107 - i);
}

static void a_ping_is_answered_by_a_reset(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	assert_int_equal(sb_session_ping(f->session, 10 * SB_USEC_PER_SEC, transport_on_reply, f),
			 0);
	transport_run_until_received(f);
	assert_int_equal(f->message.type, PEER_CON);
	assert_int_equal(f->message.code, 0);
	assert_int_equal(f->message.len, 4);
	assert_false(has_answered(f));
	peer_send(&f->peer, PEER_RST, 0, &f->message, "");
	transport_run_until_replies(f, 1);
	assert_true(has_answered(f));
	assert_int_equal(f->reply.outcome, SKYBUS_ANSWERED);
	assert_int_equal(f->reply.code, 0);
}

static void a_ping_into_silence_is_a_timeout(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	assert_int_equal(sb_session_ping(f->session, 10 * SB_USEC_PER_SEC, transport_on_reply, f),
			 0);
	transport_run_until_received(f);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->reply.outcome, SKYBUS_TIMEOUT);
}

/* ---- nobody there ---- */

static void an_impatient_request_to_a_closed_port_ends_soon(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, transport_closed_port(f));
	assert_int_equal(transport_send_with(f, SKYBUS_POST, "/x", "a", 1, true), 0);
	transport_run_until_replies(f, 1);
	assert_int_equal(f->reply.outcome, SKYBUS_UNREACHABLE);
	/* And so does the next one. */
	assert_int_equal(transport_send_with(f, SKYBUS_POST, "/x", "a", 1, true), 0);
	transport_run_until_replies(f, 2);
	assert_int_equal(f->reply.outcome, SKYBUS_UNREACHABLE);
}

static void a_patient_request_to_a_closed_port_waits(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, transport_closed_port(f));
	transport_send_text(f, "a");
	/* Meanwhile the session comes into doubt, and a ping tells. */
	transport_run_until_told(f, 2);
	assert_int_equal(f->outcome, SB_SESSION_DOUBTED);
	assert_int_equal(f->replies, 0);
	assert_int_equal(sb_session_ping(f->session, 10 * SB_USEC_PER_SEC, transport_on_reply, f),
			 0);
	transport_run_until_replies(f, 1);
	assert_int_equal(f->reply.outcome, SKYBUS_UNREACHABLE);
	sb_loop_advance(f->loop, TRANSPORT_LONG_TIME);
	assert_int_equal(f->replies, 2);
	assert_int_equal(f->reply.outcome, SKYBUS_UNREACHABLE);
}

/* As libcoap 4.3.4 tells of it: with one request that was under way, whichever, or none. */
static void one_refusal_is_for_all_who_are_impatient(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	transport_send_text(f, "patient");
	assert_int_equal(transport_send_with(f, SKYBUS_POST, "/x", "a", 1, true), 0);
	assert_int_equal(transport_send_with(f, SKYBUS_POST, "/x", "b", 1, true), 0);
	sb_session_on_nack(f->session->coap, NULL, COAP_NACK_ICMP_ISSUE, COAP_INVALID_MID);
	assert_int_equal(f->replies, 0);
	transport_run_until_replies(f, 2);
	assert_int_equal(f->reply.outcome, SKYBUS_UNREACHABLE);
	transport_run_a_while(f);
	assert_int_equal(f->replies, 2);
}

static void silence_is_a_timeout(void **state)
{
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	assert_int_equal(transport_send_with(f, SKYBUS_POST, "/x", "a", 1, true), 0);
	transport_run_until_received(f);
	sb_loop_advance(f->loop, TRANSPORT_LONG_TIME);
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->reply.outcome, SKYBUS_TIMEOUT);
}

/* ---- payloads that go in blocks ---- */

static void a_large_payload_goes_up_and_comes_down(void **state)
{
	static const char *const arguments[] = { "-d", "8", NULL };
	struct transport_fixture *f = *state;
	uint8_t body[BIG];

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7 + i / 251);
	transport_start_server(f, "coap-server-gnutls", arguments);
	transport_open_plain(f, f->server.port);
	assert_int_equal(transport_send_with(f, SKYBUS_PUT, "/big", body, sizeof(body), false), 0);
	transport_run_until_replies(f, 1);
	transport_expect_reply(f, SKYBUS_CODE(2, 1), "");
	assert_int_equal(f->notes[0], 1);
	assert_in_range(transport_traffic_of(f).sent, BIG, BIG + 100);
	assert_int_equal(transport_send_with(f, SKYBUS_GET, "/big", NULL, 0, false), 0);
	transport_run_until_replies(f, 2);
	assert_int_equal(f->reply.code, SKYBUS_CODE(2, 5));
	assert_int_equal(f->reply.payload_len, sizeof(body));
	assert_memory_equal(f->whole, body, sizeof(body));
	assert_int_equal(f->notes[1], 2);
	assert_true(transport_traffic_of(f).received >= BIG);
}

/* libcoap matches its own tokens for blocks beside ours, in a session that begins with low numbers by itself. */
static void a_token_of_a_block_cannot_be_guessed(void **state)
{
	static const uint8_t body[BIG];
	struct transport_fixture *f = *state;

	transport_open_plain(f, f->peer.port);
	assert_int_equal(transport_send_with(f, SKYBUS_PUT, "/big", body, sizeof(body), false), 0);
	transport_run_until_received(f);
	transport_guess_tokens(f);
	assert_int_equal(f->replies, 0);
	peer_send(&f->peer, PEER_ACK, SKYBUS_CODE(4, 13), &f->message, "true");
	transport_run_until_replies(f, 1);
	transport_expect_reply(f, SKYBUS_CODE(4, 13), "true");
}

static void a_session_may_be_freed_amid_a_large_payload(void **state)
{
	static const uint8_t body[BIG];
	static const char *const arguments[] = { "-d", "8", NULL };
	struct transport_fixture *f = *state;

	transport_start_server(f, "coap-server-gnutls", arguments);
	transport_open_plain(f, f->server.port);
	assert_int_equal(transport_send_with(f, SKYBUS_PUT, "/big", body, sizeof(body), false), 0);
	transport_turn(f);
	transport_turn(f);
	f->session = sb_session_free(f->session);
	transport_run_a_while(f);
	assert_int_equal(f->replies, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, transport_setup, transport_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_acknowledgement_carries_the_answer),
		TEST(a_separate_response_is_acknowledged),
		TEST(a_separate_response_that_never_comes_is_a_timeout),
		TEST(a_response_that_comes_twice_is_told_once),
		TEST(a_response_is_a_sign_of_life),
		TEST(a_wrong_token_is_nobodys),
		TEST(a_stranger_at_another_port_is_not_heard),
		TEST(a_reset_ends_a_request),
		TEST(a_reply_may_have_hundreds_of_options),
		TEST(garbage_harms_nobody),
		TEST(the_cloud_may_not_ask_us),
		TEST(many_requests_are_told_apart),
		TEST(a_ping_is_answered_by_a_reset),
		TEST(a_ping_into_silence_is_a_timeout),
		TEST(an_impatient_request_to_a_closed_port_ends_soon),
		TEST(a_patient_request_to_a_closed_port_waits),
		TEST(one_refusal_is_for_all_who_are_impatient),
		TEST(silence_is_a_timeout),
		TEST(a_large_payload_goes_up_and_comes_down),
		TEST(a_token_of_a_block_cannot_be_guessed),
		TEST(a_session_may_be_freed_amid_a_large_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
