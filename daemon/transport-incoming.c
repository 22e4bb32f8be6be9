/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/request.h"
#include "daemon/transport-incoming.h"
#include "daemon/utf8.h"

#define EXCHANGE_LIFETIME_USEC (247 * SB_USEC_PER_SEC) /* RFC 7252 section 4.8.2 */

/* Clouds ask again, in a new message, what got no answer; with a token that is no accident. */
#define REPETITION_USEC (600 * SB_USEC_PER_SEC)
#define TOKEN_LEN_TO_TRUST 4

/* RFC 7252 section 4.6; header, the option Content-Format, the payload's marker. */
#define DATAGRAM_MAX 1152
#define ANSWER_OVERHEAD (4 + 3 + 1)

/* ---- reading ---- */

/* The bytes that content and texts take at most; a path and a query have one more for each option. */
static size_t size_of(const coap_pdu_t *pdu, size_t payload_len)
{
	coap_opt_iterator_t iterator;
	const coap_opt_t *option;
	size_t size = sizeof(uint8_t) + payload_len;

	(void)coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
	while ((option = coap_option_next(&iterator)))
		size += 2 * sizeof(uint16_t) + coap_opt_length(option);

	return size;
}

static void append(struct sb_incoming *incoming, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(incoming->content + incoming->content_len, bytes, len);
	incoming->content_len += len;
}

static void append_number(struct sb_incoming *incoming, size_t number)
{
	uint16_t bytes = htons((uint16_t)number);

	append(incoming, &bytes, sizeof(bytes));
}

/* "/a" or "&b"; false for what would not be that segment any more. */
static bool add_text(char *text, char separator, const coap_opt_t *option)
{
	size_t len = coap_opt_length(option);
	char *end = text + strlen(text);

	if (separator == '/' || end > text)
		*end++ = separator;
	memcpy(end, coap_opt_value(option), len);
	end[len] = '\0';

	return !memchr(end, '\0', len) && sb_utf8_good(end, len) == len &&
	       (separator != '/' || !memchr(end, '/', len));
}

static bool read_option(struct sb_incoming *incoming, uint16_t number, const coap_opt_t *option)
{
	append_number(incoming, number);
	append_number(incoming, coap_opt_length(option));
	append(incoming, coap_opt_value(option), coap_opt_length(option));
	if (number == SB_OPTION_URI_PATH)
		return add_text(incoming->path, '/', option);
	if (number == SB_OPTION_URI_QUERY)
		return add_text(incoming->query, '&', option);
	if (number == SB_OPTION_CONTENT_FORMAT)
		incoming->view.content_format =
			coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));

	return true;
}

static int read_content(struct sb_incoming *incoming, const coap_pdu_t *pdu)
{
	uint8_t code = (uint8_t)coap_pdu_get_code(pdu);
	coap_opt_iterator_t iterator;
	const coap_opt_t *option;
	const uint8_t *payload = NULL;
	size_t payload_len = 0;
	size_t size;

	if (!coap_get_data(pdu, &payload_len, &payload))
		payload_len = 0;
	size = size_of(pdu, payload_len);
	incoming->content = malloc(size);
	incoming->path = calloc(1, size + sizeof("/"));
	incoming->query = calloc(1, size + sizeof("&"));
	if (!incoming->content || !incoming->path || !incoming->query)
		return -ENOMEM;

	append(incoming, &code, sizeof(code));
	(void)coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
	while ((option = coap_option_next(&iterator))) {
		if (!read_option(incoming, iterator.number, option))
			return -EBADMSG;
	}
	if (*incoming->path == '\0')
		strcpy(incoming->path, "/");
	incoming->view.method = code;
	incoming->view.payload = payload_len > 0 ? incoming->content + incoming->content_len : NULL;
	incoming->view.payload_len = (uint32_t)payload_len;
	append(incoming, payload, payload_len);

	return 0;
}

/* "10.64.0.1:40000", "[fd00::1]:40000". */
static char *print_address(const coap_address_t *address)
{
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];
	const char *shown = host;
	bool ipv6;
	char *text;

	if (getnameinfo(&address->addr.sa, address->size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return NULL;
	if (address->addr.sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&address->addr.sin6.sin6_addr))
		shown = host + strlen("::ffff:");
	ipv6 = strchr(shown, ':');

	return asprintf(&text, "%s%s%s:%s", ipv6 ? "[" : "", shown, ipv6 ? "]" : "", port) < 0
		       ? NULL
		       : text;
}

/**
 * sb_incoming_read() - take a request in
 * @session: on which it came; not referenced yet
 * @pdu: the request
 * @now: CLOCK_BOOTTIME, µs
 * @ret: the caller's
 *
 * Return: 0; -EBADMSG when path or query is no text; -ENOMEM.
 */
int sb_incoming_read(coap_session_t *session, const coap_pdu_t *pdu, uint64_t now,
		     struct sb_incoming **ret)
{
	SB_CLEANUP(sb_incoming_free) struct sb_incoming *incoming = calloc(1, sizeof(*incoming));
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	int r;

	if (!incoming)
		return -ENOMEM;
	if (token.length > sizeof(incoming->token))
		return -EBADMSG;
	memcpy(incoming->token, token.s, token.length);
	incoming->token_len = token.length;
	incoming->mid = coap_pdu_get_mid(pdu);
	incoming->confirmable = coap_pdu_get_type(pdu) == COAP_MESSAGE_CON;
	incoming->came_at = incoming->mid_at = now;
	coap_address_copy(&incoming->peer, coap_session_get_addr_remote(session));
	incoming->from = print_address(&incoming->peer);
	if (!incoming->from)
		return -ENOMEM;
	incoming->view.content_format = SKYBUS_NO_FORMAT;
	r = read_content(incoming, pdu);
	if (r < 0)
		return r;
	incoming->view.size = sizeof(incoming->view);
	incoming->view.path = incoming->path;
	incoming->view.query = incoming->query;
	incoming->view.from = incoming->from;
	*ret = SB_STEAL(incoming);

	return 0;
}

static void forget_texts(struct sb_incoming *incoming)
{
	free(incoming->path);
	free(incoming->query);
	free(incoming->from);
	incoming->path = incoming->query = incoming->from = NULL;
}

/**
 * sb_incoming_free() - forget a request
 * @incoming: may be NULL or half-built; in nobody's list
 *
 * Return: NULL.
 */
struct sb_incoming *sb_incoming_free(struct sb_incoming *incoming)
{
	if (!incoming)
		return NULL;

	forget_texts(incoming);
	free(incoming->content);
	free(incoming->answer);
	free(incoming);

	return NULL;
}

/**
 * sb_incoming_repeats() - has a request come before
 * @incoming: it
 * @earlier: another
 *
 * Return: whether they are one: the same message, RFC 7252 section 4.5, or the same content with the
 * same token in a new one.
 */
bool sb_incoming_repeats(const struct sb_incoming *incoming, const struct sb_incoming *earlier)
{
	if (incoming->token_len != earlier->token_len ||
	    memcmp(incoming->token, earlier->token, earlier->token_len) != 0 ||
	    !coap_address_equals(&incoming->peer, &earlier->peer))
		return false;
	if (incoming->mid == earlier->mid &&
	    incoming->came_at - earlier->mid_at < EXCHANGE_LIFETIME_USEC)
		return true;

	return incoming->token_len >= TOKEN_LEN_TO_TRUST &&
	       incoming->came_at - earlier->came_at < REPETITION_USEC &&
	       incoming->content_len == earlier->content_len &&
	       memcmp(incoming->content, earlier->content, earlier->content_len) == 0;
}

/* ---- answering ---- */

/*
 * 5.08 is what proxies say to each other (RFC 8768), and libcoap writes into it: 4.3.1 beyond its end,
 * CVE-2023-30362.
 */
static bool is_ours_to_say(uint32_t code)
{
	uint32_t class = SKYBUS_CODE_CLASS(code);

	return (class == 2 || class == 4 || class == 5) && code != SKYBUS_CODE(5, 8);
}

static bool can_be_sent(const struct sb_incoming *incoming, const struct sb_response *response)
{
	return response->error == 0 && is_ours_to_say(response->code) &&
	       response->payload_len + incoming->token_len + ANSWER_OVERHEAD <= DATAGRAM_MAX;
}

/**
 * sb_incoming_settle() - keep the answer; the owner lets go of the request
 * @incoming: not settled yet
 * @response: lent; what cannot be sent becomes 5.00
 */
void sb_incoming_settle(struct sb_incoming *incoming, const struct sb_response *response)
{
	incoming->answered = true;
	incoming->answer_code = SKYBUS_CODE(5, 0);
	incoming->answer_format = SKYBUS_NO_FORMAT;
	forget_texts(incoming);
	if (!can_be_sent(incoming, response)) {
		sb_log(LOG_DEBUG, "an answer of %zu bytes (code %u, %s) cannot be sent",
		       response->payload_len, response->code, strerror(-response->error));
		return;
	}
	if (response->payload_len > 0) {
		incoming->answer = malloc(response->payload_len);
		if (!incoming->answer)
			return;
		memcpy(incoming->answer, response->payload, response->payload_len);
		incoming->answer_len = response->payload_len;
		incoming->answer_format = response->content_format;
	}
	incoming->answer_code = response->code;
}

/**
 * sb_incoming_write() - write the answer
 * @incoming: settled
 * @pdu: has the token already
 */
void sb_incoming_write(const struct sb_incoming *incoming, coap_pdu_t *pdu)
{
	uint8_t format[2];

	coap_pdu_set_code(pdu, (coap_pdu_code_t)incoming->answer_code);
	if (incoming->answer_format <= UINT16_MAX)
		(void)coap_add_option(pdu, SB_OPTION_CONTENT_FORMAT,
				      coap_encode_var_safe(format, sizeof(format),
							   incoming->answer_format),
				      format);
	if (incoming->answer_len > 0)
		(void)coap_add_data(pdu, incoming->answer_len, incoming->answer);
}

/**
 * sb_incoming_send() - send the answer in a message of its own
 * @incoming: settled, with a session
 * @confirm: whether libcoap is to repeat it until it is acknowledged
 *
 * What gets lost all the same is asked for again.
 */
void sb_incoming_send(const struct sb_incoming *incoming, bool confirm)
{
	coap_session_t *session = incoming->session;
	coap_pdu_t *pdu =
		coap_pdu_init(confirm ? COAP_MESSAGE_CON : COAP_MESSAGE_NON, COAP_EMPTY_CODE,
			      coap_new_message_id(session), coap_session_max_pdu_size(session));

	if (!pdu)
		return;
	if (!coap_add_token(pdu, incoming->token_len, incoming->token)) {
		coap_delete_pdu(pdu);
		return;
	}
	sb_incoming_write(incoming, pdu);
	(void)coap_send(session, pdu);
}
