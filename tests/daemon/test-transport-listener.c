/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "daemon/transport-listener.h"
#include "tests/daemon/transport-fixture.h"

#define KEPT_MAX 20

enum manner {
	ANSWER_AT_ONCE,
	KEEP,
	FREE_THE_LISTENER,
	ANSWER_AND_FREE_THE_LISTENER,
};

/** struct fixture - a listener, somebody who asks, and what was told */
struct fixture {
	struct transport_fixture *base;
	struct sb_listener *listener;
	struct sb_wire *wire;
	uint16_t port;
	enum manner manner;
	const char *answer;
	struct sb_incoming *kept[KEPT_MAX];
	size_t n_kept;
	unsigned int told;
	uint32_t method;
	uint32_t content_format;
	char path[64];
	char query[64];
	char from[64];
	char payload[64];
};

static void answer(struct sb_incoming *incoming, const char *text)
{
	SB_CLEANUP(sb_response_free)
	struct sb_response *response = sb_response_new(SKYBUS_CODE(2, 4));

	assert_non_null(response);
	if (*text)
		sb_response_payload(response, SKYBUS_FORMAT_TEXT, text, strlen(text));
	sb_incoming_answer(incoming, response);
}

static void on_incoming(void *userdata, struct sb_incoming *incoming)
{
	struct fixture *f = userdata;
	const struct skybus_incoming *view = sb_incoming_view(incoming);

	f->told++;
	assert_int_equal(view->size, sizeof(*view));
	assert_true(view->payload_len < sizeof(f->payload));
	f->method = view->method;
	f->content_format = view->content_format;
	(void)snprintf(f->path, sizeof(f->path), "%s", view->path);
	(void)snprintf(f->query, sizeof(f->query), "%s", view->query);
	(void)snprintf(f->from, sizeof(f->from), "%s", view->from);
	memset(f->payload, 0, sizeof(f->payload));
	if (view->payload_len > 0)
		memcpy(f->payload, view->payload, view->payload_len);
	if (f->manner == ANSWER_AT_ONCE || f->manner == ANSWER_AND_FREE_THE_LISTENER)
		answer(incoming, f->answer);
	else
		f->kept[f->n_kept++] = incoming;
	if (f->manner == FREE_THE_LISTENER || f->manner == ANSWER_AND_FREE_THE_LISTENER)
		f->listener = sb_listener_free(f->listener);
}

static uint16_t free_port(void)
{
	struct peer peer;

	peer_init(&peer);
	peer_done(&peer);

	return peer.port;
}

static void listen_from(struct fixture *f, const char *networks)
{
	struct sb_listener_plan plan = { .port = f->port, .wire = f->wire };
	struct sb_networks from;

	if (networks) {
		assert_int_equal(sb_networks_parse(networks, &from), 0);
		plan.from = &from;
	}
	f->listener = sb_listener_free(f->listener);
	assert_int_equal(sb_listener_new(f->base->transport, &plan, on_incoming, f, &f->listener),
			 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(transport_setup((void **)&f->base), 0);
	f->answer = "done";
	f->wire = sb_wire_new();
	assert_non_null(f->wire);
	f->port = free_port();
	f->base->peer.from = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(f->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	*state = f;
	listen_from(f, NULL);

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)sb_listener_free(f->listener);
	while (f->n_kept > 0)
		sb_incoming_drop(f->kept[--f->n_kept]);
	(void)transport_teardown((void **)&f->base);
	assert_int_equal(f->wire->refs, 1);
	(void)sb_wire_unref(f->wire);
	free(f);

	return 0;
}

/** struct question - a request made by hand */
struct question {
	enum peer_type type;
	uint8_t code;
	uint16_t mid;
	const char *token;
	const void *rest; /* options and payload as they are sent */
	size_t rest_len;
};

#define REST(bytes) (bytes), sizeof(bytes) - 1

/* POST /x, "on" */
static const struct question post_x = { PEER_CON, SKYBUS_POST, 100, "tokn", REST("\xb1x\xffon") };

static void ask(struct fixture *f, const struct question *question)
{
	uint8_t bytes[2048];
	size_t token_len = strlen(question->token);

	assert_true(question->rest_len < 1500);
	bytes[0] = (uint8_t)(1 << 6 | question->type << 4 | token_len);
	bytes[1] = question->code;
	bytes[2] = question->mid >> 8;
	bytes[3] = question->mid & 0xff;
	memcpy(bytes + 4, question->token, token_len);
	memcpy(bytes + 4 + token_len, question->rest, question->rest_len);
	peer_send_bytes(&f->base->peer, bytes, 4 + token_len + question->rest_len);
}

static void expect(struct fixture *f, enum peer_type type, uint8_t code, const char *payload)
{
	const struct peer_message *message = &f->base->message;
	size_t len = strlen(payload);

	transport_run_until_received(f->base);
	assert_int_equal(message->type, type);
	assert_int_equal(message->code, code);
	assert_memory_equal(message->bytes + message->len - len, payload, len);
	if (code == 0)
		assert_int_equal(message->len, 4);
}

static void expect_acknowledgement(struct fixture *f, uint16_t mid)
{
	expect(f, PEER_ACK, 0, "");
	assert_int_equal(f->base->message.mid, mid);
}

static void expect_refusal(struct fixture *f, uint8_t code)
{
	unsigned int told = f->told;

	expect(f, PEER_ACK, code, "");
	assert_int_equal(f->told, told);
}

static void expect_nothing(struct fixture *f)
{
	transport_run_a_while(f->base);
	assert_false(peer_receive(&f->base->peer, &f->base->message));
}

static struct question again(const struct question *question, uint16_t mid)
{
	struct question copy = *question;

	copy.mid = mid;

	return copy;
}

/* ---- what is told, what is answered ---- */

static void an_answer_at_once_rides_on_the_acknowledgement(void **state)
{
	struct fixture *f = *state;
	static const struct question question = { PEER_CON, SKYBUS_PUT, 77, "abcd",
						  REST("\xb1"
						       "a"
						       "\x02"
						       "bc"
						       "\x11\x32"
						       "\x33k=1"
						       "\x01m"
						       "\xff{}") };
	char from[32];
	struct sockaddr_in mine;
	socklen_t len = sizeof(mine);

	assert_int_equal(getsockname(f->base->peer.fd, (struct sockaddr *)&mine, &len), 0);
	(void)snprintf(from, sizeof(from), "127.0.0.1:%u", ntohs(mine.sin_port));
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4),
	       "\xff"
	       "done");
	assert_int_equal(f->base->message.mid, 77);
	assert_int_equal(f->base->message.token_len, 4);
	assert_memory_equal(f->base->message.token, "abcd", 4);
	/* Content-Format 0 has no byte. */
	assert_memory_equal(f->base->message.bytes + 8, "\xc0\xff", 2);
	assert_int_equal(f->told, 1);
	assert_int_equal(f->method, SKYBUS_PUT);
	assert_string_equal(f->path, "/a/bc");
	assert_string_equal(f->query, "k=1&m");
	assert_string_equal(f->payload, "{}");
	assert_string_equal(f->from, from);
	assert_int_equal(f->content_format, SKYBUS_FORMAT_JSON);
	expect_nothing(f);
}

static void a_request_without_anything(void **state)
{
	struct fixture *f = *state;
	static const struct question question = { PEER_CON, SKYBUS_GET, 1, "", REST("") };

	f->answer = "";
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "");
	assert_int_equal(f->base->message.len, 4);
	assert_string_equal(f->path, "/");
	assert_string_equal(f->query, "");
	assert_int_equal(f->content_format, SKYBUS_NO_FORMAT);
}

static void every_method_and_path_comes(void **state)
{
	struct fixture *f = *state;
	/* With a Content-Format: later versions of libcoap refuse FETCH and PATCH without (RFC 8132). */
	struct question question = { PEER_CON, SKYBUS_GET, 1, "tokn",
				     REST("\xbb.well-known\x04"
					  "core\x10") };

	for (question.code = SKYBUS_GET; question.code <= 7; question.code++) {
		question.mid++;
		ask(f, &question);
		expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
		assert_int_equal(f->method, question.code);
		assert_string_equal(f->path, "/.well-known/core");
	}
}

static void a_later_answer_comes_in_a_message_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct peer_message answered;

	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	assert_int_equal(f->n_kept, 1);
	assert_string_equal(sb_incoming_view(f->kept[0])->path, "/x");
	answer(f->kept[--f->n_kept], "late");
	expect(f, PEER_CON, SKYBUS_CODE(2, 4), "\xfflate");
	answered = f->base->message;
	assert_memory_equal(answered.token, "tokn", 4);
	peer_send(&f->base->peer, PEER_ACK, 0, &answered, "");
	expect_nothing(f);
}

static void a_non_confirmable_request_gets_such_an_answer(void **state)
{
	struct fixture *f = *state;
	struct question question = post_x;

	question.type = PEER_NON;
	ask(f, &question);
	expect(f, PEER_NON, SKYBUS_CODE(2, 4), "done");
	assert_memory_equal(f->base->message.token, "tokn", 4);
	f->manner = KEEP;
	question.token = "others";
	question.mid++;
	ask(f, &question);
	expect_nothing(f);
	answer(f->kept[--f->n_kept], "late");
	expect(f, PEER_NON, SKYBUS_CODE(2, 4), "late");
	assert_memory_equal(f->base->message.token, "others", 6);
}

static void a_request_that_is_dropped_is_an_error(void **state)
{
	struct fixture *f = *state;

	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	sb_incoming_drop(f->kept[--f->n_kept]);
	expect(f, PEER_CON, SKYBUS_CODE(5, 0), "");
	sb_incoming_drop(NULL);
}

/* Of libcoap 4.3.1's CVE-2023-30362: it searches the payload of a 5.08 for our address, and ends it first. */
static void a_word_of_proxies_is_an_error(void **state)
{
	SB_CLEANUP(sb_response_free)
	struct sb_response *response = sb_response_new(SKYBUS_CODE(5, 8));
	struct fixture *f = *state;

	assert_non_null(response);
	sb_response_payload(response, SKYBUS_FORMAT_TEXT, "10.0.0.1", 8);
	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	sb_incoming_answer(f->kept[--f->n_kept], response);
	expect(f, PEER_CON, SKYBUS_CODE(5, 0), "");
}

static void an_answer_that_does_not_fit_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct question other = again(&post_x, 101);
	char text[1152];

	/* Header, token, the longest Content-Format, marker. */
	memset(text, 'x', sizeof(text));
	text[1152 - 4 - 4 - 3 - 1] = '\0';
	f->answer = text;
	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), text);
	assert_in_range(f->base->message.len, 1150, 1152);
	text[1152 - 4 - 4 - 3 - 1] = 'x';
	text[1152 - 4 - 4 - 3] = '\0';
	other.token = "tokm";
	ask(f, &other);
	expect(f, PEER_ACK, SKYBUS_CODE(5, 0), "");
}

/* ---- repetitions ---- */

static void a_repeated_message_gets_the_same_answer(void **state)
{
	struct fixture *f = *state;

	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	f->answer = "another";
	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 1);
}

static void a_repeated_message_is_acknowledged_while_there_is_no_answer(void **state)
{
	struct fixture *f = *state;

	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	assert_int_equal(f->told, 1);
	answer(f->kept[--f->n_kept], "late");
	expect(f, PEER_CON, SKYBUS_CODE(2, 4), "late");
	/* RFC 7252 section 5.2.2: never with an acknowledgement after an empty one. */
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	assert_int_equal(f->told, 1);
}

static void a_short_token_is_known_by_its_message_for_a_while(void **state)
{
	struct fixture *f = *state;
	struct question question = post_x;

	question.token = "abc";
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	sb_loop_advance(f->base->loop, 246 * SB_USEC_PER_SEC);
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 1);
	sb_loop_advance(f->base->loop, 2 * SB_USEC_PER_SEC);
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 2);
	question.mid++;
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 3);
}

static void a_long_token_is_known_in_a_new_message(void **state)
{
	struct fixture *f = *state;
	struct question question = again(&post_x, 101);

	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	ask(f, &question);
	expect_acknowledgement(f, 101);
	answer(f->kept[--f->n_kept], "late");
	expect(f, PEER_CON, SKYBUS_CODE(2, 4), "late");
	question.mid++;
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "late");
	assert_int_equal(f->base->message.mid, 102);
	sb_loop_advance(f->base->loop, 599 * SB_USEC_PER_SEC);
	question.mid++;
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "late");
	assert_int_equal(f->told, 1);
	sb_loop_advance(f->base->loop, 2 * SB_USEC_PER_SEC);
	question.mid++;
	ask(f, &question);
	expect_acknowledgement(f, question.mid);
	assert_int_equal(f->told, 2);
}

static void another_content_is_another_request(void **state)
{
	struct fixture *f = *state;
	struct question question = again(&post_x, 101);

	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	question.rest = "\xb1x\xffof";
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 2);
	question.mid++;
	question.rest = "\xb1y\xffof";
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 3);
}

static void another_sender_is_another_request(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in to = f->base->peer.from;

	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	peer_done(&f->base->peer);
	peer_init(&f->base->peer);
	f->base->peer.from = to;
	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 2);
}

/* ---- bounds ---- */

static void only_so_many_are_open_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct question question = post_x;

	f->manner = KEEP;
	question.token = "x";
	for (; f->n_kept < 16; question.mid++) {
		ask(f, &question);
		expect_acknowledgement(f, question.mid);
	}
	ask(f, &question);
	expect_refusal(f, SKYBUS_CODE(5, 3));
	answer(f->kept[--f->n_kept], "late");
	expect(f, PEER_CON, SKYBUS_CODE(2, 4), "late");
	/* A refusal is not remembered. */
	ask(f, &question);
	expect_acknowledgement(f, question.mid);
	assert_int_equal(f->told, 17);
}

static void only_so_many_are_remembered(void **state)
{
	struct fixture *f = *state;
	struct question question = post_x;

	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	f->manner = ANSWER_AT_ONCE;
	question.token = "x";
	for (unsigned int i = 0; i < 256; i++) {
		question.mid++;
		ask(f, &question);
		expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	}
	assert_int_equal(f->told, 257);
	/* The oldest that was answered went, not the one that waits. */
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	question.mid = 102;
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 257);
	question.mid = 101;
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 258);
}

static void ask_and_answer_later(struct fixture *f, struct question *question, enum peer_type type)
{
	struct peer_message answered;

	question->mid++;
	ask(f, question);
	expect_acknowledgement(f, question->mid);
	answer(f->kept[--f->n_kept], "late");
	expect(f, type, SKYBUS_CODE(2, 4), "late");
	answered = f->base->message;
	if (type == PEER_CON)
		peer_send(&f->base->peer, PEER_ACK, 0, &answered, "");
}

/* Who never acknowledges must not fill the memory with what libcoap repeats. */
static void only_so_many_answers_are_confirmed(void **state)
{
	struct fixture *f = *state;
	struct question question = post_x;

	f->manner = KEEP;
	question.token = "x";
	for (unsigned int i = 0; i < 64; i++)
		ask_and_answer_later(f, &question, PEER_CON);
	ask_and_answer_later(f, &question, PEER_NON);
	ask_and_answer_later(f, &question, PEER_NON);
	sb_loop_advance(f->base->loop, 93 * SB_USEC_PER_SEC);
	ask_and_answer_later(f, &question, PEER_CON);
}

static void what_is_no_good_request(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const void *rest;
		size_t len;
		uint8_t code;
	} bad[] = {
		{ REST("\xb3"
		       "a/b"),
		  SKYBUS_CODE(4, 0) },
		{ REST("\xb3"
		       "a\0b"),
		  SKYBUS_CODE(4, 0) },
		{ REST("\xb1\xff"), SKYBUS_CODE(4, 0) },
		{ REST("\xb1x\x43k\0v"), SKYBUS_CODE(4, 0) },
		/* Block1: the first of several; a later one. Block2: a later one. */
		{ REST("\xb1x\xd1\x03\x0e\xffon"), SKYBUS_CODE(4, 13) },
		{ REST("\xb1x\xd1\x03\x16\xffon"), SKYBUS_CODE(4, 13) },
		{ REST("\xb1x\xc1\x16"), SKYBUS_CODE(4, 0) },
		/* Option 2049 is critical, and nobody knows it. */
		{ REST("\xb1x\xe1\x06\xe9z"), SKYBUS_CODE(4, 2) },
	};
	struct question question = post_x;

	for (size_t i = 0; i < SB_ELEMENTS(bad); i++) {
		question.mid++;
		question.rest = bad[i].rest;
		question.rest_len = bad[i].len;
		ask(f, &question);
		expect_refusal(f, bad[i].code);
	}
	/* One block that is all. */
	question.mid++;
	question.rest = "\xb1x\xd1\x03\x06\xffon";
	question.rest_len = 8;
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
}

static void garbage_harms_nobody(void **state)
{
	struct fixture *f = *state;
	uint8_t garbage[64];
	uint32_t random = 1;

	for (unsigned int i = 0; i < 300; i++) {
		size_t len = i % sizeof(garbage) + 1;

		for (size_t j = 0; j < len; j++) {
			random = random * 1103515245 + 12345;
			garbage[j] = (uint8_t)(random >> 16);
		}
		if (i % 2)
			garbage[0] = 0x44;
		peer_send_bytes(&f->base->peer, garbage, len);
		transport_turn(f->base);
		while (peer_receive(&f->base->peer, &f->base->message)) {
		}
	}
	f->told = 0;
	ask(f, &post_x);
	do
		transport_run_until_received(f->base);
	while (f->base->message.mid != post_x.mid);
	assert_int_equal(f->told, 1);
}

/* ---- strangers ---- */

static void strangers_are_not_heard(void **state)
{
	struct fixture *f = *state;
	static const char *const strange[] = { "10.0.0.0/8", "127.0.0.2", "126.0.0.0/8 128.0.0.0/1",
					       "::/0", "fd00::/8 ::1 2001:db8::/33 127.0.0.0/31" };
	struct question question = post_x;

	question.mid = 1;
	for (size_t i = 0; i < SB_ELEMENTS(strange) - 1; i++) {
		listen_from(f, strange[i]);
		ask(f, &question);
		peer_send_bytes(&f->base->peer, "\x40\0\x12\x34", 4);
		peer_send_bytes(&f->base->peer, "nonsense", 8);
		expect_nothing(f);
	}
	listen_from(f, strange[SB_ELEMENTS(strange) - 1]);
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	listen_from(f, "fd00::/8 127.0.0.0/8");
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	listen_from(f, "0.0.0.0/0");
	ask(f, &question);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_int_equal(f->told, 3);
}

/* Returns the socket; -1 where there is no IPv6. */
static int ask_over_ipv6(const struct fixture *f)
{
	static const uint8_t request[] = { 0x44, SKYBUS_POST, 0, 9, 't', 'o', 'k', 'n' };
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(f->port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(fd, request, sizeof(request), 0) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	transport_run_a_while(f->base);

	return fd;
}

static void networks_of_ipv6(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *networks;
		bool heard;
	} cases[] = { { "::1", true },	    { "::/0", true },	    { "::/127", true },
		      { "::2", false },	    { "0.0.0.0/0", false }, { "0:0:0:1::/64", false },
		      { "8000::/1", false } };

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		char bytes[64];
		int fd;

		listen_from(f, cases[i].networks);
		f->told = 0;
		fd = ask_over_ipv6(f);
		if (fd < 0)
			skip();
		assert_int_equal(f->told, cases[i].heard);
		assert_int_equal(recv(fd, bytes, sizeof(bytes), 0) > 0, cases[i].heard);
		if (cases[i].heard)
			assert_memory_equal(f->from, "[::1]:", 6);
		(void)close(fd);
	}
}

/* ---- ports and lifetimes ---- */

static void a_port_is_nobody_elses(void **state)
{
	struct fixture *f = *state;
	struct sb_listener_plan plan = { .port = f->port };
	struct sb_listener *second = NULL;
	const int yes = 1;
	struct sockaddr_in wanted = f->base->peer.from;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(sb_listener_new(f->base->transport, &plan, on_incoming, f, &second),
			 -EADDRINUSE);
	assert_null(second);
	/* Not for one that is ready to share either. */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&wanted, sizeof(wanted)), -1);
	assert_int_equal(errno, EADDRINUSE);
	f->listener = sb_listener_free(f->listener);
	assert_int_equal(bind(fd, (const struct sockaddr *)&wanted, sizeof(wanted)), 0);
	assert_int_equal(sb_listener_new(f->base->transport, &plan, on_incoming, f, &second),
			 -EADDRINUSE);
	assert_int_equal(close(fd), 0);
	assert_int_equal(sb_listener_new(f->base->transport, &plan, on_incoming, f, &f->listener),
			 0);
}

/* The first number beyond so many that are free. */
static rlim_t limit_leaving(unsigned int left)
{
	int fd = dup(STDIN_FILENO);
	rlim_t limit;

	assert_true(fd >= 0);
	limit = left > 0 ? limit_leaving(left - 1) : (rlim_t)fd;
	(void)close(fd);

	return limit;
}

static int listen_with_descriptors(struct fixture *f, unsigned int left, struct sb_listener **ret)
{
	struct sb_listener_plan plan = { .port = free_port() };
	struct rlimit before;
	struct rlimit low;
	int r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = limit_leaving(left);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	r = sb_listener_new(f->base->transport, &plan, on_incoming, f, ret);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

	return r;
}

/* A context has two of them, its socket is the third. */
static void descriptors_may_run_out(void **state)
{
	struct fixture *f = *state;
	struct sb_listener *second = NULL;

	assert_int_equal(listen_with_descriptors(f, 0, &second), -EMFILE);
	assert_int_equal(listen_with_descriptors(f, 2, &second), -EMFILE);
	assert_null(second);
	assert_int_equal(listen_with_descriptors(f, 3, &second), 0);
	(void)sb_listener_free(second);
}

static void an_interface_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct sb_listener_plan plan = { .port = free_port() };
	static const char *const names[] = { "nothere0", "", "a-name-beyond-what-fits" };
	struct sb_listener *listener = NULL;

	for (size_t i = 0; i < SB_ELEMENTS(names); i++) {
		plan.interface = names[i];
		assert_int_equal(sb_listener_new(f->base->transport, &plan, on_incoming, f,
						 &listener),
				 -ENODEV);
	}
	assert_null(listener);
}

static void a_listener_may_be_freed_by_a_request(void **state)
{
	struct fixture *f = *state;

	f->manner = FREE_THE_LISTENER;
	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(5, 3), "");
	assert_null(f->listener);
	answer(f->kept[--f->n_kept], "nobody hears");
	expect_nothing(f);
	listen_from(f, NULL);
	f->manner = ANSWER_AND_FREE_THE_LISTENER;
	ask(f, &post_x);
	ask(f, &post_x);
	expect(f, PEER_ACK, SKYBUS_CODE(2, 4), "done");
	assert_null(f->listener);
	assert_int_equal(f->told, 2);
}

static void requests_outlive_their_listener(void **state)
{
	struct fixture *f = *state;
	struct question question = again(&post_x, 101);

	f->manner = KEEP;
	question.token = "others";
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	ask(f, &question);
	expect_acknowledgement(f, 101);
	f->listener = sb_listener_free(f->listener);
	assert_string_equal(sb_incoming_view(f->kept[0])->path, "/x");
	answer(f->kept[--f->n_kept], "nobody hears");
	sb_incoming_drop(f->kept[--f->n_kept]);
	expect_nothing(f);
	assert_null(sb_listener_free(NULL));
}

static void a_listener_may_be_freed_with_an_answer_under_way(void **state)
{
	struct fixture *f = *state;

	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	answer(f->kept[--f->n_kept], "late");
	f->listener = sb_listener_free(f->listener);
	expect(f, PEER_CON, SKYBUS_CODE(2, 4), "late");
}

/* Over IPv4, to a socket that hears IPv6 as well: 28 bytes of headers. */
static void what_the_port_carries_is_counted(void **state)
{
	struct fixture *f = *state;
	size_t asked = 4 + strlen(post_x.token) + post_x.rest_len;
	size_t answered;

	f->manner = KEEP;
	ask(f, &post_x);
	expect_acknowledgement(f, 100);
	assert_int_equal(f->wire->received, 28 + asked);
	assert_int_equal(f->wire->sent, 28 + 4);
	answer(f->kept[--f->n_kept], "done");
	expect(f, PEER_CON, SKYBUS_CODE(2, 4), "done");
	answered = f->base->message.len;
	assert_int_equal(f->wire->sent, 28 + 4 + 28 + answered);
	peer_send(&f->base->peer, PEER_ACK, 0, &f->base->message, "");
	transport_run_a_while(f->base);
	assert_in_range(f->wire->received, 28 + asked + 28 + 4, 28 + asked + 28 + 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_at_once_rides_on_the_acknowledgement),
		TEST(what_the_port_carries_is_counted),
		TEST(a_request_without_anything),
		TEST(every_method_and_path_comes),
		TEST(a_later_answer_comes_in_a_message_of_its_own),
		TEST(a_non_confirmable_request_gets_such_an_answer),
		TEST(a_request_that_is_dropped_is_an_error),
		TEST(a_word_of_proxies_is_an_error),
		TEST(an_answer_that_does_not_fit_is_an_error),
		TEST(a_repeated_message_gets_the_same_answer),
		TEST(a_repeated_message_is_acknowledged_while_there_is_no_answer),
		TEST(a_short_token_is_known_by_its_message_for_a_while),
		TEST(a_long_token_is_known_in_a_new_message),
		TEST(another_content_is_another_request),
		TEST(another_sender_is_another_request),
		TEST(only_so_many_are_open_at_a_time),
		TEST(only_so_many_are_remembered),
		TEST(only_so_many_answers_are_confirmed),
		TEST(what_is_no_good_request),
		TEST(garbage_harms_nobody),
		TEST(strangers_are_not_heard),
		TEST(networks_of_ipv6),
		TEST(a_port_is_nobody_elses),
		TEST(descriptors_may_run_out),
		TEST(an_interface_that_is_not_there),
		TEST(a_listener_may_be_freed_by_a_request),
		TEST(requests_outlive_their_listener),
		TEST(a_listener_may_be_freed_with_an_answer_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
