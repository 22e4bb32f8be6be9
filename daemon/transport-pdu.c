/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/transport-pdu.h"

static size_t option_size(uint16_t *last, uint16_t number, size_t len)
{
	size_t size = coap_opt_encode_size((uint16_t)(number - *last), len);

	*last = number;

	return size;
}

/**
 * sb_pdu_size() - how long a message is
 * @options_size: of its options as they are encoded, bytes
 * @payload_len: bytes
 *
 * Return: bytes, with a token of SB_TOKEN_LEN.
 */
size_t sb_pdu_size(size_t options_size, size_t payload_len)
{
	return SB_PDU_HEADER_LEN + SB_TOKEN_LEN + options_size +
	       (payload_len > 0 ? 1 + payload_len : 0);
}

static void release_body(coap_session_t *session, void *body)
{
	(void)session;
	free(body);
}

/* A payload that does not fit goes in blocks (RFC 7959), which libcoap sees to. */
static int add_large_payload(coap_session_t *session, coap_pdu_t *pdu,
			     const struct sb_request *request)
{
	uint8_t *body = malloc(request->payload_len);

	if (!body)
		return -ENOMEM;
	memcpy(body, request->payload, request->payload_len);
	/* Calls release_body() itself, also when it fails. */
	if (!coap_add_data_large_request(session, pdu, request->payload_len, body, release_body,
					 body))
		return -EMSGSIZE;

	return 0;
}

/* @size: of the whole message */
static int add_payload(coap_session_t *session, const struct sb_request *request, coap_pdu_t *pdu,
		       size_t size)
{
	if (request->payload_len == 0)
		return 0;
	if (size > SB_PDU_HEADER_LEN + coap_session_max_pdu_size(session))
		return add_large_payload(session, pdu, request);

	return coap_add_data(pdu, request->payload_len, request->payload) ? 0 : -EMSGSIZE;
}

/**
 * sb_pdu_fill() - make a request of a PDU
 * @pdu: fresh, with method and message id
 * @session: that it is for
 * @token: SB_TOKEN_LEN bytes
 * @request: copied
 * @ret_size: of the message, bytes, as if it went without blocks
 *
 * Return: 0; -EMSGSIZE, -ENOMEM.
 */
int sb_pdu_fill(coap_pdu_t *pdu, coap_session_t *session, const uint8_t *token,
		const struct sb_request *request, size_t *ret_size)
{
	const struct sb_option *option;
	uint16_t last = 0;
	size_t options_size = 0;
	size_t size;
	int r;

	if (!coap_add_token(pdu, SB_TOKEN_LEN, token))
		return -ENOMEM;
	TAILQ_FOREACH(option, &request->options, entry) {
		if (!coap_add_option(pdu, option->number, option->len, option->value))
			return -EMSGSIZE;
		options_size += option_size(&last, option->number, option->len);
	}
	size = sb_pdu_size(options_size, request->payload_len);
	r = add_payload(session, request, pdu, size);
	if (r < 0)
		return r;
	*ret_size = size;

	return 0;
}

/**
 * sb_pdu_count_options() - how many options a PDU has
 * @pdu: received
 *
 * Return: how many.
 */
size_t sb_pdu_count_options(const coap_pdu_t *pdu)
{
	coap_opt_iterator_t iterator;
	size_t n = 0;

	(void)coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
	while (coap_option_next(&iterator))
		n++;

	return n;
}

/**
 * sb_pdu_read_options() - the options of a PDU
 * @pdu: received; lends their values
 * @options: room for all of them
 * @reply: gets them, and what of it stands in options
 *
 * Return: their size as they are encoded, bytes.
 */
size_t sb_pdu_read_options(const coap_pdu_t *pdu, struct skybus_option *options,
			   struct skybus_reply *reply)
{
	coap_opt_iterator_t iterator;
	const coap_opt_t *found;
	uint16_t last = 0;
	size_t size = 0;

	reply->options = options;
	(void)coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
	while ((found = coap_option_next(&iterator))) {
		struct skybus_option *option = &options[reply->n_options++];

		option->number = iterator.number;
		option->len = coap_opt_length(found);
		option->value = coap_opt_value(found);
		if (option->number == SB_OPTION_CONTENT_FORMAT)
			reply->content_format = coap_decode_var_bytes(option->value, option->len);
		else if (option->number == SB_OPTION_MAX_AGE)
			reply->max_age = coap_decode_var_bytes(option->value, option->len);
		size += option_size(&last, iterator.number, option->len);
	}

	return size;
}
