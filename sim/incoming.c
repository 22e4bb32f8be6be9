/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sim/incoming.h"

/*
 * Adds one Uri-Path segment. A slash or a zero inside one is legal CoAP (RFC 7252 section 6.5), but
 * no cloud here has such a path: the client did not split its path.
 */
static bool add_segment(struct sim_incoming *incoming, size_t *path_len, const uint8_t *value,
			size_t len)
{
	if (memchr(value, '/', len) || memchr(value, '\0', len) ||
	    *path_len + 1 + len >= sizeof(incoming->path))
		return false;

	incoming->path[*path_len] = '/';
	memcpy(incoming->path + *path_len + 1, value, len);
	*path_len += 1 + len;
	incoming->path[*path_len] = '\0';

	return true;
}

static bool add_option(struct sim_incoming *incoming, uint16_t number, const uint8_t *value,
		       size_t len)
{
	struct sim_request *request = &incoming->request;

	if (request->n_options == SIM_INCOMING_OPTIONS)
		return false;

	incoming->options[request->n_options++] =
		(struct sim_option){ .number = number, .len = (uint16_t)len, .value = value };

	return true;
}

static bool read_options(struct sim_incoming *incoming, const coap_pdu_t *pdu)
{
	coap_opt_iterator_t iterator;
	const coap_opt_t *option;
	size_t path_len = 0;
	bool fits = true;

	(void)coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
	while (fits && (option = coap_option_next(&iterator))) {
		const uint8_t *value = coap_opt_value(option);
		size_t len = coap_opt_length(option);

		if (iterator.number == COAP_OPTION_URI_PATH)
			fits = add_segment(incoming, &path_len, value, len);
		else
			fits = add_option(incoming, iterator.number, value, len);
	}

	return fits;
}

/**
 * sim_incoming_read() - read a request
 * @incoming: filled, also on failure, but for what did not fit
 * @peer: who sent it, lent
 * @now: CLOCK_BOOTTIME, µs
 * @pdu: the request, lent until the incoming has been served
 *
 * Return: 0; -EINVAL when its path or its options are beyond what a cloud can be given.
 */
int sim_incoming_read(struct sim_incoming *incoming, const char *peer, uint64_t now,
		      const coap_pdu_t *pdu)
{
	struct sim_request *request = &incoming->request;
	const uint8_t *payload = NULL;
	size_t payload_len = 0;

	(void)coap_get_data(pdu, &payload_len, &payload);
	(void)strcpy(incoming->path, "/");
	*request = (struct sim_request){
		.now = now,
		.peer = peer,
		.method = (uint8_t)coap_pdu_get_code(pdu),
		.path = incoming->path,
		.options = incoming->options,
		.payload = payload_len > 0 ? payload : (const uint8_t *)"",
		.payload_len = payload_len,
	};

	return read_options(incoming, pdu) ? 0 : -EINVAL;
}

/**
 * sim_incoming_id() - what tells a request from a repetition of it
 * @pdu: the request
 *
 * Return: its message id and token.
 */
struct sim_message_id sim_incoming_id(const coap_pdu_t *pdu)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	struct sim_message_id id = { .mid = (uint16_t)coap_pdu_get_mid(pdu) };

	id.token_len = (uint8_t)(token.length < sizeof(id.token) ? token.length : sizeof(id.token));
	if (id.token_len > 0)
		memcpy(id.token, token.s, id.token_len);

	return id;
}
