/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request from a cloud: what it says, how to know it again, what it was answered. Between the parts
 * of the transport; nobody else includes this.
 */
#include <coap3/coap.h>

#include "daemon/transport-listener.h"

#define SB_TOKEN_MAX 8 /* RFC 7252 section 3 */

/**
 * struct sb_incoming - a request, and later the memory of it
 * @listener: to which it came; NULL once that is gone
 * @session: through which it is answered, referenced; NULL once it is answered or the listener is gone
 * @peer: who asks
 * @mid: the message id under which it came last, at @mid_at
 * @came_at: when it came first, CLOCK_BOOTTIME, µs
 * @confirmable: whether an answer of its own should be, too
 * @acknowledged: @mid was acknowledged without the answer, which goes, or went, in a message of its own
 * @answered: the owner has let go of it
 * @content: code, options and payload: by which it is known again
 * @path, @query, @from: behind @view, owned
 * @answer_code, @answer_format, @answer, @answer_len: once answered
 */
struct sb_incoming {
	TAILQ_ENTRY(sb_incoming) entry;
	struct sb_listener *listener;
	coap_session_t *session;
	coap_address_t peer;
	uint8_t token[SB_TOKEN_MAX];
	size_t token_len;
	coap_mid_t mid;
	uint64_t mid_at;
	uint64_t came_at;
	bool confirmable;
	bool acknowledged;
	bool answered;
	uint8_t *content;
	size_t content_len;
	char *path;
	char *query;
	char *from;
	struct skybus_incoming view;
	uint32_t answer_code;
	uint32_t answer_format;
	uint8_t *answer;
	size_t answer_len;
};

int sb_incoming_read(coap_session_t *session, const coap_pdu_t *pdu, uint64_t now,
		     struct sb_incoming **ret);
struct sb_incoming *sb_incoming_free(struct sb_incoming *incoming);
SB_DEFINE_CLEANUP(struct sb_incoming *, sb_incoming_free)
bool sb_incoming_repeats(const struct sb_incoming *incoming, const struct sb_incoming *earlier);
void sb_incoming_settle(struct sb_incoming *incoming, const struct sb_response *response);
void sb_incoming_write(const struct sb_incoming *incoming, coap_pdu_t *pdu);
void sb_incoming_send(const struct sb_incoming *incoming, bool confirm);
