/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A CoAP request while it is being filled: plain data, no libcoap. Setters never fail to their caller;
 * the first failure is remembered and the request cannot be sent.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/cleanup.h"

/* CoAP option numbers, RFC 7252 section 5.10, RFC 7641. */
#define SB_OPTION_OBSERVE 6
#define SB_OPTION_URI_PATH 11
#define SB_OPTION_CONTENT_FORMAT 12
#define SB_OPTION_MAX_AGE 14
#define SB_OPTION_URI_QUERY 15

/** What the options of most requests fit into, bytes. */
#define SB_REQUEST_ROOM 512

/** struct sb_option - one option, its value behind it */
struct sb_option {
	TAILQ_ENTRY(sb_option) entry;
	uint16_t number;
	uint16_t len;
	uint8_t value[];
};

TAILQ_HEAD(sb_option_list, sb_option);

/**
 * struct sb_request - a request
 * @method: CoAP method code, 2 is POST
 * @error: 0, or the negative errno of the first setter that failed
 * @options: ascending by number, in the order of adding among equals (RFC 7252 section 5.4.5)
 * @room: some of them are here, the others have memory of their own
 * @room_used: bytes of it
 * @payload: owned; NULL when @payload_len is 0
 * @payload_len: bytes
 * @note: goes back with the reply
 * @impatient: the first word of the network that nobody is there ends it (SKYBUS_UNREACHABLE);
 *	otherwise it is retransmitted, since the peer may be restarting
 */
struct sb_request {
	uint32_t method;
	int error;
	struct sb_option_list options;
	_Alignas(struct sb_option) uint8_t room[SB_REQUEST_ROOM];
	size_t room_used;
	uint8_t *payload;
	size_t payload_len;
	uint64_t note;
	bool impatient;
};

struct sb_request *sb_request_new(void);
struct sb_request *sb_request_free(struct sb_request *request);
SB_DEFINE_CLEANUP(struct sb_request *, sb_request_free)

void sb_request_path(struct sb_request *request, const char *path);
void sb_request_query(struct sb_request *request, const char *query);
void sb_request_option(struct sb_request *request, uint32_t number, const void *value, size_t len);
void sb_request_uint(struct sb_request *request, uint32_t number, uint32_t value);
void sb_request_payload(struct sb_request *request, const void *data, size_t len);

const char *sb_code_text(uint32_t code, char ret_text[8]);
